"""Latency by node, on a cell's page: asking for it, watching it come, and what the scripts draw it from."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from nas_engine.blueprint import Blueprint
from nas_engine.protocol import SkeletonConfig
from webapp.models import CellRecord, NodeLatency
from webapp.results.cell import Result, find_cell, network_of, results_of, shown_result
from webapp.services import cells as cell_service
from webapp.services import node_latency as service
from webapp.templatetags.cells import cells_of
from webapp.views.polling import OVER, fragment, version_of


def node_latency_context(
    record: CellRecord, result: Result | None, network: Blueprint, skeleton: SkeletonConfig, wanted: str | None = None
) -> dict:
    """What the page shows; ``wanted`` is the number of the measurement to show, where there are several devices."""
    what = service.measured_thing(network, skeleton, result.shown.search if result else None)
    rows = service.measurements_of(record, what)
    done = [row for row in rows if row.state == NodeLatency.State.FINISHED]
    shown = next((row for row in done if str(row.pk) == wanted), done[0] if done else None)
    latest = rows[0] if rows else None
    under_way = latest if latest and latest.state in NodeLatency.OPEN else None
    failed = latest if latest and latest.state == NodeLatency.State.FAILED else None
    return {
        "way": what["way"],
        "node_latency": shown,
        "node_latency_data": _data(shown) if shown else None,
        "part_seconds": [sum(place.values()) for place in shown.result["nodes"]] if shown else [],
        "node_latency_others": [row for row in done if row is not shown],
        "node_latency_open": under_way,
        "node_latency_failed": failed,
        "node_latency_version": version_of([[row.pk, row.state, row.attempt, row.error] for row in rows]),
    }


def _data(row: NodeLatency) -> dict:
    """Milliseconds: of every node, placement by placement, and of the network left alone."""
    nodes = [{node: round(1e3 * seconds, 5) for node, seconds in place.items()} for place in row.result["nodes"]]
    return {"nodes": nodes, "together": 1e3 * row.result["together"], "device": row.device}


def node_latency_live(request, key: str):
    """This part of the page, for live.js."""
    record, result, network, skeleton = _asked(request.GET, key)
    context = node_latency_context(record, result, network, skeleton)
    shown = {**context, "record": record, "result": result, "version": context["node_latency_version"]}
    response = fragment(request, "cells/_node_latency.html", shown)
    if response.status_code == 200 and not context["node_latency_open"]:
        response.status_code = OVER
    return response


@require_POST
def node_latency_request(request, key: str):
    """Have a worker measure the network's nodes."""
    record, result, network, skeleton = _asked(request.POST, key)
    record = cell_service.keep(cells_of(record))
    search = result.shown.search if result else None
    service.request_measurement(record, service.measured_thing(network, skeleton, search))
    messages.success(request, "A train worker measures the nodes when it is free; the times appear here.")
    query = f"?protocol={result.fingerprint}" if result else ""
    return redirect(f"{reverse('cell', args=[record.key])}{query}#cost")


def _asked(data, key: str) -> tuple[CellRecord, Result | None, Blueprint, SkeletonConfig]:
    """The cell, and its network under the protocol named, as its page shows them."""
    record, _ = find_cell(key)
    cells = cells_of(record) if record else ()
    if not cells or not cells[0].family:
        raise Http404(f"No cell that can be built has the hash {key}.")
    results = results_of(record)
    result = shown_result(results, data.get("protocol"))
    return record, result, *network_of(cells, result)
