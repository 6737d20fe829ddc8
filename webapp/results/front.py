"""The front of a multi-objective search: the trials that no other beats in every objective."""

from collections.abc import Sequence
from functools import cached_property

from nas_engine import pareto
from nas_engine.strategies.nsga2 import objectives_of
from nas_engine.trial import Evaluation
from webapp.models import CellRecord

SHOWN = 12
WORDS = {"accuracy": "accuracy", "params": "parameters", "macs": "MACs", "latency": "latency"}
# Objectives -> points of a front up to which its hypervolume is computed for a page.
CHEAP = {1: 10_000, 2: 10_000, 3: 200, 4: 60}


class SearchFront:
    """``measured`` are points with valid_accuracy, params, macs, latency, cell_id and number; ``names`` the objectives."""

    def __init__(self, measured: Sequence, names: Sequence[str]):
        self.names = tuple(names)
        self._measured = measured
        self._all = [objectives_of(_evaluation(point), self.names) for point in measured]
        self._at = pareto.front(self._all)

    @property
    def words(self) -> str:
        """ "accuracy and MACs"."""
        *first, last = [WORDS[name] for name in self.names]
        return f"{', '.join(first)} and {last}" if first else last

    @property
    def size(self) -> int:
        return len(self._at)

    @cached_property
    def rows(self) -> list[dict]:
        """The most accurate first, each cell once: {"record", "point"}."""
        points = sorted((self._measured[at] for at in self._at), key=lambda p: (-p.valid_accuracy, p.number))[:SHOWN]
        records = CellRecord.objects.in_bulk([point.cell_id for point in points])
        return [{"record": records[point.cell_id], "point": point} for point in points]

    @cached_property
    def hypervolume(self) -> float | None:
        """The share of the box from the origin (accuracy 100%, cost 0) to (accuracy 0, the dearest trial) that the front
        dominates; None where it would take long."""
        if len(self._at) > CHEAP[len(self.names)]:
            return None
        worst = [max(column) for column in zip(*self._all, strict=True)]
        box = [1.0 if name == "accuracy" else high or 1.0 for name, high in zip(self.names, worst, strict=True)]
        shares = [
            [
                value / size + (name == "accuracy")
                for value, size, name in zip(self._all[at], box, self.names, strict=True)
            ]
            for at in self._at
        ]
        # The dearest trial itself lies on the border; a hair beyond it still counts its accuracy.
        return pareto.hypervolume(shares, [1.0 + 1e-9] * len(box))


def _evaluation(point) -> Evaluation:
    return Evaluation(point.valid_accuracy, point.params or 0, point.macs or 0, point.latency)
