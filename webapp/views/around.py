"""A cell among all others: where it stands, where it comes from, and how its controller came to it."""

from django.http import Http404
from django.shortcuts import render

from nas_engine.errors import ConfigError
from nas_engine.search_config import read_search
from webapp.figures.cell import among_all, probability
from webapp.forms.board import BoardFilters
from webapp.models import Trial
from webapp.results.board import board_of
from webapp.results.cell import find_cell, results_of, shown_result
from webapp.results.lineage import controller_records, family_of
from webapp.results.rungs import history_of_cell

DRAWN = 1_500


def around(request, key: str):
    """``?protocol=`` chooses the protocol; ``&part`` gives the section alone, to be put into the cell's page."""
    record, _ = find_cell(key)
    if record is None:
        raise Http404(f"No cell has the hash {key}.")
    results = [result for result in results_of(record) if result.measured]
    result = shown_result(results, request.GET.get("protocol"))
    context = {"section": "leaderboard", "record": record, "result": result, "around_known": True}
    context["history"] = history_of_cell(record, result.measured if result else None)
    if result:
        context |= _among(result.measured) | {"family": family_of(result.measured), "of": _of(result.measured)}
    return render(request, "cells/_around.html" if "part" in request.GET else "cells/around.html", context)


def _among(measured: Trial) -> dict:
    ranked = board_of(measured.protocol, BoardFilters({})).ranked
    cells = ranked.column("cell")
    own = ranked[cells.index(measured.cell_id)] if measured.cell_id in cells else None
    if own is None or own.macs is None or len(ranked) < 2:
        return {}
    best, others = ranked.points("macs", DRAWN)
    rows = zip(cells, ranked.column("macs"), ranked.column("accuracy"), strict=True)
    cheap = [accuracy for cell, macs, accuracy in rows if macs is not None and macs <= own.macs and cell != own.cell]
    return {
        "among": among_all(best, others, len(ranked), own),
        "front": any(match.cell == own.cell for match in best),
        "cheaper": len(cheap),
        "beaten": sum(accuracy > own.accuracy for accuracy in cheap),
    }


def _of(measured: Trial) -> dict | None:
    """The controller's probabilities, for a cell that a controller proposed."""
    records = controller_records(measured)
    if not records:
        return None
    try:
        choices = read_search(measured.search.config).build_space().choices
    except ConfigError:
        return None
    if len(choices) != len(measured.choices):
        return None
    return probability(records, choices, measured.choices)
