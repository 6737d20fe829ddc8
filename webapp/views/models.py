"""Trained models: what there is, what each can do, its files, and trying it on an image."""

import mimetypes
import zipfile
from pathlib import Path

from django.core.paginator import Paginator
from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from nas_engine.errors import ConfigError
from webapp.models import Dataset, StoredFile, TrainingRun
from webapp.results import models as results
from webapp.services import inference
from webapp.services import models as service
from webapp.views.downloads import safe_name
from webapp.views.polling import fragment

PER_PAGE = 20
ENVELOPE = 100_000  # bytes around an image in its form


@never_cache
def models(request):
    return render(request, "models/list.html", _listed(request))


def models_live(request):
    """What is being trained, for live.js."""
    return fragment(request, "models/_list.html", _listed(request))


def _listed(request) -> dict:
    filters = {name: request.GET.get(name, "").strip()[:100] for name in ("q", "dataset")}
    page = Paginator(results.trained(**filters), PER_PAGE).get_page(request.GET.get("page"))
    return {
        "section": "models",
        "page": page,
        "models": results.with_files(list(page)),
        "under_way": results.under_way(failed=True),
        "filters": filters,
        "datasets": Dataset.objects.filter(trainings__runs__state="finished").distinct().values_list("slug", "title"),
        "query": request.GET.urlencode(),
        "version": results.version(),
    }


@never_cache
def model(request, pk: int, tried: dict | None = None):
    """One trained model: the training from one seed."""
    run, row = _found(pk)
    path = _bundle(row)
    files, sums = service.bundle_files(path), service.bundle_checksums(path)
    context = {
        "section": "models",
        "run": run,
        "training": run.training,
        "others": run.training.runs.filter(state=TrainingRun.State.FINISHED)
        .exclude(pk=pk)
        .only("seed", "test_accuracy"),
        "bundle": row,
        "bundle_name": bundle_name(run),
        "files": [(name, size, sums.get(name, "")) for name, size in files.items()],
        "about": service.bundle_architecture(path),
        "can_try": inference.ONNX in files,
        "largest": inference.LARGEST,
        **(tried or {}),
    }
    return render(request, "models/model.html", context)


@csrf_exempt  # until the size was looked at: checking the token reads the whole upload; _try then checks it
@require_POST
def try_it(request, pk: int):
    """The page with what the model says of the image that was sent, or with what is wrong with it."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > inference.LARGEST + ENVELOPE:
        return model(request, pk, {"problem": f"The file is larger than {inference.LARGEST // 10**6} MB."})
    return _try(request, pk)


@csrf_protect
def _try(request, pk: int):
    _, row = _found(pk)
    sent = request.FILES.get("image")
    if sent is None:
        return model(request, pk, {"problem": "Choose an image first."})
    if sent.size > inference.LARGEST:
        return model(request, pk, {"problem": f"{sent.name} is larger than {inference.LARGEST // 10**6} MB."})
    try:
        answer = inference.classify(_bundle(row), sent.file)
    except ConfigError as error:
        return model(request, pk, {"problem": error.problems["image"], "tried": sent.name})
    return model(request, pk, {"answer": answer, "tried": sent.name})


def bundle(request, pk: int):
    """Everything, zipped."""
    run, row = _found(pk)
    return FileResponse(_bundle(row).open("rb"), as_attachment=True, filename=bundle_name(run))


def bundle_file(request, pk: int, name: str):
    """One file out of the bundle."""
    run, row = _found(pk)
    archive = zipfile.ZipFile(_bundle(row))
    if name not in archive.namelist():
        archive.close()
        raise Http404(f"The bundle has no {name}.")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    response = FileResponse(archive.open(name), as_attachment=True, filename=name, content_type=kind)
    response["Content-Length"] = archive.getinfo(name).file_size
    response._resource_closers.append(archive.close)
    return response


def bundle_name(run: TrainingRun) -> str:
    """As it is saved: "NASNet-A-cifar-10-training-4-seed-0.zip"."""
    training = run.training
    return (
        f"{safe_name(str(training.cell))}-{safe_name(training.dataset.slug)}-training-{training.pk}-seed-{run.seed}.zip"
    )


def _found(pk: int) -> tuple[TrainingRun, StoredFile]:
    runs = TrainingRun.objects.select_related("training__cell", "training__dataset", "training__owner")
    run = get_object_or_404(runs, pk=pk, state=TrainingRun.State.FINISHED)
    return run, get_object_or_404(StoredFile, run=run, kind=StoredFile.Kind.BUNDLE)


def _bundle(row: StoredFile) -> Path:
    try:
        return service.bundle_path(row)
    except ValueError as error:
        raise Http404(str(error)) from None
