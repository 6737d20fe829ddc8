"""Cells as lines over parallel axes: what they measure and what they are made of."""

from collections import Counter
from dataclasses import dataclass

from nas_engine.operations import FAMILIES, OPERATIONS
from webapp.models import Trial
from webapp.results.ranking import Ranking

MOST_LINES = 300
FIRST = 60  # of the most accurate are all drawn
# name -> (title, unit, field of a trial, factor, the field's name in an address)
METRICS = {
    "accuracy": ("valid", "%", "valid_accuracy", 100, "acc"),
    "macs": ("MACs", "M", "macs", 1e-6, "macs"),
    "params": ("parameters", "M", "params", 1e-6, "params"),
    "latency": ("latency", "ms", "latency", 1e3, "lat"),
    "seconds": ("training", "s", "seconds", 1, ""),
}


@dataclass(frozen=True)
class Axis:
    """One axis: numbers from ``low`` to ``high`` (``counts``: whole ones from 0), or for a decision its ``options``.
    ``field`` is the filter it sets."""

    title: str
    unit: str
    low: float
    high: float
    options: tuple[str, ...] = ()
    field: str = ""
    counts: bool = False

    def place(self, value: float) -> float:
        """Where a value lies, from 0 to 1."""
        return (value - self.low) / ((self.high - self.low) or 1)


@dataclass(frozen=True)
class Line:
    """A cell: its key, name, accuracy and value on every axis (None: not known)."""

    key: str
    name: str
    accuracy: float
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Parallel:
    axes: list[Axis]
    lines: list[Line]


def parallel(ranked: Ranking, made_of: str) -> Parallel:
    """The best cells and a spread of the others over axes of metrics and, by ``made_of``, of the families of their
    operations ("families") or of the decisions of one of their cells ("normal", "reduction")."""
    step = max(1, (len(ranked) - FIRST) // (MOST_LINES - FIRST))
    keys = ranked.column("pk")
    drawn = [*keys[:FIRST], *keys[FIRST::step][: MOST_LINES - FIRST]]
    wanted = ("cell__cells", "cell__name", *(column for _, _, column, _, _ in METRICS.values()))
    found = Trial.objects.select_related("cell").only(*wanted).in_bulk(drawn)
    trials = [found[pk] for pk in drawn]
    parts = _families(trials) if made_of == "families" else _decisions(trials, made_of)
    columns = [*_metrics(trials), *parts]
    axes = [axis for axis, _ in columns]
    lines = [
        Line(trial.cell_id, str(trial.cell), trial.valid_accuracy, tuple(values[at] for _, values in columns))
        for at, trial in enumerate(trials)
    ]
    return Parallel(axes, lines)


def _metrics(trials: list[Trial]) -> list[tuple[Axis, list]]:
    columns = []
    for title, unit, field, factor, name in METRICS.values():
        values = [None if getattr(t, field) is None else getattr(t, field) * factor for t in trials]
        known = [value for value in values if value is not None]
        if known:
            columns.append((Axis(title, unit, min(known), max(known), field=name), values))
    return columns


def _families(trials: list[Trial]) -> list[tuple[Axis, list]]:
    """How many of a cell's operations are of each family."""
    counts = [
        Counter(OPERATIONS[name].family for _, name in _operations(trial) if name in OPERATIONS) for trial in trials
    ]
    columns = []
    for family, label in FAMILIES.items():
        values = [float(count[family]) for count in counts]
        if max(values, default=0):
            columns.append((Axis(label.removesuffix(" convolution"), "", 0.0, max(values), counts=True), values))
    return columns


def _decisions(trials: list[Trial], kind: str) -> list[tuple[Axis, list]]:
    """The operation at each place of the cells of one kind."""
    tables = [{place: name for place, name in _operations(trial) if place.startswith(f"{kind}.")} for trial in trials]
    columns = []
    for place in sorted({place for table in tables for place in table}, key=_order):
        used = {table.get(place) for table in tables} - {None}
        options = tuple(name for name in OPERATIONS if name in used)
        values = [float(options.index(table[place])) if place in table else None for table in tables]
        labels = tuple(OPERATIONS[name].label for name in options)
        _, block, side = place.split(".")
        columns.append((Axis(f"{block} {side}", "", 0.0, float(max(len(options) - 1, 1)), labels), values))
    return columns


def _operations(trial: Trial) -> list[tuple[str, str]]:
    """(place, operation) of every operation in the trial's cells: ("normal.1.left", "sep_conv_3x3")."""
    return [
        (f"{cell['kind']}.{number}.{side}", name)
        for cell in trial.cell.cells
        for number, block in enumerate(cell.get("blocks", ()), start=1)
        for side, name in (("left", block[1]), ("right", block[3]))
    ]


def _order(place: str) -> tuple[int, str]:
    _, block, side = place.split(".")
    return int(block), side
