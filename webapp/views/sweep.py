"""The sweep page of a RandWire search, and the removal damage of one of its networks."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from nas_engine.errors import ConfigError
from nas_engine.search_spaces.graph_statistics import LABELS
from webapp.figures.removal import EDGES, NODES, removal_damage
from webapp.figures.sweep import against_statistic
from webapp.models import Search, Trial
from webapp.results.sweep import settings_of, sweep_points
from webapp.services import removals as service
from webapp.views.polling import fragment, version_of
from webapp.views.searches import find
from webapp.views.weights import measured_trial

FIRST = "path_length"
COLUMNS = ("edges", "degree", "path_length", "clustering", "connectivity", "depth")


def sweep(request, pk: int):
    """Accuracy against graph statistics, and the generators' settings by their mean over seeds."""
    return render(request, "searches/sweep.html", _context(request, find(pk)))


def sweep_live(request, pk: int):
    """The page's body, for live.js."""
    return fragment(request, "searches/_sweep.html", _context(request, find(pk)))


def _context(request, search: Search) -> dict:
    if search.config["space"] != "randwire":
        raise Http404("Only searches of the RandWire space have graphs to sweep over.")
    found = sweep_points(search)
    settings = settings_of(found)
    chosen = request.GET.get("x", FIRST)
    chosen = chosen if chosen in LABELS else FIRST
    return {
        "section": "searches",
        "search": search,
        "points": found,
        "settings": settings,
        "seeds": max((one.seeds for one in settings), default=0),
        "statistics": LABELS.items(),
        "chosen": chosen,
        "columns": [(name, LABELS[name]) for name in COLUMNS],
        "figures": {name: against_statistic(found, settings, name) for name in LABELS} if found else {},
        "over": search.state in Search.ENDED,
        "version": str(search.version),
    }


def removal_context(trial: Trial) -> dict:
    """What the removal part of a cell's page shows of a measured trial of a RandWire network."""
    study = service.study_of(trial)
    rows = study.result.get("removals") if study else None
    seen = study and [study.state, study.done, study.error, study.attempt]
    return {
        "study": study,
        "studied": study.trial_id if study else trial.pk,
        "removal_figures": {what: removal_damage(rows, what) for what in (NODES, EDGES)} if rows else {},
        "removal_open": study is not None and study.state in (study.State.QUEUED, study.State.RUNNING),
        "removal_version": version_of(seen),
    }


def removal_live(request, pk: int):
    """The removal part, for live.js."""
    trial = measured_trial(pk)
    context = {**removal_context(trial), "trial": trial, "stored": True}
    return fragment(request, "cells/_removal.html", {**context, "version": context["removal_version"]})


@require_POST
def removal_request(request, pk: int):
    """Have a worker remove every node and edge in turn."""
    trial = measured_trial(pk)
    try:
        service.request_study(trial)
    except ConfigError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "A worker removes each node and each edge in turn; the damage appears here.")
    return redirect(f"{reverse('cell', args=[trial.cell_id])}?protocol={trial.protocol}#removal")
