"""Measured cells that are close to a given one: how many decisions differ, whatever the order of the blocks."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count

from nas_engine.alignment import Alignment, Change, align
from nas_engine.cell import Cell
from nas_engine.graph_cell import read_cell
from nas_engine.operations import drawn
from webapp.models import Trial

# So many measured cells are looked through, the most accurate first; of these so many, alike in operations, are aligned.
LOOKED_THROUGH, ALIGNED, SHOWN = 4_000, 80, 24


@dataclass(frozen=True)
class Similar:
    """A measured cell, how many decisions lead to it, and the first few of them in words."""

    trial: Trial
    distance: int
    changes: list[str]

    @property
    def more(self) -> int:
        """How many of the decisions that differ are not among ``changes``."""
        return max(0, self.distance - len(self.changes))


@dataclass(frozen=True)
class Found:
    """``cells`` nearest first. ``looked`` of ``of`` measured cells were looked through under ``summary``'s protocol."""

    cells: list[Similar]
    protocol: str
    summary: str
    looked: int
    of: int


def similar(cells: tuple[Cell, Cell], key: str, protocol: str = "") -> Found:
    """Under ``protocol``, else the one with most measurements."""
    measured = Trial.objects.filter(state=Trial.State.FINISHED)
    if not protocol:
        most = measured.values("protocol").annotate(count=Count("pk")).order_by("-count").first()
        protocol = most["protocol"] if most else ""
    measured = measured.filter(protocol=protocol).exclude(cell=key).order_by("-valid_accuracy", "pk")
    rows = list(measured.values_list("pk", "cell__cells")[:LOOKED_THROUGH])
    close = sorted(((apart, pk, other) for pk, data in rows if (apart := _apart(cells, other := _read(data))) is not None),
                   key=lambda row: row[0])[:ALIGNED]  # fmt: skip
    aligned = {pk: [align(one, two) for one, two in zip(cells, other, strict=True)] for _, pk, other in close}
    distances = {pk: sum(each.distance for each in pair) for pk, pair in aligned.items()}
    trials = (
        Trial.objects.select_related("cell", "search").defer("curve", "search__strategy_state").in_bulk(list(aligned))
    )
    found = [Similar(trials[pk], distances[pk], _words(cells, pair)) for pk, pair in aligned.items()]
    found.sort(key=lambda each: (each.distance, -each.trial.valid_accuracy))
    summary = found[0].trial.search.protocol_summary if found else ""
    of = len(rows) if len(rows) < LOOKED_THROUGH else measured.count()
    return Found(found[:SHOWN], protocol, summary, len(rows), of)


def _read(data: list[dict]) -> tuple:
    return tuple(read_cell(cell) for cell in data)


def _apart(cells: tuple[Cell, Cell], other: tuple) -> int | None:
    """At least so many decisions differ, judged by the operations alone; None for cells of another make."""
    if len(other) != len(cells) or not all(isinstance(cell, Cell) for cell in other):
        return None
    return sum(_lacking(one, two) for one, two in zip(cells, other, strict=True))


def _lacking(one: Cell, two: Cell) -> int:
    counts = [Counter(node.operation for node in cell.nodes if node.kind == "op") for cell in (one, two)]
    return max(count.total() for count in counts) - (counts[0] & counts[1]).total()


def changes_in_words(cells: tuple[Cell, ...], other: tuple[Cell, ...], most: int = 2) -> list[str]:
    """The first decisions that lead from some cells to others, in words."""
    return _words(cells, [align(one, two) for one, two in zip(cells, other, strict=True)], most)


def _words(cells: tuple[Cell, Cell], pair: list[Alignment], most: int = 2) -> list[str]:
    counted = [
        (cell, change) for cell, each in zip(cells, pair, strict=True) for change in each.changes if change.weight
    ]
    return [f"{cell.kind}, {_in_words(change)}" for cell, change in counted[:most]]


def _in_words(change: Change) -> str:
    name = change.a or change.b
    block = name.strip("bslr") if name[0] == "b" else str(int(name[1:]) - 1) if name[1:].isdigit() else ""
    side = {"l": " left", "r": " right"}.get(name[-1], "") if name[0] == "b" else ""
    if change.kind in ("removed", "added"):
        return f"block {block} {change.kind}"
    if change.kind == "operation":
        return f"block {block}{side}: {drawn(change.before).label} → {drawn(change.after).label}"
    if change.kind == "input":
        return f"block {block}{side} input: {_state(change.before)} → {_state(change.after)}"
    if change.kind == "combination":
        return f"block {block}: {change.before} → {change.after}"
    return f"output {'without' if change.before else 'with'} {_state(change.before or change.after)}"


def _state(name: str) -> str:
    return {"s0": "h(i−1)", "s1": "h(i)"}.get(name) or f"block {int(name[1:]) - 1}"
