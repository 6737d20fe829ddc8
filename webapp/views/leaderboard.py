"""All measured cells, ranked within one protocol at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.shortcuts import render

from nas_engine import catalog
from nas_engine.operations import FAMILIES
from webapp.diagrams.parallel import draw as draw_parallel
from webapp.figures.leaderboard import COSTS, against_cost
from webapp.figures.policy import heat_map
from webapp.forms.board import AXES, OPTIONAL, RANGES, SIZES, VIEWS, BoardFilters, read_filters
from webapp.forms.sorting import head_of
from webapp.models import CellMark, SavedView, Search, Trial
from webapp.results import board
from webapp.results.parallel import parallel
from webapp.results.positions import operation_places
from webapp.results.protocols import MeasuredProtocol, measured_protocols, protocol_settings, siblings
from webapp.results.published import reference_rows
from webapp.results.ranking import Ranking
from webapp.results.seeds import full_trainings, over_seeds

DRAWN = 1_000  # points of the plot beside the Pareto front
HEADS = (  # column, sort key, title, classes, what the first click sorts by
    ("cell", "cell", "Cell", "", "cell"),
    ("diagram", "", "Diagram", "", ""),
    ("accuracy", "accuracy", "Valid, %", "num", "-accuracy"),
    ("seeds", "seeds", "Over seeds, %", "num", "-seeds"),
    ("full", "", "Full training: test, %", "num low", ""),
    ("macs", "macs", "MACs, M", "num", "macs"),
    ("params", "params", "Params, M", "num low", "params"),
    ("latency", "latency", "Latency, ms", "num low", "latency"),
    ("seconds", "seconds", "Training", "num low", "seconds"),
    ("device", "", "Device", "low", ""),
    ("trial", "trial", "Found by", "low", "trial"),
)
ALWAYS = ("cell", "accuracy")


@dataclass(frozen=True)
class Head:
    """A column's head: what it says, whether the rows are sorted by it and how, and where a click leads."""

    title: str
    classes: str
    sorted: str
    query: str | None
    column: str = ""


def leaderboard(request):
    filters = read_filters(request.GET)
    protocols = measured_protocols()
    if not protocols:
        context = {"section": "leaderboard", "families": FAMILIES, **_references("")}
        return render(request, "leaderboard/empty.html", context)
    chosen, offered = choose_protocol(protocols, filters)
    found = board.board_of(chosen.fingerprint, filters, request.user)
    ranked = found.ranked
    family = siblings(chosen, protocols)
    page = board.page_of(found.trials, ranked, filters, [each.fingerprint for each in family[1:]])
    pinned = board.pinned_rows(found.measured, request.user)
    example = Search.objects.select_related("dataset").defer("strategy_state").filter(protocol=chosen.fingerprint)[0]
    context = {
        "section": "leaderboard",
        "filters": filters,
        "given": filters.given,
        "chosen": chosen,
        "elsewhere": filters.protocol not in ("", chosen.fingerprint),
        "protocols": offered,
        "datasets": sorted({(each.dataset, each.dataset_title) for each in protocols}),
        "strategies": catalog.STRATEGIES,
        "ranges": ranges(filters),
        "settings": protocol_settings(example),
        "page": page,
        "heads": heads(filters, len(family) > 1),
        "sizes": SIZES,
        "costs": _links(filters, "cost", {name: words[0] for name, words in COSTS.items()}),
        "columns": OPTIONAL,
        "pinned": pinned,
        "marks": _Marks(request.user),
        "tabs": _tabs(request.user, filters),
        "views": _links(filters, "view", VIEWS),
        "here": filters.query(protocol=chosen.fingerprint, page=None),
        "previous": filters.query(page=page.number - 1) if page.number > 1 else None,
        "next": filters.query(page=page.number + 1) if page.number < page.pages else None,
        "export": filters.query(protocol=chosen.fingerprint, rows=None),
        "trainable": example.dataset_id is not None,
        "stacked": "nodes" not in page.rows[0].cell.cells[0] if page.rows else False,
        "several_devices": len({row.device.get("name") for row in page.rows}) > 1,
    }
    context |= _several_seeds([*pinned, *page.rows], family, filters)
    context |= _references(chosen.dataset)
    context |= _beside(ranked, filters) | VIEWS_MORE.get(filters.view, lambda *_: {})(ranked, filters)
    return render(request, "leaderboard/leaderboard.html", context)


def _parallel(ranked: Ranking, filters: BoardFilters) -> dict:
    """The view of parallel coordinates, with the choice of its axes."""
    found = parallel(ranked, filters.axes)
    return {"parallel": draw_parallel(found), "axes": _links(filters, "axes", AXES)}


