"""A cell to take away: drawings, sources for papers, data, and a page that opens from disk."""

import json

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe

from nas_engine.cell import Cell
from nas_engine.errors import ConfigError
from webapp.diagrams.colours import THEMES
from webapp.diagrams.dot import cell_dot
from webapp.diagrams.offline import script, sheet
from webapp.diagrams.pdf import cell_pdf
from webapp.diagrams.svg import cell_svg
from webapp.diagrams.tikz import cell_tikz
from webapp.models import CellRecord
from webapp.results.cell import results_of
from webapp.results.notations import notations_of
from webapp.results.reference import cell_meant
from webapp.templatetags.cells import cells_of
from webapp.views.cells import page
from webapp.views.downloads import attachment, safe_name

# Format -> (what a browser is told, how the file ends).
FORMATS = {
    "svg": ("image/svg+xml", "svg"),
    "pdf": ("application/pdf", "pdf"),
    "tikz": ("application/x-tex; charset=utf-8", "tex"),
    "dot": ("text/vnd.graphviz; charset=utf-8", "dot"),
    "json": ("application/json", "json"),
    "html": ("text/html; charset=utf-8", "html"),
}


def export(request, form: str):
    """``?cell=`` (a hash, a name, or the cell written out), ``&kind=`` normal, reduction or both, ``&theme=``, ``&shown`` to
    look at it instead of saving it."""
    try:
        record = cell_meant(request.GET.get("cell", ""))
    except ConfigError as error:
        raise Http404(" ".join(error.problems.values())) from None
    kind, theme = request.GET.get("kind", "both"), request.GET.get("theme", THEMES[0])
    cells = tuple(each for each in cells_of(record) if kind in (each.kind, "both"))
    if form not in FORMATS or not cells or theme not in THEMES:
        raise Http404(f"Exports are {', '.join(FORMATS)}; kind is normal, reduction or both; theme is light or dark.")
    content_type, ending = FORMATS[form]
    response = HttpResponse(_made(request, form, record, cells, theme), content_type=content_type)
    if "shown" not in request.GET or form == "html":
        part = "" if kind == "both" else f"-{kind}"
        response["Content-Disposition"] = attachment(f"{safe_name(str(record))}{part}.{ending}")
    return response


def _made(request, form: str, record: CellRecord, cells: tuple, theme: str) -> str | bytes:
    name = str(record)
    if form == "html":
        return _offline(request, record)
    if form == "json":
        written = {key: text for key, _, text, _ in notations_of(cells_of(record)) if text and key != "json"}
        data = {"key": record.key, "name": record.name, "cells": record.cells, **written}
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    drawn = {"svg": cell_svg, "pdf": cell_pdf}.get(form)
    return drawn(cells, name, theme) if drawn else {"tikz": cell_tikz, "dot": cell_dot}[form](cells, name)


def _offline(request, record: CellRecord) -> str:
    """The cell page without what needs a server."""
    cells = cells_of(record)
    if not all(isinstance(cell, Cell) for cell in cells):
        raise Http404("Only cells made of blocks can be saved as a page.")
    results = [] if record._state.adding else results_of(record)
    context = page(record, results, results[0] if results else None)
    network = context["explorer"]["network"]
    shown = {kind: next(i for i, place in enumerate(network) if place["kind"] == kind) for kind in context["layouts"]}
    shown["normal"] = context["explorer"]["first"]
    context |= {
        "offline_data": context["explorer"] | {"shown": shown},
        "sheet": mark_safe(sheet()),  # ours, without a closing tag in it
        "script": mark_safe(script("offline")),
    }
    return render(request, "cells/offline.html", context).content.decode()
