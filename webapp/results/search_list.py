"""The list of searches: found, filtered, sorted and paged in the database, with progress and best trial of one page."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from nas_engine.catalog import searcher_label
from webapp.forms.sorting import head_of
from webapp.models import Search, Trial
from webapp.results.pace import left, spent

PER_PAGE = 20
GROUPS = {
    "": None,
    "active": (*Search.ACTIVE, Search.State.PAUSED),
    "finished": (Search.State.FINISHED,),
    "ended": (Search.State.STOPPED, Search.State.FAILED),
}
GROUP_LABELS = {"": "All", "active": "Under way", "finished": "Finished", "ended": "Stopped or failed"}
ORDERS = {"name": ("name",), "time": ("active_seconds",), "created": ("pk",)}
FIRST = {"name": "name", "time": "-time", "created": "-created"}  # what the first click on a head sorts by
DEFAULT = "-created"


@dataclass(frozen=True)
class ListAddress:
    """What the address asks for: a group of states, words to find, an order."""

    group: str = ""
    q: str = ""
    sort: str = DEFAULT

    def query(self, **changes: str) -> str:
        """The address's query with some fields changed, defaults left out; it leads to the first page."""
        fields = {"state": self.group, "q": self.q, "sort": self.sort if self.sort != DEFAULT else ""} | changes
        return urlencode({name: value for name, value in fields.items() if value and value != DEFAULT})

    @property
    def heads(self) -> dict[str, tuple[str, str]]:
        """Column -> (aria-sort, the query a click leads to). A second click turns the order around."""
        found = {column: head_of(self.sort, column, first) for column, first in FIRST.items()}
        return {column: (order, self.query(sort=wanted)) for column, (order, wanted) in found.items()}


def read_address(data: Mapping[str, str]) -> ListAddress:
    """What is not understood is ignored."""
    group, sort = data.get("state", ""), data.get("sort", "")
    return ListAddress(
        group if group in GROUPS else "",
        data.get("q", "").strip()[:200],
        sort if sort.removeprefix("-") in ORDERS else DEFAULT,
    )


def found(address: ListAddress) -> QuerySet[Search]:
    """All searches that match its words, in its order, whatever their state. Those of a comparison stand on its page."""
    rows = Search.objects.filter(comparison=None)
    for word in address.q.split():
        known = Search.objects.order_by().values_list("strategy", flat=True).distinct()
        methods = [name for name in known if word.lower() in searcher_label(name).lower()]
        rows = rows.filter(
            Q(name__icontains=word)
            | Q(protocol_summary__icontains=word)
            | Q(owner__username__iexact=word)
            | Q(strategy__in=methods)
        )
    mark = "-" if address.sort.startswith("-") else ""
    return rows.order_by(*(f"{mark}{column}" for column in ORDERS[address.sort.removeprefix("-")]), "-pk")


def page_of(rows: QuerySet[Search], address: ListAddress, number: str | int | None) -> Page:
    """A page of those in the group asked for, each with ``done``, ``best``, ``spent`` and ``left``."""
    wanted = rows.filter(state__in=GROUPS[address.group]) if address.group else rows
    page = Paginator(wanted.values_list("pk", flat=True), PER_PAGE).get_page(number)
    page.object_list = _with_results(list(page.object_list))
    trials = Trial.objects.select_related("cell").defer("curve", "info")
    best = trials.in_bulk([row.best_id for row in page if row.best_id])
    for row in page:
        row.best = best.get(row.best_id)
        row.spent, row.left = spent(row), left(row, row.done)
    return page


def tabs_of(rows: QuerySet[Search]) -> list[tuple[str, str, int]]:
    """(group, label, how many) of every group of states."""
    counts = dict(rows.order_by().values_list("state").annotate(Count("pk")))
    return [
        (key, GROUP_LABELS[key], sum(n for state, n in counts.items() if states is None or state in states))
        for key, states in GROUPS.items()
    ]


def _with_results(keys: list[int]) -> list[Search]:
    """These searches in this order, with ``done`` and ``best_id``. A trial that ended without a result has no accuracy."""
    best = Trial.objects.filter(search=OuterRef("pk"), valid_accuracy__isnull=False)
    best = best.order_by("-valid_accuracy", "number")
    rows = Search.objects.select_related("dataset", "owner").defer("strategy_state", "dataset__classes", "versions")
    found = rows.annotate(best_id=Subquery(best.values("pk")[:1])).in_bulk(keys)
    # Counted apart: a join would carry each search's settings along with every one of its trials.
    counted = Trial.objects.filter(search__in=keys, state__in=Trial.COUNTED).order_by().values_list("search")
    done = dict(counted.annotate(Count("pk")))
    for key, row in found.items():
        row.done = done.get(key, 0)
    return [found[key] for key in keys]
