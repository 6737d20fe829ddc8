"""Two cells compared: aligned whatever the order of their blocks, with what every edit costs."""

from collections.abc import Iterator

from django.http import JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from nas_engine import zoo
from nas_engine.config import as_dict
from nas_engine.errors import ConfigError
from nas_engine.operations import FAMILIES
from webapp.diagrams.difference import difference
from webapp.diagrams.mix import families
from webapp.models import CellRecord, Trial
from webapp.results.cell import results_of
from webapp.results.difference import Difference, compare
from webapp.results.reference import cell_meant
from webapp.templatetags.cells import cells_of

OFFERED = 12


def diff(request):
    """``?a=&b=`` name two cells, as ``?cell=&cell=`` do; with one or none the page asks for the rest."""
    given = request.GET.getlist("cell")[:2]
    given = [request.GET.get(name) or (given.pop(0) if given else "") for name in ("a", "b")]
    problems, records = ["", ""], [None, None]
    for side, text in enumerate(given):
        try:
            records[side] = cell_meant(text) if text else None
        except ConfigError as error:
            problems[side] = str(error)
    if request.GET.getlist("cell"):
        asked = dict(zip("ab", given, strict=True)) | {"protocol": request.GET.get("protocol", "")}
        return redirect(f"{reverse('cell-diff')}?{urlencode({name: text for name, text in asked.items() if text})}")
    if None in records:
        return render(
            request, "cells/choose.html", _choice(given, problems, records), status=400 if any(problems) else 200
        )
    found = compare(*records, request.GET.get("protocol", ""))
    return render(request, "cells/diff.html", _page(given, found))


def _choice(given: list[str], problems: list[str], records: list[CellRecord | None]) -> dict:
    known = next((record for record in records if record), None)
    return {
        "section": "leaderboard",
        "known": known,
        "fields": [
            {"name": name, "typed": text, "problem": problem, "record": record}
            for name, text, problem, record in zip("ab", given, problems, records, strict=True)
        ],
        "offered": list(_offered(known)) if known else [],
        "free": "a" if records[1] else "b",
        "known_text": next((text for text, record in zip(given, records, strict=True) if record), ""),
        "published": [(name, zoo.get(name).label) for name in zoo.names()],
    }


def _offered(known: CellRecord) -> Iterator[Trial]:
    """The best cells under the protocol that knows this one best."""
    results = results_of(known) if known.pk else []
    measured = next((result.measured for result in results if result.measured), None)
    if measured:
        best = Trial.objects.filter(protocol=measured.protocol, state=Trial.State.FINISHED).exclude(cell=known.key)
        yield from best.select_related("cell").order_by("-valid_accuracy", "pk")[:OFFERED]


def _page(given: list[str], found: Difference) -> dict:
    cells = [{cell.kind: cell for cell in cells_of(side.record)} for side in (found.a, found.b)]
    layouts = {
        kind: difference(cells[0][kind], cells[1][kind], alignment) for kind, alignment in found.alignments.items()
    }
    rest = None
    if found.params is not None:
        known = [row for row in found.rows if row.params is not None]
        rest = found.params - sum(row.params for row in known), found.macs - sum(row.macs for row in known)
    counts = [families(cells.values()) for cells in cells]
    return {
        "section": "leaderboard",
        "found": found,
        "sides": [("A", found.a), ("B", found.b)],
        "given": given,
        "query": urlencode({"a": given[0], "b": given[1]}),
        "swapped": urlencode({"a": given[1], "b": given[0]}),
        "title": f"{_title(found.a.record)} and {_title(found.b.record)}",
        "layouts": layouts,
        "rest": rest if rest and any(rest) else None,
        "mix": [
            (f, counts[0][f], counts[1][f], counts[1][f] - counts[0][f])
            for f in FAMILIES
            if counts[0][f] or counts[1][f]
        ],
        "counted": [row for row in found.rows if row.counts],
    }


def _title(record: CellRecord) -> str:
    return record.name or record.short


def diff_json(request):
    """The same as data: the matched nodes, the changes and the differences."""
    try:
        found = compare(*(cell_meant(request.GET.get(name, "")) for name in "ab"), request.GET.get("protocol", ""))
    except ConfigError as error:
        return JsonResponse({"error": str(error)}, status=400)
    data = {
        "a": found.a.record.key,
        "b": found.b.record.key,
        "protocol": found.a.result.fingerprint if found.shared else None,
        "distance": found.distance,
        "exact": found.exact,
        "difference": {name: getattr(found, name) for name in ("accuracy", "params", "macs", "latency")},
        "cells": {
            kind: {"nodes": alignment.nodes, "changes": [as_dict(change) for change in alignment.changes]}
            for kind, alignment in found.alignments.items()
        },
    }
    return JsonResponse(data, json_dumps_params={"indent": 2, "ensure_ascii": False})
