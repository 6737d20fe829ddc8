"""Published cells: what their papers report, and beside it what we measure of the same networks."""

from dataclasses import dataclass
from functools import cache

from nas_engine import zoo
from nas_engine.cell import cells_key
from nas_engine.zoo import Figure, ZooEntry
from webapp.models import CellRecord


@dataclass(frozen=True)
class Row:
    """A network of a paper. ``params`` and ``macs`` are ours, exact; None where nobody says how to build it."""

    figure: Figure
    params: int | None
    macs: int | None

    @property
    def accuracy(self) -> float | None:
        """The paper's test accuracy, as a share."""
        return None if self.figure.error is None else 1 - self.figure.error / 100


@dataclass(frozen=True)
class Published:
    """A published cell, its row (made up where the database has none yet), and the networks its paper reports."""

    entry: ZooEntry
    record: CellRecord
    rows: tuple[Row, ...]


@cache
def published() -> tuple[Published, ...]:
    """Every published cell, in the order of the zoo."""
    return tuple(_published(zoo.get(name)) for name in zoo.names())


def published_as(key: str) -> list[Published]:
    """The publications of the cell with this key; two where a later paper built the same cell by other rules."""
    return [one for one in published() if one.record.key == key]


def reference_rows(dataset: str) -> list[tuple[Published, Row]]:
    """(cell, network) of every paper that reports a test error on a data set: "CIFAR-10" or "ImageNet"; best first."""
    found = [
        (one, row)
        for one in published()
        for row in one.rows
        if row.figure.error is not None and row.figure.dataset == dataset
    ]
    return sorted(found, key=lambda pair: pair[1].figure.error)


def _published(entry: ZooEntry) -> Published:
    key = cells_key(entry.cells)
    first = zoo.of_key(key)
    record = CellRecord(key=key, name=first.label, cells=[cell.as_json() for cell in entry.cells])
    rows = []
    for figure in entry.figures:
        network = zoo.measured(entry.name, figure.size) if figure.size else None
        rows.append(Row(figure, network and network.params, network and network.macs))
    return Published(entry, record, tuple(rows))
