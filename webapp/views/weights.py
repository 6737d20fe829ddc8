"""A trial's weights: the bundle to download, or having them trained again when they were not kept."""

import tempfile

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from nas_engine.datasets import export_split
from nas_engine.errors import ConfigError
from nas_engine.export.bundle import write_bundle
from webapp.models import Dataset, Trial
from webapp.results.protocols import protocol_of
from webapp.services import weights as service
from webapp.views.downloads import safe_name
from webapp.views.polling import fragment, version_of

IN_MEMORY = 32 * 2**20  # a file above this size waits on disk while it is sent


def weights_context(trial: Trial) -> dict:
    """What the downloads part of a page shows of a measured trial."""
    stored, request = service.stored_weights(trial), service.pending_request(trial)
    trained = service.measured_as(trial)
    seen = [stored and stored.sha256, request and [request.state, request.error, request.attempt]]
    return {
        "trial": trained,
        "stored": stored,
        "request_": request,
        "bundle_name": bundle_name(trained),
        "images_name": images_name(trained),
        "weights_version": version_of(seen),
        "asked": request is not None and request.state != request.State.FAILED,
        "dataset_ready": trained.search.dataset.state == Dataset.State.READY,
    }


def weights_live(request, pk: int):
    """The downloads part, for live.js."""
    shown = weights_context(measured_trial(pk))
    return fragment(request, "cells/_downloads.html", {**shown, "version": shown["weights_version"]})


@require_POST
def weights_request(request, pk: int):
    """Have the weights trained again."""
    trial = measured_trial(pk)
    try:
        service.request_weights(trial)
    except ConfigError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The cell is trained again for its weights; the bundle appears here.")
    back = reverse("cell", args=[trial.cell_id])
    return redirect(f"{back}?protocol={trial.protocol}#downloads")


def bundle(request, pk: int):
    """weights.safetensors, architecture.json, model.py, README.md and their checksums, zipped."""
    trial = measured_trial(pk)
    try:
        data = service.open_weights(trial)
    except ConfigError as error:
        raise Http404(str(error)) from None
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the response closes it
    write_bundle(data, file)
    return _send(file, bundle_name(service.measured_as(trial)))


def valid_images(request, pk: int):
    """The images the trial's accuracy was measured on, as PNG files in a folder for each class, zipped."""
    trial = measured_trial(pk)
    dataset = trial.search.dataset
    if dataset.state != Dataset.State.READY:
        raise Http404(f"The images of {dataset} are not there: the data set is {dataset.state}.")
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    try:
        export_split(settings.DATASETS_DIR / dataset.slug, protocol_of(trial.search).data, "valid", file)
    except (ConfigError, OSError) as error:
        file.close()
        raise Http404(f"The images of {dataset} could not be read: {error}") from None
    return _send(file, images_name(trial))


def bundle_name(trial: Trial) -> str:
    """As it is saved: "ab12cd3-search-4-trial-17.zip"."""
    return f"{safe_name(str(trial.cell))}-search-{trial.search_id}-trial-{trial.number}.zip"


def images_name(trial: Trial) -> str:
    return f"{safe_name(trial.search.dataset.slug)}-valid-{trial.protocol}.zip"


def measured_trial(pk: int) -> Trial:
    """The trial with all that pages about its weights read. Raises Http404 unless it is measured."""
    trials = Trial.objects.select_related("cell", "search__dataset", "same_as__search__dataset", "same_as__cell")
    trials = trials.defer("search__strategy_state", "same_as__search__strategy_state")
    return get_object_or_404(trials, pk=pk, state__in=Trial.MEASURED)


def _send(file, name: str) -> FileResponse:
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")
