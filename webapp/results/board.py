"""The leaderboard's queries: a fixed number of them, each over the columns it needs, whatever the number of trials.

A row is a cell under a protocol: the trial that measured it. Trials that reused a result are not rows.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from django.db.models import Count, F, Min, Q, QuerySet

from webapp.forms.board import BoardFilters, Words
from webapp.models import CellMark, CellNote, CellRecord, Trial
from webapp.results.cell import begins
from webapp.results.ranking import Ranking
from webapp.results.seeds import OverSeeds, by_mean, means_of_all
from webapp.results.versions import trials_version

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
MOST_PINNED = 20
KEPT = 3  # boards; one of 50,000 cells takes 17 MB


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


def ranking(trials: QuerySet[Trial]) -> Ranking:
    """One pass over ``trials``."""
    return Ranking(list(ordered(trials, "-accuracy").values_list(*Ranking.COLUMNS).iterator(chunk_size=10_000)))


class Board:
    """The cells under a protocol that ``filters`` let through: ``measured`` are all of the protocol, ``trials`` those let
    through, ``ranked`` are these by falling accuracy. The queries are copies: one that was run would stay with its rows."""

    def __init__(self, protocol: str, filters: BoardFilters, reader=None):
        self._measured = measurements(protocol)
        self._trials = matching(self._measured, filters, reader)

    @cached_property
    def ranked(self) -> Ranking:
        return ranking(self._trials)

    @property
    def measured(self) -> QuerySet[Trial]:
        return self._measured.all()

    @property
    def trials(self) -> QuerySet[Trial]:
        return self._trials.all()


def board_of(protocol: str, filters: BoardFilters, reader=None) -> Board:
    """Read anew only when a trial has changed, or where the answer depends on what readers may change at any time: their
    stars, tags and names."""
    if filters.starred or filters.words.tags or filters.words.names:
        return Board(protocol, filters, reader)
    bounds = tuple(sorted(filters.bounds.items()))
    chosen = _Chosen(filters.strategy, filters.cells, filters.words.operations, filters.words.prefixes, bounds)
    return _kept(protocol, chosen, trials_version(protocol))


class _Chosen(NamedTuple):
    """The part of the filters that depends on nothing but the trials."""

    strategy: str
    cells: tuple[str, ...]
    operations: tuple[tuple[str, ...], ...]
    prefixes: tuple[str, ...]
    bounds: tuple[tuple[str, float], ...]

    @property
    def filters(self) -> BoardFilters:
        words = Words(operations=self.operations, prefixes=self.prefixes)
        return BoardFilters({}, words, strategy=self.strategy, bounds=dict(self.bounds), cells=self.cells)


@lru_cache(maxsize=KEPT)
def _kept(protocol: str, chosen: _Chosen, version: tuple) -> Board:
    return Board(protocol, chosen.filters)


@dataclass(frozen=True)
class Page:
    """``rows`` are trials with their cell and search; ``first`` and ``last`` number them from 1."""

    rows: list[Trial]
    number: int
    pages: int
    total: int
    first: int
    last: int


def page_of(trials: QuerySet[Trial], ranked: Ranking, filters: BoardFilters, others: Sequence[str] = ()) -> Page:
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
        chosen = ranked[start : start + filters.rows].column("pk")
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


def export_rows(trials: QuerySet[Trial], ranked: Ranking, sort: str, over: Mapping[str, OverSeeds]) -> Iterator[Trial]:
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
