"""The list of searches, one search, one trial, and what can be done with them."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, Subquery
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from nas_engine.errors import ConfigError
from webapp.models import Search, Trial
from webapp.services import searches as service
from webapp.views.long_runs import act, config_as_file, log_as_text
from webapp.views.polling import version_of
from webapp.views.search_page import SearchPage
from webapp.views.search_settings import one_line, settings_of_search
from webapp.views.trial_page import trial_context

PER_PAGE = 20
GROUPS = {
    "": None,
    "active": (*Search.ACTIVE, Search.State.PAUSED),
    "finished": (Search.State.FINISHED,),
    "ended": (Search.State.STOPPED, Search.State.FAILED),
}
GROUP_LABELS = {"": "All", "active": "Under way", "finished": "Finished", "ended": "Stopped or failed"}


def find(pk: int) -> Search:
    """The search without its checkpoint, which no page shows. Raises Http404."""
    searches = Search.objects.select_related("dataset", "owner").defer("strategy_state", "dataset__classes")
    return get_object_or_404(searches, pk=pk)


def searches(request):
    return render(request, "searches/list.html", listed(request))


def listed(request) -> dict:
    """One page of searches, newest first, with their progress and best trial."""
    group = request.GET.get("state", "")
    group = group if group in GROUPS else ""
    everything = Search.objects.filter(comparison=None).order_by("-id")
    rows = everything.filter(state__in=GROUPS[group]) if group else everything
    page = Paginator(rows.values_list("pk", flat=True), PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = _with_results(list(page.object_list))
    trials = Trial.objects.select_related("cell").defer("curve", "info")
    found = trials.in_bulk([row.best_id for row in page if row.best_id])
    for row in page:
        row.best = found.get(row.best_id)
    counts = dict(everything.order_by().values_list("state").annotate(Count("pk")))
    tabs = [
        (key, GROUP_LABELS[key], sum(n for state, n in counts.items() if states is None or state in states))
        for key, states in GROUPS.items()
    ]
    seen = [[row.pk, row.version, row.state] for row in page]
    return {
        "section": "searches",
        "page": page,
        "group": group,
        "tabs": tabs,
        "total": sum(counts.values()),
        "query": request.GET.urlencode(),
        "version": version_of([seen, counts]),
    }


def _with_results(keys: list[int]) -> list[Search]:
    """These searches in this order, with ``done`` and ``best_id``. A trial that ended without a result has no accuracy."""
    best = Trial.objects.filter(search=OuterRef("pk"), valid_accuracy__isnull=False)
    best = best.order_by("-valid_accuracy", "number")
    rows = Search.objects.select_related("dataset", "owner").defer("strategy_state", "dataset__classes", "versions")
    found = rows.annotate(best_id=Subquery(best.values("pk")[:1])).in_bulk(keys)
    # Counted apart: a join would carry each search's settings along with every one of its trials.
    counted = Trial.objects.filter(search__in=keys, state__in=Trial.COUNTED).order_by().values_list("search")
    done = dict(counted.annotate(Count("pk")))
    for key, row in found.items():
        row.done = done.get(key, 0)
    return [found[key] for key in keys]


@never_cache
def search(request, pk):
    page = SearchPage(find(pk), request.GET.get("state", ""), request.GET.get("page", 1))
    return render(request, "searches/search.html", context_of(page) | {"query": request.GET.urlencode()})


def context_of(page: SearchPage) -> dict:
    search = page.search
    return {
        "section": "searches",
        "search": search,
        "page": page,
        "one_line": one_line(search),
        "settings": settings_of_search(search),
    }


def search_config(request, pk):
    """The search's settings as a file that ``manage.py search`` takes."""
    return config_as_file(find(pk).config, f"search-{pk}.json")


def search_log(request, pk):
    """The whole log, oldest first, as text; times in UTC."""
    return log_as_text(find(pk).log)


@require_POST
def search_pause(request, pk):
    return _act(request, pk, service.pause_search, "Search paused. What was in training is trained again later.")


@require_POST
def search_resume(request, pk):
    return _act(request, pk, service.resume_search, "Search resumed")


@require_POST
def search_stop(request, pk):
    return _act(request, pk, service.stop_search, "Search stopped. What it found stays.")


def _act(request, pk: int, action, done: str):
    act(request, find(pk), action, done)
    return redirect("search", pk)


@never_cache
def trial(request, pk, number):
    return render(request, "searches/trial.html", trial_context(find(pk), number))


@require_POST
def trial_retry(request, pk, number):
    found = Trial.objects.filter(search_id=pk, number=number).select_related("search").first()
    if found is None:
        raise Http404("There is no such trial.")
    try:
        service.retry_trial(found)
    except ConfigError as error:
        messages.warning(request, "; ".join(error.problems.values()))
    else:
        messages.success(request, f"Trial {number} is queued again")
    return redirect("trial", pk, number)
