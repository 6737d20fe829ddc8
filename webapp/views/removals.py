"""The removal damage of a trained RandWire network, on its cell's page."""

from django.contrib import messages
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from nas_engine.errors import ConfigError
from webapp.figures.removal import EDGES, NODES, removal_damage
from webapp.models import Trial
from webapp.services import removals as service
from webapp.views.polling import fragment, version_of
from webapp.views.weights import measured_trial


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
