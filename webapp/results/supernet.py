"""What the page of a weight-sharing search shows of its supernet."""

from functools import cached_property

from nas_engine.evaluators.supernet.config import METHODS
from nas_engine.graph_cell import read_cells
from nas_engine.significance import Agreement, agreement
from webapp.diagrams import layout
from webapp.figures import policy
from webapp.figures import supernet as figures
from webapp.models import Search, SupernetEpoch, SupernetRun, Trial

KINDS = ("normal", "reduction")


class SupernetPage:
    """``choices`` are the search space's, which a controller's probabilities are named after."""

    def __init__(self, search: Search, choices: tuple = ()):
        self.search, self.choices = search, choices
        self.run = SupernetRun.objects.filter(search=search).first()

    @property
    def method(self) -> str:
        return METHODS.get(self.search.config["evaluator_config"]["method"], "")

    @cached_property
    def records(self) -> list[dict]:
        """Every epoch's record but its large tables, in order."""
        names = (
            "epoch", "train_loss", "valid_loss", "train_accuracy", "valid_accuracy", "skips", "skip_places", "alarm",
            "seconds", "controller__entropy", "controller__entropy_uniform", "controller__reward",
            "controller__baseline",
        )  # fmt: skip
        if self.run is None:
            return []
        rows = self.run.records.values_list(*(f"record__{name}" for name in names))
        return [dict(zip(names, row, strict=True)) for row in rows]

    @cached_property
    def latest(self) -> dict:
        """The last epoch's record, whole."""
        last = self.run.records.order_by("-number").first() if self.run else None
        return last.record if last else {}

    @property
    def epoch(self) -> int:
        return self.run.epoch if self.run else 0

    @property
    def training(self) -> bool:
        """Whether the supernet is still to be trained further."""
        return self.run is None or self.run.state in (SupernetRun.State.QUEUED, SupernetRun.State.RUNNING)

    @property
    def inside(self) -> str:
        """What is being done inside the epoch: "controller, step 3 of 30"."""
        told = self.run.progress if self.run else {}
        return f"{told['phase']}, step {told['step']} of {told['steps']}" if told.get("steps") else ""

    @property
    def seconds_an_epoch(self) -> float | None:
        timed = [record["seconds"] for record in self.records[-10:]]
        return sum(timed) / len(timed) if timed else None

    @property
    def seconds_left(self) -> float | None:
        """Of the supernet's training; None while there is no pace."""
        pace = self.seconds_an_epoch
        return None if pace is None or not self.training else pace * max(self.run.epochs - self.run.epoch, 0)

    @property
    def alarm(self) -> str:
        return self.latest.get("alarm", "")

    @cached_property
    def scored(self) -> list[tuple[float, float, str, int]]:
        """(supernet score, valid accuracy, cell's key, number) of the derived cells that were trained by themselves."""
        rows = self.search.trials.filter(state__in=Trial.MEASURED).order_by("number")
        rows = rows.values_list("info__supernet_score", "valid_accuracy", "cell", "number")
        return [row for row in rows if row[0] is not None]

    @cached_property
    def agreement(self) -> Agreement | None:
        """How far the supernet ranked the derived cells as training each by itself does."""
        return agreement([row[0] for row in self.scored], [row[1] for row in self.scored])

    @cached_property
    def figures(self) -> dict[str, dict]:
        """Name -> figure, for whatever there is."""
        alarm = self.search.config["evaluator_config"]["skip_alarm"]
        updates = [(record["epoch"], _as_update(record)) for record in self.records]
        found = {
            "shared-loss": figures.losses(self.records),
            "shared-accuracy": figures.accuracies(self.records),
            "shared-skips": figures.skips(self.records, alarm),
            "shared-entropy": policy.entropy(updates),
            "shared-reward": policy.reward([one for one in updates if one[1]["mean_reward"] is not None]),
            "shared-scores": figures.scores(self.scored),
            **{f"shared-{name}": one for name, one in epoch_figures(self.latest, self.choices).items()},
        }
        return {name: one for name, one in found.items() if one}

    @property
    def figures_version(self) -> str:
        return f"{self.epoch}-{len(self.scored)}"

    @property
    def derived(self) -> dict[str, dict]:
        """The cells that the search would return now, laid out."""
        return derived_layouts(self.latest)


def epoch_figures(record: dict, choices: tuple) -> dict[str, dict]:
    """The heat maps of one epoch: a mixture for each kind of cell, or a controller's probabilities."""
    found = {kind: figures.mixture(record, kind) for kind in KINDS}
    found["policy"] = policy.heat_map(record.get("controller", {}), choices)
    return {name: one for name, one in found.items() if one}


def derived_layouts(record: dict) -> dict[str, dict]:
    """The derived cells of an epoch, laid out, by their kinds."""
    derived = record.get("derived")
    return {cell.kind: layout(cell) for cell in read_cells(derived["cells"])} if derived else {}


def find_epoch(search: Search, number: int) -> dict | None:
    """The record of one epoch."""
    found = SupernetEpoch.objects.filter(run__search=search, number=number).first()
    return found.record if found else None


def _as_update(record: dict) -> dict:
    return {
        "entropy": record["controller__entropy"],
        "entropy_uniform": record["controller__entropy_uniform"],
        "mean_reward": record["controller__reward"],
        "baseline": record["controller__baseline"],
    }
