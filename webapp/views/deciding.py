"""Editing a whole network by the decisions of the space that a search found it in. The address holds the decisions, so every
state of the page is a permanent link. Nothing is stored until the network is kept or trained."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from nas_engine.errors import ConfigError
from nas_engine.operations import FAMILIES
from nas_engine.search_config import read_search
from webapp.diagrams import layout
from webapp.diagrams.mix import families
from webapp.diagrams.network import first_shown, network_data, operations_data
from webapp.models import Search
from webapp.results import deciding
from webapp.services import cells as cell_service
from webapp.services import searches as search_service
from webapp.views.cells import extents


def decide(request, pk: int):
    """``?cells=`` are the decisions, ``&from=`` those it was edited from, ``&set=`` edits to make: "7=2"."""
    asked = _asked(pk, request.GET)
    if request.GET.getlist("set") and not asked.problem:
        return redirect(f"{asked.address}?{asked.query}")
    return render(request, "cells/decide.html", _context(asked), status=400 if asked.problem else 200)


def decide_live(request, pk: int):
    """What changes on the page with an edit, as one element to put in place."""
    return render(request, "cells/_decide.html", _context(_asked(pk, request.GET)))


@require_POST
def decide_train(request, pk: int):
    """Train exactly this network under the search's protocol, as a search of its own with one trial."""
    asked = _asked(pk, request.POST)
    try:
        config = read_search(deciding.training_config(asked.found))
        search = search_service.create_search(config, request.user)
    except ConfigError as error:
        messages.error(request, " ".join(error.problems.values()))
        return redirect(f"{asked.address}?{asked.query}")
    messages.success(request, f"Network {asked.found.record.short} is queued under {search.protocol_summary}")
    return redirect("search", search.pk)


@require_POST
def decide_keep(request, pk: int):
    """Give the network a page of its own, where it can be starred, trained fully and found again."""
    record = cell_service.keep(_asked(pk, request.POST).found.cells)
    messages.success(request, f"Network {record.short} has a page now")
    if "train" in request.POST:
        return redirect(f"{reverse('training-new')}?cell={record.key}")
    return redirect("cell", record.key)


class _Asked:
    """The address read: the architecture after the edits in it, and what was wrong with one of them.

    Raises ConfigError where it names no architecture of the search's space, or one that cannot be built.
    """

    def __init__(self, search: Search, query):
        self.search, self.problem = search, ""
        config = read_search(search.config)
        space = config.build_space()
        before = deciding.read_line(space, query.get("cells", "") or query.get("from", ""))
        origin = deciding.read_line(space, query.get("from", "")) if query.get("from") else before
        try:
            made = deciding.edited(space, before, query.getlist("set"))
            self.found = deciding.judge(search, config, made, origin)
        except ConfigError as error:
            self.problem = " ".join(error.problems.values())
            self.found = deciding.judge(search, config, before, origin)
        self.line = deciding.write_line(self.found.architecture)
        self.origin_line = deciding.write_line(origin)
        self.query = urlencode({"cells": self.line, "from": self.origin_line})
        self.address = reverse("network-edit", args=[search.pk])


def _asked(pk: int, query) -> _Asked:
    search = get_object_or_404(Search.objects.select_related("dataset").defer("strategy_state"), pk=pk)
    if not deciding.editable(search):
        raise Http404("The networks of this search are not edited by their decisions.")
    try:
        return _Asked(search, query)
    except ConfigError as error:
        raise Http404(" ".join(error.problems.values())) from None


def _context(asked: _Asked) -> dict:
    found = asked.found
    used = families(found.cells)
    layouts = {cell.kind: layout(cell) for cell in found.cells}
    return {
        "section": "leaderboard",
        "asked": asked,
        "found": found,
        "search": asked.search,
        "record": found.record,
        "kept": not found.record._state.adding,
        "network": found.network,
        "extents": extents(found.network),
        "layouts": layouts,
        "families": [family for family in FAMILIES if used[family]],
        "groups": deciding.table(found),
        "near": deciding.near(found),
        "explorer": {
            "line": asked.line,
            "query": asked.query,
            "layouts": layouts,
            "network": network_data(found.network),
            "operations": operations_data(found.cells),
            "first": first_shown(found.network),
            "groups": deciding.groups_of_nodes(found),
            "problem": asked.problem,
        },
    }
