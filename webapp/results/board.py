"""The leaderboard's queries: a fixed number of them, each over the columns it needs, whatever the number of trials.

A row is a cell under a protocol: the trial that measured it. Trials that reused a result are not rows.
"""

import math
from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, F, Min, Q, QuerySet, TextField
from django.db.models.functions import Cast, Mod

from nas_engine.operations import OPERATIONS
from webapp.figures.base import thin
from webapp.forms.board import BoardFilters
from webapp.models import Trial
from webapp.results.cell import begins

FIELDS = {"acc": ("valid_accuracy", 0.01), "macs": ("macs", 1e6), "params": ("params", 1e6)}
ORDERS = {
    "accuracy": ("valid_accuracy",),
    "macs": ("macs",),
    "params": ("params",),
    "latency": ("latency",),
    "trial": ("search", "number"),
    "cell": ("cell",),
}
SHOWN = ("number", "valid_accuracy", "params", "macs", "latency", "seconds", "device", "search", "cell", "protocol")
Point = tuple[int, float, str]  # MACs, valid accuracy, key of the cell
BEST = 0.05  # the share of cells called the best
SAMPLE = 400  # cells whose operations are counted


def measurements(protocol: str) -> QuerySet[Trial]:
    """One measured trial for each cell under a protocol."""
    trials = Trial.objects.filter(state=Trial.State.FINISHED, protocol=protocol)
    # A cell is hardly ever trained twice; when it was, its first result counts.
    twice = trials.order_by().values("cell").annotate(times=Count("pk"), first=Min("pk")).filter(times__gt=1)
    again = Q()
    for row in twice:
        again |= Q(cell=row["cell"], pk__gt=row["first"])
    return trials.exclude(again) if again else trials


def matching(trials: QuerySet[Trial], filters: BoardFilters) -> QuerySet[Trial]:
    """Those the filters let through."""
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
    if filters.words.operations:
        trials = trials.annotate(graph=Cast("cell__cells", TextField()))
        for names in filters.words.operations:
            holds = Q()
            for name in names:
                holds |= Q(graph__contains=f'"{name}"')
            trials = trials.filter(holds)
    return trials


def ordered(trials: QuerySet[Trial], sort: str) -> QuerySet[Trial]:
    """In the order of "-accuracy", "macs", ...; of equals, the cheaper first."""
    down = sort.startswith("-")
    columns = [
        F(name).desc(nulls_last=True) if down else F(name).asc(nulls_last=True) for name in ORDERS[sort.strip("-")]
    ]
    return trials.order_by(*columns, "macs", "pk")


@dataclass(frozen=True)
class Page:
    """``rows`` are trials with their cell and search; ``first`` and ``last`` number them from 1."""

    rows: list[Trial]
    number: int
    pages: int
    total: int
    first: int
    last: int


def page_of(trials: QuerySet[Trial], filters: BoardFilters) -> Page:
    """The page asked for, or the last one there is."""
    total = trials.count()
    pages = max(1, math.ceil(total / filters.rows))
    number = min(filters.page, pages)
    start = (number - 1) * filters.rows
    # First the ids, from an index alone; then the few rows.
    chosen = list(ordered(trials, filters.sort).values_list("pk", flat=True)[start : start + filters.rows])
    rows = Trial.objects.select_related("cell", "search").only(*SHOWN, *_RELATED).in_bulk(chosen)
    return Page([rows[pk] for pk in chosen], number, pages, total, start + 1, start + len(chosen))


_RELATED = ("cell__name", "cell__cells", "search__name", "search__strategy")


def export_rows(trials: QuerySet[Trial], sort: str):
    """Every row, one after another, without holding them all."""
    rows = ordered(trials, sort).select_related("cell", "search", "search__dataset")
    return rows.only(*SHOWN, *_RELATED, "search__protocol_summary", "search__dataset__slug").iterator(chunk_size=500)


def points(trials: QuerySet[Trial], most: int) -> tuple[list[Point], list[Point]]:
    """The Pareto front over MACs, cheapest first, and at most about ``most`` of the other trials, evenly spread over the
    ranking."""
    front, others, least = [], [], math.inf
    for point in ordered(trials, "-accuracy").values_list("macs", "valid_accuracy", "cell"):
        if point[0] < least:  # cheaper than all that are as accurate or more
            least = point[0]
            front.append(point)
        else:
            others.append(point)
    return front[::-1], thin(others, most)


def _spread(trials: QuerySet[Trial], total: int, most: int) -> QuerySet[Trial]:
    step = math.ceil(total / most)
    return trials.annotate(turn=Mod(F("pk"), step)).filter(turn=0) if step > 1 else trials


@dataclass(frozen=True)
class OperationShares:
    """(family, share among the best, share among all), most frequent among the best first; how many cells were counted."""

    rows: list[tuple[str, float, float]]
    best: int
    counted: int


def operation_shares(trials: QuerySet[Trial], total: int) -> OperationShares | None:
    """How often each operation family is used by the best 5 % and by all; None where there are too few cells to tell."""
    top = math.ceil(total * BEST)
    if total < 20:
        return None
    limit = ordered(trials, "-accuracy").values_list("valid_accuracy", flat=True)[top - 1]
    best = trials.filter(valid_accuracy__gte=limit)
    best, _ = _count_families(best, top)
    everything, counted = _count_families(trials, total)
    rows = [
        (family, best[family] / best.total(), everything[family] / everything.total())
        for family, _ in sorted((best + everything).items(), key=lambda item: -best[item[0]])
    ]
    return OperationShares(rows, top, counted)


def _count_families(trials: QuerySet[Trial], total: int) -> tuple[Counter, int]:
    sample = list(_spread(trials, total, SAMPLE).values_list("cell__cells", flat=True))
    names = Counter(
        name for cells in sample for cell in cells for _, left, _, right, _ in cell["blocks"] for name in (left, right)
    )
    families = Counter()
    for name, count in names.items():
        families[OPERATIONS[name].family] += count
    return families, len(sample)
