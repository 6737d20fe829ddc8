"""All measured cells, ranked within one protocol at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.shortcuts import render

from nas_engine import catalog
from nas_engine.operations import FAMILIES
from webapp.figures.leaderboard import against_cost
from webapp.forms.board import RANGES, SIZES, BoardFilters, read_filters
from webapp.models import Search
from webapp.results import board
from webapp.results.protocols import MeasuredProtocol, measured_protocols, protocol_settings
from webapp.results.published import reference_rows

DRAWN = 2_000  # points of the plot beside the Pareto front
HEADS = (  # sort key, title, classes, what the first click sorts by
    ("cell", "Cell", "", "cell"),
    ("", "Diagram", "", ""),
    ("accuracy", "Valid, %", "num", "-accuracy"),
    ("macs", "MACs, M", "num", "macs"),
    ("params", "Params, M", "num low", "params"),
    ("latency", "Latency, ms", "num low", "latency"),
    ("trial", "Found by", "low", "trial"),
)


@dataclass(frozen=True)
class Head:
    """A column's head: what it says, whether the rows are sorted by it and how, and where a click leads."""

    title: str
    classes: str
    sorted: str
    query: str | None


def leaderboard(request):
    filters = read_filters(request.GET)
    protocols = measured_protocols()
    if not protocols:
        context = {"section": "leaderboard", "families": FAMILIES, **_references("")}
        return render(request, "leaderboard/empty.html", context)
    chosen, offered = choose_protocol(protocols, filters)
    trials = board.matching(board.measurements(chosen.fingerprint), filters)
    ranked = board.ranking(trials)
    page = board.page_of(trials, ranked, filters)
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
        "heads": heads(filters),
        "sizes": SIZES,
        "previous": filters.query(page=page.number - 1) if page.number > 1 else None,
        "next": filters.query(page=page.number + 1) if page.number < page.pages else None,
        "export": filters.query(protocol=chosen.fingerprint, rows=None),
        "trainable": example.dataset_id is not None,
        "several_devices": len({row.device.get("name") for row in page.rows}) > 1,
    }
    context |= _references(chosen.dataset)
    return render(request, "leaderboard/leaderboard.html", context | _beside(ranked, filters))


def _references(dataset: str) -> dict:
    """What papers report on the data set shown, or on CIFAR-10 where there is nothing on it; never ranked with the rows."""
    on = "ImageNet" if "imagenet" in dataset else "CIFAR-10"
    return {
        "references": reference_rows(on),
        "references_on": on,
        "references_match": dataset in ("cifar-10", "imagenet"),
    }


def _beside(ranked: Sequence[board.Match], filters: BoardFilters) -> dict:
    if not ranked:
        return {}
    best, others = board.points(ranked, filters.cost, DRAWN)
    return {
        "figure": against_cost(best, others, filters.cost, len(ranked)),
        "drawn": len(best) + len(others),
        "best": ranked[0].accuracy,
        "best_key": ranked[0].cell,
        "shares": board.operation_shares(ranked),
    }


def choose_protocol(
    protocols: list[MeasuredProtocol], filters: BoardFilters
) -> tuple[MeasuredProtocol, list[MeasuredProtocol]]:
    """The one protocol to show, and those on offer: of the data set asked for. The default has the most results."""
    offered = [each for each in protocols if each.dataset == filters.dataset] or protocols
    wanted = [each for each in offered if each.fingerprint == filters.protocol]
    return (wanted or offered)[0], offered


def heads(filters: BoardFilters) -> list[Head]:
    """The table's heads; a second click on one turns the order around."""
    made = []
    for key, title, classes, first in HEADS:
        current = filters.sort.removeprefix("-") == key
        down = filters.sort.startswith("-")
        turned = key if down else f"-{key}"
        order = ("descending" if down else "ascending") if current else ""
        made.append(Head(title, classes, order, filters.query(sort=turned if current else first) if key else None))
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
