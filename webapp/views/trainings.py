"""One full training, and what can be done with it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from nas_engine.errors import ConfigError
from webapp.models import FullTraining
from webapp.results.training import TrainingPage
from webapp.services import trainings as service
from webapp.views.long_runs import act, config_as_file, log_as_text
from webapp.views.polling import OVER


def find(pk: int) -> FullTraining:
    trainings = FullTraining.objects.select_related("dataset", "cell", "owner", "source__search")
    return get_object_or_404(trainings.defer("source__search__strategy_state", "source__curve"), pk=pk)


@never_cache
def training(request, pk):
    page = TrainingPage(find(pk))
    return render(request, "trainings/training.html", context_of(page))


def training_live(request, pk):
    """The parts of the page, for live.js."""
    page = TrainingPage(find(pk))
    if request.GET.get("since") == page.version:
        response = HttpResponse(status=204)
    else:
        context = context_of(page) | {"figures_known": request.GET.get("search-data") == page.figures_version}
        response = render(request, "trainings/_training.html", context, status=OVER if page.over else 200)
    response["X-Version"] = page.version
    response["Cache-Control"] = "no-store"
    return response


def context_of(page: TrainingPage) -> dict:
    return {"section": "models", "page": page, "training": page.training}


def training_log(request, pk):
    """The whole log, oldest first, as text; times in UTC."""
    return log_as_text(find(pk).log)


def training_config(request, pk):
    """The settings as a file that ``manage.py train --protocol`` takes."""
    return config_as_file(find(pk).config, f"training-{pk}.json")


@require_POST
def training_pause(request, pk):
    return _act(request, pk, service.pause_training, "Training paused")


@require_POST
def training_resume(request, pk):
    return _act(request, pk, service.resume_training, "Training resumed")


@require_POST
def training_stop(request, pk):
    return _act(request, pk, service.stop_training, "Training stopped. What is done stays.")


@require_POST
def training_retry(request, pk):
    """Take up what failed or was stopped, ``from=nothing`` or from its last checkpoint."""
    fresh = request.POST.get("from") == "nothing"
    return _act(request, pk, lambda found: service.retry_runs(found, fresh), "Queued again")


@require_POST
def training_remove(request, pk):
    """Delete it for good, with its models."""
    found = find(pk)
    try:
        service.remove_training(found)
    except ConfigError as error:
        messages.warning(request, "; ".join(error.problems.values()))
        return redirect("training", pk)
    messages.success(request, f"{found.name} was removed")
    return redirect("models")


def _act(request, pk: int, action, done: str):
    act(request, find(pk), action, done)
    return redirect("training", pk)
