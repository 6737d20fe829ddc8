"""The leaderboard's queries: a fixed number of them, each over the columns it needs, whatever the number of trials.

A row is a cell under a protocol: the trial that measured it. Trials that reused a result are not rows.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Count, F, Min, Q, QuerySet

from nas_engine.operations import drawn
from webapp.figures.base import split_front, thin
from webapp.forms.board import BoardFilters
from webapp.models import CellMark, CellNote, CellRecord, Trial
from webapp.results.cell import begins
from webapp.results.seeds import OverSeeds, by_mean, means_of_all

FIELDS = {
    "acc": ("valid_accuracy", 0.01),
    "macs": ("macs", 1e6),
    "params": ("params", 1e6),
    "lat": ("latency", 1e-3),
}
ORDERS = {
    "accuracy": ("valid_accuracy",),
    "macs": ("macs",),
    "params": ("params",),
    "latency": ("latency",),
    "seconds": ("seconds",),
    "trial": ("search", "number"),
    "cell": ("cell",),
}
SHOWN = ("number", "valid_accuracy", "params", "macs", "latency", "seconds", "device", "search", "cell", "protocol")
BEST = 0.05  # the share of cells called the best
SAMPLE = 250  # cells whose operations are counted
MOST_PINNED = 20
FEWEST = 20  # cells from which on a share says something


def measurements(protocol: str) -> QuerySet[Trial]:
    """One measured trial for each cell under a protocol."""
    trials = Trial.objects.filter(state=Trial.State.FINISHED, protocol=protocol)
    # A cell is hardly ever trained twice; when it was, its first result counts.
    twice = trials.order_by().values("cell").annotate(times=Count("pk"), first=Min("pk")).filter(times__gt=1)
    again = Q()
    for row in twice:
        again |= Q(cell=row["cell"], pk__gt=row["first"])
    return trials.exclude(again) if again else trials


def matching(trials: QuerySet[Trial], filters: BoardFilters, reader=None) -> QuerySet[Trial]:
    """Those the filters let through; stars are those of ``reader``."""
    if filters.starred:
        trials = trials.filter(cell__in=CellMark.objects.filter(owner=reader, starred=True).values("cell"))
    if filters.cells:
        trials = trials.filter(cell__in=filters.cells)
    for word in filters.words.tags:
        trials = trials.filter(cell__in=CellNote.objects.filter(tags__contains=f" {word} ").values("cell"))
    if filters.strategy:
        trials = trials.filter(search__strategy=filters.strategy)
    for name, (column, unit) in FIELDS.items():
        for end, lookup in (("min", "gte"), ("max", "lte")):
            if f"{name}_{end}" in filters.bounds:
                trials = trials.filter(**{f"{column}__{lookup}": filters.bounds[f"{name}_{end}"] * unit})
    for word in filters.words.names:
        trials = trials.filter(Q(cell__name__icontains=word) | Q(search__name__icontains=word))
    if filters.words.prefixes:
        either = Q()
        for prefix in filters.words.prefixes:
            either |= begins(prefix, "cell")
        trials = trials.filter(either)
    for names in filters.words.operations:
        holds = Q()
        for name in names:
            holds |= Q(operations__contains=f" {name} ")
        # As a subquery: both databases answer it from the one index, where a join would look every cell up.
        trials = trials.filter(cell__in=CellRecord.objects.filter(holds).values("key"))
    return trials


def ordered(trials: QuerySet[Trial], sort: str) -> QuerySet[Trial]:
    """In the order of "-accuracy", "macs", ...; of equals, the cheaper first."""
    down = sort.startswith("-")
    columns = [
        F(name).desc(nulls_last=True) if down else F(name).asc(nulls_last=True) for name in ORDERS[sort.strip("-")]
    ]
    return trials.order_by(*columns, "macs", "pk")


class Match(NamedTuple):
    """What plots and shares need of a row: accuracy in [0, 1], costs as stored, the key of the cell."""

    pk: int
    accuracy: float
    macs: int
    params: int
    latency: float | None
    cell: str


def ranking(trials: QuerySet[Trial]) -> list[Match]:
    """All rows, the most accurate first: the one pass over them that count, plots and shares are made of."""
    columns = ("pk", "valid_accuracy", "macs", "params", "latency", "cell")
    return list(map(Match._make, ordered(trials, "-accuracy").values_list(*columns).iterator(chunk_size=10_000)))


@dataclass(frozen=True)
class Page:
    """``rows`` are trials with their cell and search; ``first`` and ``last`` number them from 1."""

    rows: list[Trial]
    number: int
    pages: int
    total: int
    first: int
    last: int


def page_of(
    trials: QuerySet[Trial], ranked: Sequence[Match], filters: BoardFilters, others: Sequence[str] = ()
) -> Page:
    """The page asked for, or the last one there is. ``ranked`` is the :func:`ranking` of ``trials``, ``others`` are the
    protocols that differ in the seed: rows can be sorted by the mean over them."""
    total = len(ranked)
    pages = max(1, math.ceil(total / filters.rows))
    number = min(filters.page, pages)
    start = (number - 1) * filters.rows
    if filters.sort.strip("-") == "seeds":
        order = by_mean(ranked, means_of_all(ranked, others), filters.sort.startswith("-"))
        chosen = order[start : start + filters.rows]
    elif filters.sort == "-accuracy":
        chosen = [match.pk for match in ranked[start : start + filters.rows]]
    else:  # first the ids, from an index alone; then the few rows
        chosen = list(ordered(trials, filters.sort).values_list("pk", flat=True)[start : start + filters.rows])
    return Page(rows_of(chosen), number, pages, total, start + 1, start + len(chosen))


def rows_of(keys: Sequence[int]) -> list[Trial]:
    """These trials, in this order, with what a row of the table shows."""
    rows = Trial.objects.select_related("cell__note", "search").only(*SHOWN, *_RELATED).in_bulk(keys)
    return [rows[key] for key in keys]


def pinned_rows(trials: QuerySet[Trial], reader) -> list[Trial]:
    """The reader's pinned cells among ``trials``, the most accurate first."""
    pinned = trials.filter(cell__in=CellMark.objects.filter(owner=reader, pinned=True).values("cell"))
    return rows_of(list(ordered(pinned, "-accuracy").values_list("pk", flat=True)[:MOST_PINNED]))


