"""The data sets: what is here, what is being prepared, and adding more."""

import shutil
from pathlib import PurePath

from django.conf import settings
from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from nas_engine.errors import ConfigError
from webapp.models import Dataset
from webapp.services import datasets as service
from webapp.services import samples, uploads
from webapp.templatetags.parts import byte_count
from webapp.views.polling import fragment, version_of

YEAR = 365 * 24 * 3600


def datasets(request):
    return render(request, "datasets/list.html", {**_shown(), **_form()})


def datasets_live(request):
    return fragment(request, "datasets/_here.html", _shown())


def _shown() -> dict:
    """The data sets by state, and a version that changes with whatever of them is shown."""
    rows = list(Dataset.objects.annotate(searches_count=Count("searches")))
    for row in rows:
        row.here = samples.is_here(row)
        row.what, row.why = _what_and_why(row)
    fields = ("pk", "title", "state", "progress", "message", "fingerprint", "searches_count", "here")
    ready = [row for row in rows if row.state == Dataset.State.READY]
    return {
        "section": "datasets",
        "ready": ready,
        "bytes": sum(row.size for row in ready),
        "preparing": [row for row in rows if row.state == Dataset.State.PREPARING],
        "failed": [row for row in rows if row.state == Dataset.State.FAILED],
        "version": version_of([[getattr(row, field) for field in fields] for row in rows]),
    }


def _what_and_why(row: Dataset) -> tuple[str, str]:
    """The message of a failed one in two parts: what happened, and the rest."""
    first, found, rest = row.message.partition(". ")
    if found and "was not added" in first:
        return f"{first}.", rest
    return f"{row.title} was not added.", row.message


def _form(way: str = "", problems: dict | None = None, typed: dict | None = None) -> dict:
    """What the three forms show: the one that was sent keeps what was typed and says what is wrong."""
    return {
        "known": service.known_but_absent(),
        "upload_limit": settings.UPLOAD_LIMIT,
        "way": way,
        "problems": problems or {},
        "typed": typed or {},
    }


@csrf_exempt  # until the size was looked at: checking the token reads the whole upload; _add then checks it
@require_POST
def dataset_add(request):
    """Add by upload, by folder or by name; ``way`` says which. Scripts that ask for JSON get JSON."""
    problem = _too_large(int(request.META.get("CONTENT_LENGTH") or 0))
    if problem:
        return _refused(request, "upload", {"file": problem}, {}, status=413)
    return _add(request)


def _too_large(size: int) -> str:
    if size > settings.UPLOAD_LIMIT + 1_000_000:
        return (
            f"It has {byte_count(size)}; up to {byte_count(settings.UPLOAD_LIMIT)} can be uploaded. Add it as a folder."
        )
    free = shutil.disk_usage(settings.DATA_DIR).free
    if size > free:
        return f"It has {byte_count(size)}, and {byte_count(free)} are free on this machine. Make room first."
    return ""


@csrf_protect
def _add(request):
    way = request.POST.get("way", "")
    try:
        if way == "upload":
            dataset = _add_upload(request)
        elif way == "folder":
            dataset = _add_folder(request)
        else:
            way = "name"
            dataset = service.add_known(request.POST.get("name", ""))
    except ConfigError as error:
        return _refused(request, way, error.problems, request.POST)
    messages.success(request, f"{dataset.title} is being prepared")
    if _wants_json(request):
        return JsonResponse({"url": reverse("datasets")}, status=201)
    return redirect("datasets")


def _add_upload(request) -> Dataset:
    sent = request.FILES.get("file")
    if sent is None:
        raise ConfigError("Choose a zip file.", "file")
    title = request.POST.get("title", "").strip() or PurePath(sent.name).stem
    kept = uploads.keep(sent)
    try:
        source = {"kind": "zip", "path": str(kept), "name": sent.name, "size": request.POST.get("size")}
        return service.add_dataset(title, source)
    except ConfigError:
        kept.unlink(missing_ok=True)
        raise


def _add_folder(request) -> Dataset:
    path = request.POST.get("path", "").strip()
    title = request.POST.get("title", "").strip() or PurePath(path).name
    return service.add_dataset(title, {"kind": "folder", "path": path, "size": request.POST.get("size")})


def _refused(request, way: str, problems: dict, typed, status: int = 422) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse({"problems": problems}, status=status)
    return render(request, "datasets/list.html", {**_shown(), **_form(way, problems, typed)}, status=status)


def _wants_json(request) -> bool:
    return request.headers.get("Accept") == "application/json"


def dataset(request, slug):
    found = get_object_or_404(Dataset, slug=slug)
    here = samples.is_here(found)
    counts = samples.class_counts(found) if here else [(None, None)] * len(found.classes)
    context = {
        "section": "datasets",
        "dataset": found,
        "here": here,
        "folder": settings.DATASETS_DIR / found.slug,
        "classes": [(number, name, *counts[number]) for number, name in enumerate(found.classes)],
        "searches": found.searches.all()[:20],
        "searches_count": found.searches.count(),
    }
    return render(request, "datasets/detail.html", context)


@require_POST
def dataset_retry(request, slug):
    found = get_object_or_404(Dataset, slug=slug)
    _act(request, service.retry, found, f"{found.title} is tried again")
    return redirect("datasets")


@require_POST
def dataset_remove(request, slug):
    found = get_object_or_404(Dataset, slug=slug)
    _act(request, service.remove, found, f"{found.title} removed")
    return redirect("datasets")


def _act(request, action, found: Dataset, done: str) -> None:
    try:
        action(found)
    except ConfigError as error:
        messages.error(request, " ".join(error.problems.values()))
    else:
        messages.success(request, done)


def mosaic(request, slug):
    """48 of its images in a grid."""
    return _png(slug, samples.mosaic)


def class_strip(request, slug, label):
    """Images of one class, side by side."""
    return _png(slug, samples.class_strip, label)


def _png(slug: str, draw, *arguments) -> HttpResponse:
    found = get_object_or_404(Dataset, slug=slug, state=Dataset.State.READY)
    if arguments and arguments[0] >= len(found.classes):
        raise Http404("There is no such class.")
    try:
        response = HttpResponse(draw(found, *arguments), content_type="image/png")
    except ConfigError as error:
        raise Http404(str(error)) from None
    # The address holds the fingerprint, so what it shows never changes.
    response["Cache-Control"] = f"private, max-age={YEAR}, immutable"
    return response
