"""Editing a pair of cells: the address holds the cells, so every state of the page is a permanent link. Nothing is stored
until the cell is kept or trained."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from nas_engine import notation
from nas_engine.cell import Cell
from nas_engine.editing import edited
from nas_engine.errors import ConfigError
from nas_engine.operations import FAMILIES, OPERATIONS
from nas_engine.search_config import read_search
from webapp.diagrams import layout
from webapp.diagrams.mix import families
from webapp.diagrams.network import first_shown, network_data, operations_data
from webapp.models import CellRecord, Search
from webapp.results.editing import Edited, judge, operations_by_family, table, training_config
from webapp.results.reference import cell_meant, record_of
from webapp.results.similar import similar
from webapp.services import cells as cell_service
from webapp.services import searches as search_service
from webapp.templatetags.cells import cells_of


def edit(request):
    """``?cells=`` are the cells written out (or a hash or name), ``&from=`` what they were edited from, ``&search=`` the
    search whose space and protocol count, ``&set=`` edits to make (:mod:`nas_engine.editing`)."""
    try:
        asked = _Asked(request.GET)
    except ConfigError as error:
        raise Http404(" ".join(error.problems.values())) from None
    if request.GET.getlist("set") and not asked.problem:
        return redirect(f"{reverse('cell-edit')}?{asked.query}")
    status = 400 if asked.problem else 200
    return render(request, "cells/edit.html", _context(asked), status=status)


def edit_live(request):
    """What changes on the page with an edit, as one element to put in place."""
    try:
        return render(request, "cells/_edit.html", _context(_Asked(request.GET)))
    except ConfigError as error:
        raise Http404(" ".join(error.problems.values())) from None


class _Asked:
    """The address read: the cells after the edits in it, where they came from, and what was wrong with an edit.

    Raises ConfigError where it names no cells.
    """

    def __init__(self, query):
        self.cells = _stacked(cell_meant(query.get("cells", "") or query.get("from", "")))
        self.origin = _optional(cell_meant, query.get("from", ""))
        self.search = _search(query.get("search", ""))
        self.problem = ""
        try:
            self.cells = edited(self.cells, query.getlist("set"))
        except ConfigError as error:
            self.problem = " ".join(error.problems.values())
        self.line = notation.to_line(self.cells)
        named = {"cells": self.line, "from": query.get("from", ""), "search": self.search.pk if self.search else ""}
        self.query = urlencode({name: value for name, value in named.items() if value}, safe=":;,")

    def judged(self) -> Edited:
        origin = _stacked(self.origin) if self.origin else None
        return judge(self.cells, record_of(self.cells), self.search, origin)


def _stacked(record: CellRecord) -> tuple[Cell, Cell]:
    """The cells of a record. Raises ConfigError where they are not made of blocks."""
    cells = cells_of(record)
    if len(cells) != 2 or not all(isinstance(cell, Cell) for cell in cells):
        raise ConfigError("Only cells made of blocks, a normal and a reduction cell, can be edited.", "cells")
    return cells


def _optional(read, text: str):
    try:
        return read(text) if text else None
    except ConfigError:
        return None


def _search(text: str) -> Search | None:
    """A search that trains stacked cells, if the address names one."""
    if not text.isdigit():
        return None
    found = Search.objects.select_related("dataset").defer("strategy_state").filter(pk=int(text)).first()
    if found is None or found.dataset is None or not read_search(found.config).skeleton.kind:
        return None
    return found


def _context(asked: _Asked) -> dict:
    found = asked.judged()
    used = families(asked.cells)
    network = found.network
    return {
        "section": "leaderboard",
        "asked": asked,
        "found": found,
        "record": found.record,
        "kept": not found.record._state.adding,
        "network": network,
        "skeleton": found.skeleton,
        "title": f"Cell {found.record.short}" if not found.record.name else found.record.name,
        "layouts": {cell.kind: layout(cell) for cell in asked.cells},
        "families": [family for family in FAMILIES if used[family]],
        "cells_table": table(asked.cells),
        "operations": operations_by_family(),
        "labels": {name: row.label for name, row in OPERATIONS.items()},
        "explorer": {
            "line": asked.line,
            "query": asked.query,
            "layouts": {cell.kind: layout(cell) for cell in asked.cells},
            "network": network_data(network),
            "operations": operations_data(asked.cells),
            "first": first_shown(network),
            "groups": {cell.kind: _groups(cell) for cell in asked.cells},
            "problem": asked.problem,
        },
    }


def _groups(cell: Cell) -> dict[str, str]:
    """Node -> the part of the form where it is changed: its block's, or the states that are stacked."""
    found = {node.id: f"block-{cell.kind}-{node.block}" for node in cell.nodes if node.block}
    return found | {node.id: f"stack-{cell.kind}" for node in cell.nodes if node.kind == "concat"}


@require_POST
def edit_train(request):
    """Train exactly this cell under the protocol of a search, as a search of its own with one trial."""
    asked = _posted(request)
    back = f"{reverse('cell-edit')}?{asked.query}"
    if asked.search is None:
        messages.warning(
            request, "There is no search whose protocol could be taken. Keep the cell and train it fully instead."
        )
        return redirect(back)
    try:
        config = read_search(training_config(asked.judged(), asked.line))
        search = search_service.create_search(config, request.user)
    except ConfigError as error:
        messages.error(request, " ".join(error.problems.values()))
        return redirect(back)
    messages.success(request, f"Cell {asked.judged().record.short} is queued under {search.protocol_summary}")
    return redirect("search", search.pk)


@require_POST
def edit_keep(request):
    """Give the cell a page of its own, where it can be starred, trained fully and found again."""
    return kept(request, _posted(request).cells, "Cell")


def kept(request, cells: tuple, noun: str):
    """Store edited cells and lead on, to their page or to the form of a full training."""
    record = cell_service.keep(cells)
    messages.success(request, f"{noun} {record.short} has a page now")
    if "train" in request.POST:
        return redirect(f"{reverse('training-new')}?cell={record.key}")
    return redirect("cell", record.key)


def _posted(request) -> _Asked:
    try:
        return _Asked(request.POST)
    except ConfigError as error:
        raise Http404(" ".join(error.problems.values())) from None


def similar_cells(request):
    """Measured cells that the fewest edits lead to: ``?cell=`` and ``&search=`` or ``&protocol=``."""
    try:
        record = cell_meant(request.GET.get("cell", ""))
        cells = _stacked(record)
    except ConfigError as error:
        raise Http404(" ".join(error.problems.values())) from None
    search = _search(request.GET.get("search", ""))
    found = similar(cells, record.key, search.protocol if search else request.GET.get("protocol", ""))
    context = {"section": "leaderboard", "record": record, "found": found, "reference": request.GET["cell"]}
    context["kept"] = not record._state.adding
    return render(request, "cells/similar.html", context)
