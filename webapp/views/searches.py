"""The list of searches, one search, one trial, and what can be done with them."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from nas_engine.errors import ConfigError
from webapp.forms.workers import live_trainers
from webapp.models import Search, Trial
from webapp.results import search_list
from webapp.services import searches as service
from webapp.views.frame import back
from webapp.views.long_runs import act, config_as_file, log_as_text
from webapp.views.polling import version_of
from webapp.views.search_page import SearchPage
from webapp.views.search_settings import one_line, settings_of_search
from webapp.views.trial_page import trial_context

HEADS = (  # column that can be sorted by, title, classes
    ("name", "Search", ""),
    ("", "State", "wide-only"),
    ("", "Trials", "wide-only"),
    ("time", "Time", "num low"),
    ("", "Best cell", "wide-only"),
    ("", "Valid, %", "num"),
    ("created", "Set up", "num low created"),
)
TICK = 10  # seconds after which times so far and times left are shown anew


def find(pk: int) -> Search:
    """The search without its checkpoint, which no page shows. Raises Http404."""
    searches = Search.objects.select_related("dataset", "owner").defer("strategy_state", "dataset__classes")
    return get_object_or_404(searches, pk=pk)


def searches(request):
    return render(request, "searches/list.html", listed(request))


def listed(request) -> dict:
    """One page of searches with their progress and best trial. ``version`` changes with all that is shown."""
    address = search_list.read_address(request.GET)
    rows = search_list.found(address)
    page = search_list.page_of(rows, address, request.GET.get("page"))
    tabs = search_list.tabs_of(rows)
    active = any(row.state in Search.ACTIVE for row in page)
    no_trainer = active and live_trainers() == 0
    seen = [[row.pk, row.version, row.state] for row in page]
    tick = int(timezone.now().timestamp() / TICK) if active else 0
    backwards = address.sort != search_list.DEFAULT
    return {
        "section": "searches",
        "page": page,
        "address": address,
        "tabs": [(key, label, count, address.query(state=key)) for key, label, count in tabs],
        "heads": [(name, title, classes, *address.heads.get(name, ("", None))) for name, title, classes in HEADS],
        "any": bool(tabs[0][2]) or Search.objects.filter(comparison=None).exists(),
        "no_trainer": no_trainer,
        "query": request.GET.urlencode(),
        "query_here": address.query(),
        "query_sort": address.sort if backwards else "",
        "without_words": address.query(q=""),
        "newer": "Previous" if backwards else "Newer",
        "older": "Next" if backwards else "Older",
        "version": version_of([seen, tabs, tick, no_trainer]),
    }


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
    return redirect(back(request)) if "next" in request.POST else redirect("search", pk)


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