_RELATED = ("cell__name", "cell__cells", "cell__note__tags", "search__name", "search__strategy")


def export_rows(
    trials: QuerySet[Trial], ranked: Sequence[Match], sort: str, over: Mapping[str, OverSeeds]
) -> Iterator[Trial]:
    """Every row, one after another, without holding them all. ``over`` and ``ranked``, the :func:`ranking` of ``trials``,
    are what the order by the mean over seeds goes by."""
    rows = trials.select_related("cell", "search", "search__dataset")
    rows = rows.only(*SHOWN, *_RELATED, "search__protocol_summary", "search__dataset__slug")
    if sort.strip("-") != "seeds":
        yield from ordered(rows, sort).iterator(chunk_size=500)
        return
    order = by_mean(ranked, {cell: one.mean for cell, one in over.items()}, sort.startswith("-"))
    for start in range(0, len(order), 500):
        keys = order[start : start + 500]
        found = rows.in_bulk(keys)
        yield from (found[key] for key in keys)


def points(ranked: Sequence[Match], cost: str, most: int) -> tuple[list[Match], list[Match]]:
    """The Pareto front over ``cost`` ("macs", "params" or "latency"), cheapest first, and at most about ``most`` of the
    other rows, evenly spread over the ranking. Rows whose cost is not known are in neither."""
    at = Match._fields.index(cost)
    front, others = split_front((match.accuracy, match[at], match) for match in ranked if match[at] is not None)
    return front, thin(others, most)


@dataclass(frozen=True)
class OperationShares:
    """(family, share among the best, share among all), most frequent among the best first; how many cells were counted."""

    rows: list[tuple[str, float, float]]
    best: int
    counted: int


def operation_shares(ranked: Sequence[Match]) -> OperationShares | None:
    """How often each operation family is used by the best 5 % and by all; None where there are too few cells to tell."""
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
