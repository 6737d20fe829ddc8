"""Measured cells by falling accuracy, and what plots and shares are made of them."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import NamedTuple

from nas_engine.operations import drawn
from webapp.figures.base import split_front, thin
from webapp.models import CellRecord

BEST = 0.05  # the share of cells called the best
SAMPLE = 250  # cells whose operations are counted
FEWEST = 20  # cells from which on a share says something


class Match(NamedTuple):
    """What plots and shares need of a row: accuracy in [0, 1], costs as stored, the key of the cell."""

    pk: int
    accuracy: float
    macs: int
    params: int
    latency: float | None
    cell: str


class Ranking(Sequence[Match]):
    """All rows, the most accurate first: what count, plots and shares are made of. Held as the database gives them; a row
    becomes a :class:`Match` when it is looked at, for of 50,000 few are. ``COLUMNS`` are the fields of a trial they hold.
    """

    COLUMNS = ("pk", "valid_accuracy", "macs", "params", "latency", "cell")

    def __init__(self, rows: Sequence[tuple]):
        self._rows = rows
        self._points: dict[tuple[str, int], tuple[list[Match], list[Match]]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at):
        return Ranking(self._rows[at]) if isinstance(at, slice) else Match._make(self._rows[at])

    def column(self, name: str) -> list:
        """One field of every row."""
        return list(map(itemgetter(Match._fields.index(name)), self._rows))

    def points(self, cost: str, most: int) -> tuple[list[Match], list[Match]]:
        """The Pareto front over ``cost`` ("macs", "params" or "latency"), cheapest first, and at most ``most`` of the other
        rows, evenly spread over the ranking. Rows whose cost is not known are in neither."""
        if (cost, most) not in self._points:
            front, others = split_front(self.column("accuracy"), self.column(cost), most)
            self._points[cost, most] = [self[at] for at in front], [self[at] for at in others]
        return self._points[cost, most]

    @cached_property
    def shares(self) -> "OperationShares | None":
        """How often each operation family is used by the best 5 % and by all; None where there are too few cells to tell."""
        return _shares(self)


@dataclass(frozen=True)
class OperationShares:
    """(family, share among the best, share among all), most frequent among the best first; how many cells were counted."""

    rows: list[tuple[str, float, float]]
    best: int
    counted: int


def _shares(ranked: Ranking) -> OperationShares | None:
    top = math.ceil(len(ranked) * BEST)
    if len(ranked) < FEWEST:
        return None
    best, everything = thin(ranked[:top], SAMPLE), thin(ranked, SAMPLE)
    used, used_by_all = _count_families(best), _count_families(everything)
    if not used:
        return None
    rows = [
        (family, used[family] / used.total(), used_by_all[family] / used_by_all.total())
        for family, _ in sorted((used + used_by_all).items(), key=lambda item: -used[item[0]])
    ]
    return OperationShares(rows, top, len(everything))


def _count_families(matches: Sequence[Match]) -> Counter:
    rows = CellRecord.objects.filter(pk__in=[match.cell for match in matches]).values_list("cells", flat=True)
    names = Counter(name for cells in rows for cell in cells for name in _operations(cell))
    families = Counter()
    for name, count in names.items():
        families[drawn(name).family] += count
    return families


def _operations(cell: dict) -> list[str]:
    """The operations of a cell's JSON, of blocks or given by its graph, without building the cell."""
    if "nodes" in cell:
        return [operation for _, _, _, operation in cell["nodes"] if operation]
    return [name for _, left, _, right, _ in cell["blocks"] for name in (left, right)]
