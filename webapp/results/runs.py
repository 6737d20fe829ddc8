"""A search as one run among others, and the runs of one strategy over seeds."""

from dataclasses import dataclass, field
from functools import cached_property

from nas_engine.significance import Interval, interval
from webapp.models import Search, Trial

TOP = 10  # distinct cells of a strategy whose operations are counted
# What a point holds: a row of ``values_list(*POINT, named=True)`` over trials.
POINT = ("search_id", "number", "valid_accuracy", "reward", "seconds", "params", "macs", "latency", "cell_id", "state")


@dataclass
class Run:
    """One search: its points in the order of their numbers, failed trials among them."""

    search: Search
    points: list = field(default_factory=list)
    judged: float | None = None  # accuracy after full training, where a table holds it

    @property
    def seed(self) -> int:
        return self.search.config["seed"]

    @cached_property
    def measured(self) -> list:
        return [point for point in self.points if point.valid_accuracy is not None]

    @cached_property
    def best(self):
        """The point of highest reward, the earlier among equals; None while there is none."""
        return max(self.measured, key=lambda point: (point.reward, -point.number), default=None)

    @cached_property
    def climb(self) -> list[tuple[int, float, float]]:
        """(trials so far, seconds of training so far, best so far) after each trial with a result."""
        steps, best, spent = [], None, 0.0
        for count, point in enumerate(self.points, start=1):
            spent += self._cost(point)
            if point.valid_accuracy is not None:
                value = self.value(point)
                best = value if best is None else max(best, value)
                steps.append((count, spent, best))
        return steps

    @property
    def seconds(self) -> float:
        """Of training; in a table also of what was looked up before."""
        return sum(self._cost(point) for point in self.points)

    def _cost(self, point) -> float:
        reused = point.state == Trial.State.REUSED and self.search.dataset_id is not None
        return 0.0 if reused else point.seconds or 0.0

    @property
    def steered(self) -> bool:
        """Whether its reward is more than the accuracy."""
        return self.search.config["reward"]["goal"] != "accuracy"

    def value(self, point) -> float:
        return point.reward if self.steered else point.valid_accuracy

    @property
    def final(self) -> float | None:
        """What the search came to: the judged accuracy of its best cell, else the best measured value."""
        if self.best is None:
            return None
        return self.value(self.best) if self.judged is None else self.judged


@dataclass
class Group:
    """A strategy with its settings, over seeds."""

    strategy: str
    label: str
    runs: list[Run]
    series: int = 1

    @cached_property
    def finals(self) -> dict[int, float]:
        """Seed -> what the search came to; of several with one seed, the first."""
        found: dict[int, float] = {}
        for run in self.runs:
            if run.final is not None:
                found.setdefault(run.seed, run.final)
        return found

    @cached_property
    def result(self) -> Interval | None:
        return interval(list(self.finals.values())) if self.finals else None

    @cached_property
    def valid(self) -> Interval | None:
        values = [run.value(run.best) for run in self.runs if run.best]
        return interval(values) if values else None

    @property
    def trials(self) -> float:
        return sum(len(run.points) for run in self.runs) / len(self.runs)

    @property
    def seconds(self) -> float:
        return sum(run.seconds for run in self.runs) / len(self.runs)

    @property
    def failed(self) -> int:
        return sum(len(run.points) - len(run.measured) for run in self.runs)

    @property
    def under_way(self) -> int:
        return sum(run.search.state not in Search.ENDED for run in self.runs)

    @cached_property
    def best(self) -> Run | None:
        """The search that came farthest."""
        return max((run for run in self.runs if run.final is not None), key=lambda run: run.final, default=None)

    def top_cells(self) -> list[str]:
        """Keys of its best distinct cells over all searches."""
        ranked = sorted((p for run in self.runs for p in run.measured), key=lambda p: (-p.reward, p.number))
        return list(dict.fromkeys(point.cell_id for point in ranked))[:TOP]