def _positions(ranked: Ranking, filters: BoardFilters) -> dict:
    """The view of operations by position: a heat map of the best, and one of all to compare with."""
    found = operation_places(ranked)
    if found is None:
        return {}
    places, best, everything = found
    return {
        "best_places": heat_map({"probabilities": best}, places),
        "all_places": heat_map({"probabilities": everything}, places),
    }


VIEWS_MORE = {"parallel": _parallel, "positions": _positions}


def _links(filters: BoardFilters, name: str, labels: Mapping[str, str]) -> list[dict]:
    """One link for each value a field of the address may take."""
    current = getattr(filters, name)
    return [
        {
            "label": label,
            "query": filters.query(**{name: value, "page": filters.given.get("page")}),
            "on": value == current,
        }
        for value, label in labels.items()
    ]


def _several_seeds(rows: Sequence[Trial], family: Sequence[MeasuredProtocol], filters: BoardFilters) -> dict:
    """What the rows' cells reached from other seeds and in full trainings, as far as the columns are shown. ``family`` are
    the protocol shown and those that differ from it in the seed."""
    cells = {row.cell_id for row in rows}
    columns = filters.shown(len(family) > 1)
    return {
        "shown": columns,
        "family": [
            (each, filters.query(protocol=each.fingerprint)) for each in sorted(family, key=lambda one: one.seed or 0)
        ],
        "over": over_seeds([each.fingerprint for each in family], cells) if "seeds" in columns else {},
        "full": full_trainings(cells, family[0].dataset) if "full" in columns else {},
    }


class _Marks:
    """Which cells the reader has starred and pinned."""

    def __init__(self, reader):
        rows = CellMark.objects.filter(owner=reader).values_list("cell", "starred", "pinned")
        marks = [(cell, starred, pinned) for cell, starred, pinned in rows]
        self.starred = {cell for cell, starred, _ in marks if starred}
        self.pinned = {cell for cell, _, pinned in marks if pinned}


def _tabs(reader, filters: BoardFilters) -> list[dict]:
    """The saved views of this reader, with all cells and the starred ones before them."""
    here, shown = filters.query(), filters.query(view=None, cost=None, axes=None, cols=None, sort=None)
    starred = CellMark.objects.filter(owner=reader, starred=True).count()
    tabs = [{"name": "All", "query": "", "pk": None}]
    if starred:
        tabs.append({"name": f"Starred {starred}", "query": "starred=1", "pk": None})
    tabs += [{"name": view.name, "query": view.query, "pk": view.pk} for view in SavedView.objects.filter(owner=reader)]
    for tab in tabs:
        tab["current"] = tab["query"] == (here if tab["pk"] else shown)
    return tabs


def _references(dataset: str) -> dict:
    """What papers report on the data set shown, or on CIFAR-10 where there is nothing on it; never ranked with the rows."""
    on = "ImageNet" if "imagenet" in dataset else "CIFAR-10"
    return {
        "references": reference_rows(on),
        "references_on": on,
        "references_match": dataset in ("cifar-10", "imagenet"),
    }


def _beside(ranked: Ranking, filters: BoardFilters) -> dict:
    if not ranked:
        return {}
    best, others = ranked.points(filters.cost, DRAWN)
    return {
        "figure": against_cost(best, others, filters.cost, len(ranked)),
        "drawn": len(best) + len(others),
        "best": ranked[0].accuracy,
        "best_key": ranked[0].cell,
        "shares": ranked.shares,
    }


def choose_protocol(
    protocols: list[MeasuredProtocol], filters: BoardFilters
) -> tuple[MeasuredProtocol, list[MeasuredProtocol]]:
    """The one protocol to show, and those on offer: of the data set asked for. The default has the most results."""
    offered = [each for each in protocols if each.dataset == filters.dataset] or protocols
    wanted = [each for each in offered if each.fingerprint == filters.protocol]
    return (wanted or offered)[0], offered


def heads(filters: BoardFilters, several_seeds: bool) -> list[Head]:
    """The table's heads; a second click on one turns the order around."""
    made, columns = [], filters.shown(several_seeds)
    for column, key, title, classes, first in HEADS:
        if column not in (*ALWAYS, *columns):
            continue
        order, wanted = head_of(filters.sort, key, first)
        made.append(Head(title, classes, order, filters.query(sort=wanted) if key else None, column))
    return made


def ranges(filters: BoardFilters) -> list[dict]:
    """The from-to fields of the form, with what was typed and what is wrong with it."""
    return [
        {
            "name": name,
            "label": f"{label}, {unit}",
            "says": label,
            "low": filters.given.get(f"{name}_min", ""),
            "high": filters.given.get(f"{name}_max", ""),
            "problem": filters.problems.get(f"{name}_min") or filters.problems.get(f"{name}_max"),
        }
        for name, (label, unit) in RANGES.items()
    ]
