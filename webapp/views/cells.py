"""The cell page: what a cell is, what it costs, how it did, and how to take it home."""

import json
from collections import Counter

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from nas_engine.blueprint import Blueprint
from nas_engine.catalog import SPACES
from nas_engine.graph_cell import GraphCell
from nas_engine.operations import FAMILIES
from nas_engine.search_spaces import randwire
from webapp.diagrams import layout
from webapp.diagrams.colours import THEMES
from webapp.diagrams.mix import families
from webapp.diagrams.network import first_shown, network_data, operations_data, strip
from webapp.diagrams.svg import cell_svg
from webapp.figures.cell import learning_curves
from webapp.models import CellMark, CellRecord, FullTraining, Trial
from webapp.results.cell import Result, auxiliary, find_cell, network_of, results_of, shown_result
from webapp.results.nearby import neighbours
from webapp.results.notations import notations_of
from webapp.results.published import published_as
from webapp.results.seeds import over_seeds_of
from webapp.templatetags.cells import cells_of, device_name, milliseconds
from webapp.views.downloads import attachment, safe_name
from webapp.views.node_latency import node_latency_context
from webapp.views.removals import removal_context
from webapp.views.weights import weights_context

KINDS = ("normal", "reduction")


def cell(request, key: str):
    record, several = find_cell(key)
    if several:
        return render(request, "cells/several.html", {"section": "leaderboard", "typed": key, "cells": several})
    if record is None:
        raise Http404(f"No cell's hash begins with {key}. Write seven of its digits or more.")
    if record.key != key:
        query = request.GET.urlencode()
        return redirect(reverse("cell", args=[record.key]) + (f"?{query}" if query else ""))
    results = results_of(record)
    context = page(record, results, shown_result(results, request.GET.get("protocol")), request.GET.get("latency"))
    context["mark"] = CellMark.objects.filter(owner=request.user, cell=record).first()
    return render(request, "cells/graph.html" if "graph" in context else "cells/cell.html", context)


def page(record: CellRecord, results: list[Result], result: Result | None, latency: str | None = None) -> dict:
    """The page's context: the cell, everything known of it, and in detail what it is under one protocol. ``latency`` is the
    number of the measurement by node to show, where there are several."""
    cells = cells_of(record)
    if not cells[0].family:
        return graph_page(record, cells, results, result)
    network, skeleton = network_of(cells, result)
    measured = result.measured if result else None
    places, stages = strip(network)
    used = families(cells)
    context = {
        "section": "leaderboard",
        "record": record,
        "title": record.name or f"Cell {record.short}",
        "blocks": len(getattr(cells[0], "blocks", ())),
        "whole": cells[0].family != "nasnet",
        "space": SPACES[cells[0].family].label,
        "origin": result.shown if result and skeleton.whole else None,
        "operations": sum(node.kind == "op" for each in cells for node in each.nodes),
        "extents": _extents(network),
        "results": results,
        "result": result,
        "measured": measured,
        "over": over_seeds_of(result, results) if result else None,
        "network": network,
        "skeleton": skeleton,
        "layouts": {each.kind: layout(each) for each in cells},
        "families": [family for family in FAMILIES if used[family]],
        "explorer": {
            "network": network_data(network),
            "operations": operations_data(cells),
            "first": first_shown(network),
            "latency": _latency(measured),
        },
        "places": places,
        "stages": stages,
        "first": first_shown(network),
        "curves": learning_curves(_curves(results, result)),
        "published": published_as(record.key),
        "trainings": FullTraining.objects.filter(cell=record.key).order_by("-pk")[:20],
        "nearby": neighbours(measured) if measured else [],
        "notations": notations_of(cells),
        "themes": THEMES,
    }
    found = auxiliary(cells, skeleton, network.image_shape, network.classes)
    if found:
        context["aux"], context["aux_params"] = places[found[0]], found[1]
    context |= node_latency_context(record, result, network, skeleton, latency)
    context["written"] = next(name for name, _, text, _ in context["notations"] if text)
    if measured:
        context |= weights_context(measured)
        context |= removal_context(measured) if cells[0].family == randwire.FAMILY else {}
    return context


def _extents(network: Blueprint) -> dict[str, str]:
    """What each part of a whole network makes of what it is given: "24 × 56 × 56 → 40 × 28 × 28"."""

    def written(shape: tuple[int, int, int]) -> str:
        return " × ".join(map(str, shape))

    return {placed.kind: f"{written(placed.inputs[-1])} → {written(placed.shape)}" for placed in network.placements}


def _latency(measured: Trial | None) -> dict | None:
    if measured is None or measured.latency is None:
        return None
    return {"words": f"{milliseconds(measured.latency)}\u00a0ms", "device": device_name(measured.device)}


def graph_page(record: CellRecord, cells: tuple[GraphCell, ...], results: list[Result], result: Result | None) -> dict:
    """The context for a cell that is known from a table: its drawing and what the table says of it."""
    used = families(cells)
    return {
        "section": "leaderboard",
        "record": record,
        "title": record.name or f"Cell {record.short}",
        "graph": cells,
        "layouts": {each.kind: layout(each) for each in cells},
        "operations": operations_data(cells),
        "notations": notations_of(cells),
        "results": results,
        "result": result,
        "measured": result.measured if result else None,
        "families": [family for family in FAMILIES if used[family]],
        "themes": THEMES,
    }


def _curves(results: list[Result], first: Result | None) -> list[tuple[str, list[dict]]]:
    """(name, curve) of every trial that has one, those of the chosen protocol first."""
    ordered = sorted(results, key=lambda result: result is not first)
    trials = [(result, trial) for result in ordered for trial in result.trials if trial.curve]
    shared = Counter(result.summary for result in results)

    def name(result: Result, trial: Trial) -> str:
        if len(result.trials) > 1:
            return f"search {trial.search_id}, trial {trial.number}"
        if shared[result.summary] > 1 and result.protocol:
            return f"seed {result.protocol.training.seed}"
        return result.summary

    return [(name(result, trial), trial.curve) for result, trial in trials]


def cell_svg_file(request, key: str, kind: str):
    """The drawing as an SVG file; ``kind`` is normal, reduction or both, ``?theme=dark`` the dark version."""
    record = _exactly(key)
    cells = tuple(each for each in cells_of(record) if kind in (each.kind, "both"))
    theme = request.GET.get("theme", THEMES[0])
    if not cells or theme not in THEMES:
        raise Http404("Drawings are normal.svg, reduction.svg and both.svg, in the themes light and dark.")
    response = HttpResponse(cell_svg(cells, str(record), theme), content_type="image/svg+xml")
    if "download" in request.GET:
        response["Content-Disposition"] = attachment(f"{safe_name(str(record))}-{kind}.svg")
    response["Cache-Control"] = "private, max-age=86400"
    return response


def cell_json(request, key: str):
    """The genotype in every notation, and the key it goes by."""
    record = _exactly(key)
    data = {"key": record.key, "name": record.name, "cells": record.cells}
    written = notations_of(cells_of(record))
    data |= {name: text for name, _, text, _ in written if text and name != "json"}
    response = HttpResponse(json.dumps(data, indent=2, ensure_ascii=False) + "\n", content_type="application/json")
    response["Content-Disposition"] = attachment(f"{safe_name(str(record))}.json")
    return response


def _exactly(key: str) -> CellRecord:
    record, _ = find_cell(key)
    if record is None:
        raise Http404(f"No cell has the hash {key}.")
    return record
