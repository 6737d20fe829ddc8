"""Editing a whole network by the decisions of the space that a search found it in. The address holds the decisions, so every
state of the page is a permanent link. Nothing is stored until the network is kept or trained."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from nas_engine.errors import ConfigError
from nas_engine.search_config import read_search
from webapp.diagrams import layout
from webapp.diagrams.network import first_shown, network_data, operations_data
from webapp.models import Search
from webapp.results import deciding
from webapp.services import searches as search_service
from webapp.views.editing import kept


def decide(request, pk: int):
    """``?cells=`` are the decisions, ``&from=`` those it was edited from, ``&set=`` edits to make: "7=2"."""
    asked = _asked(pk, request.GET)
    if request.GET.getlist("set") and not asked.problem:
        return redirect(f"{asked.address}?{asked.query}")
    return render(request, "cells/edit.html", _context(asked), status=400 if asked.problem else 200)


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
    return kept(request, _asked(pk, request.POST).found.cells, "Network")


class _Asked:
    """The address read: the architecture after the edits in it, and what was wrong with one of them.

    Raises Http404 for a search whose networks are not whole, and ConfigError where the address names no architecture of its
    space, or one that cannot be built.
    """

    def __init__(self, search: Search, query):
        self.search, self.problem = search, ""
        config = read_search(search.config)
        if search.dataset is None or not config.skeleton.whole:
            raise Http404("The networks of this search are not edited by their decisions.")
        space = config.build_space()
        before = space.from_line(query.get("cells", "") or query.get("from", ""))
        origin = space.from_line(query["from"]) if query.get("from") else before
        try:
            made = deciding.edited(space, before, query.getlist("set"))
            self.found = deciding.judge(search, config, made, origin)
        except ConfigError as error:
            self.problem = " ".join(error.problems.values())
            self.found = deciding.judge(search, config, before, origin)
        self.line, self.origin_line = self.found.architecture.line, origin.line
        self.query = urlencode({"cells": self.line, "from": self.origin_line})
        self.address = reverse("network-edit", args=[search.pk])


def _asked(pk: int, query) -> _Asked:
    search = get_object_or_404(Search.objects.select_related("dataset").defer("strategy_state"), pk=pk)
    try:
        return _Asked(search, query)
    except ConfigError as error:
        raise Http404(" ".join(error.problems.values())) from None


def _context(asked: _Asked) -> dict:
    found = asked.found
    layouts = {cell.kind: layout(cell) for cell in found.cells}
    return {
        "section": "leaderboard",
        "asked": asked,
        "found": found,
        "search": asked.search,
        "record": found.record,
        "kept": not found.record._state.adding,
        "title": str(found.record),
        "whole": True,
        "network": found.network,
        "layouts": layouts,
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
