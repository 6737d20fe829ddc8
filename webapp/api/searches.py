"""Searches and their trials."""

from typing import Any, Literal

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema, Status
from ninja.pagination import paginate

from nas_engine.errors import ConfigError
from nas_engine.search_config import read_search, with_changes
from nas_engine.search_presets import SEARCHES, search_preset
from webapp.api.acting import offer_actions
from webapp.api.answers import LINES, LineOut, Problems, SearchDetail, SearchOut, State, TrialDetail, TrialOut
from webapp.models import Search, Trial
from webapp.services import searches as service

router = Router(tags=["searches"])
TrialState = Literal["queued", "running", "waiting", "finished", "reused", "failed", "infeasible", "pruned", "stopped"]


class NewSearch(Schema):
    """A preset or a whole configuration, and fields to change in it."""

    preset: str | None = Field(None, description=f"One of {', '.join(SEARCHES)}")
    config: dict[str, Any] | None = Field(None, description="Instead of a preset: what a search's config holds")
    set: dict[str, Any] = Field({}, description='Dotted fields, such as {"budget.trials": 40, "training.epochs": 3}')


def _searches():
    rows = Search.objects.select_related("dataset", "owner").defer("strategy_state", "dataset__classes", "versions")
    # Counted apart: a join would carry each search's settings along with every one of its trials.
    ended = Trial.objects.filter(search=OuterRef("pk"), state__in=Trial.COUNTED).order_by().values("search")
    return rows.annotate(done=Coalesce(Subquery(ended.annotate(count=Count("pk")).values("count")), 0))


def _detail(pk: int) -> Search:
    search = get_object_or_404(_searches(), pk=pk)
    search.wanted = search.config["budget"]["trials"]
    return search


@router.get("", response=list[SearchOut], summary="Searches, newest first")
@paginate
def list_searches(request, state: State | None = None):
    rows = _searches().order_by("-pk")
    return rows.filter(state=state) if state else rows


@router.post("", response={201: SearchDetail, 422: Problems}, summary="Start a search")
def start_search(request, wanted: NewSearch):
    if (wanted.preset is None) == (wanted.config is None):
        raise ConfigError("Give either a preset or a config.", "preset")
    data = search_preset(wanted.preset).data if wanted.preset is not None else wanted.config
    search = service.create_search(read_search(with_changes(data, wanted.set)), request.user)
    return Status(201, _detail(search.pk))


@router.get("/{pk}", response=SearchDetail, summary="One search")
def show_search(request, pk: int):
    return _detail(pk)


offer_actions(
    router,
    "search",
    _detail,
    SearchDetail,
    {
        "pause": (service.pause_search, "Pause; trials in training go back"),
        "resume": (service.resume_search, "Go on where it stood"),
        "stop": (service.stop_search, "End it, keeping what it found"),
    },
)


@router.get("/{pk}/trials", response=list[TrialOut], summary="Its trials by number")
@paginate
def list_trials(request, pk: int, state: TrialState | None = None):
    rows = (
        get_object_or_404(Search.objects.only("pk"), pk=pk).trials.defer("curve", "info", "choices").order_by("number")
    )
    return rows.filter(state=state) if state else rows


@router.get("/{pk}/trials/{number}", response=TrialDetail, summary="One trial with its curve")
def show_trial(request, pk: int, number: int):
    return get_object_or_404(Trial, search=pk, number=number)


@router.post(
    "/{pk}/trials/{number}/retry", response={200: TrialDetail, 422: Problems}, summary="Train a failed one again"
)
def retry_trial(request, pk: int, number: int):
    service.retry_trial(get_object_or_404(Trial, search=pk, number=number))
    return get_object_or_404(Trial, search=pk, number=number)


@router.get("/{pk}/log", response=list[LineOut], summary=f"Its log, oldest first, {LINES} lines at a time")
def show_log(request, pk: int, after: int = 0):
    return get_object_or_404(Search.objects.only("pk"), pk=pk).log.filter(pk__gt=after).order_by("pk")[:LINES]
