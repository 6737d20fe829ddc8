"""What live.js asks for: 204 while nothing changed, else the page's parts, and 286 with the last of them."""

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render

from webapp.figures.policy import heat_map, identity_first
from webapp.models import PolicyUpdate, Trial
from webapp.results.supernet import derived_layouts, epoch_figures, find_epoch
from webapp.views.polling import OVER
from webapp.views.search_page import SearchPage
from webapp.views.searches import context_of, find, listed
from webapp.views.trial_page import trial_context


def search_live(request, pk):
    """The parts of a search's page. Figures are left out while the page shows them already (``search-data``)."""
    page = SearchPage(find(pk), request.GET.get("state", ""), request.GET.get("page", 1))
    if request.GET.get("since") == page.version:
        return unchanged(page.version)
    context = context_of(page) | {"figures_known": request.GET.get("search-data") == page.figures_version}
    return changed(request, "searches/_search.html", context, page.version, page.over)


def trial_live(request, pk, number):
    """The parts of a trial's page."""
    search = find(pk)
    if request.GET.get("since") == str(search.version):
        return unchanged(search.version)
    context = trial_context(search, number)
    over = context["trial"].state not in Trial.OPEN
    return changed(request, "searches/_trial.html", context, search.version, over)


def searches_live(request):
    """The list of searches."""
    context = listed(request)
    if request.GET.get("since") == context["version"]:
        return unchanged(context["version"])
    return changed(request, "searches/_list.html", context, context["version"], False)


def policy(request, pk, number):
    """The heat map of one update of a search's policy: {"figure": ..., "note": ...}."""
    search = find(pk)
    update = get_object_or_404(PolicyUpdate, search=search, number=number)
    choices = SearchPage(search).choices
    found = identity_first(update.record, choices)
    return JsonResponse({"figure": heat_map(update.record, choices), "identity": found})


def supernet_epoch(request, pk, number):
    """One epoch of a supernet: {"figures": {name: heat map}, "cells": {kind: layout}}."""
    search = find(pk)
    record = find_epoch(search, number)
    if record is None:
        raise Http404("There is no such epoch.")
    figures = epoch_figures(record, SearchPage(search).choices)
    return JsonResponse({"figures": figures, "cells": derived_layouts(record)})


def unchanged(version) -> HttpResponse:
    return _with_version(HttpResponse(status=204), version)


def changed(request, template: str, context: dict, version, over: bool) -> HttpResponse:
    return _with_version(render(request, template, context, status=OVER if over else 200), version)


def _with_version(response: HttpResponse, version) -> HttpResponse:
    response["X-Version"] = str(version)
    response["Cache-Control"] = "no-store"
    return response
