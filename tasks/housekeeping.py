"""The sweeper: a timer in every search worker that puts right what a crash, a kill or a lost message left behind.

Every part is safe to run at any time and in several workers at once.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError
from django.db.models import QuerySet

from tasks import (
    checkpoints,
    clock,
    cost_previews,
    datasets,
    full_recording,
    messages,
    recording,
    requests,
    supernet_recording,
)
from tasks.search import work_left
from tasks.workers import STALE
from webapp.models import (
    CostPreview,
    FullTraining,
    NodeLatency,
    RemovalStudy,
    Search,
    SupernetRun,
    TrainingRun,
    Trial,
    WeightsRequest,
    Worker,
)

log = logging.getLogger(__name__)
PERIOD = 10.0  # seconds
MESSAGE_GRACE = timedelta(seconds=15)  # a message sent this lately may still be on its way
DOWN = timedelta(seconds=60)  # a longer gap between two sweeps means that nothing ran in between
FORGOTTEN = timedelta(minutes=10)  # a worker silent for this long is no longer listed


def sweep() -> None:
    """Do everything once; what fails is logged and does not keep the rest from being done."""
    parts = (count_time, requeue_lost, forget_workers, resend, datasets.sweep, checkpoints.sweep, cost_previews.forget)
    for part in parts:
        try:
            part()
        except DatabaseError:
            raise
        except Exception:
            log.exception("The sweeper's %s failed", part.__name__)


def count_time() -> None:
    """Add the time since the last sweep to what running searches have used. Time in which no sweeper ran, because
    everything was down, does not count."""
    now = clock.now()
    running = Search.objects.filter(state=Search.State.RUNNING, resumed__isnull=False)
    for pk, since, used in running.values_list("pk", "resumed", "active_seconds"):
        passed = now - since
        if passed < timedelta(seconds=PERIOD / 2):
            continue
        used += passed.total_seconds() if passed <= DOWN else 0.0
        Search.objects.filter(pk=pk, state=Search.State.RUNNING, resumed=since).update(active_seconds=used, resumed=now)


def requeue_lost() -> None:
    """Queue again what is in training by a worker that has shown no sign of life."""
    before = clock.now() - timedelta(seconds=STALE)
    for trial in Trial.objects.filter(state=Trial.State.RUNNING, heartbeat__lt=before):
        recording.requeue_lost(trial)
    for request in WeightsRequest.objects.filter(state=WeightsRequest.State.RUNNING, heartbeat__lt=before):
        requests.requeue_lost(request, messages.train_weights)
    for study in RemovalStudy.objects.filter(state=RemovalStudy.State.RUNNING, heartbeat__lt=before):
        requests.requeue_lost(study, messages.study_removals)
    for wanted in NodeLatency.objects.filter(state=NodeLatency.State.RUNNING, heartbeat__lt=before):
        requests.requeue_lost(wanted, messages.measure_nodes)
    for run in TrainingRun.objects.filter(state=TrainingRun.State.RUNNING, heartbeat__lt=before):
        full_recording.requeue_lost(run)
    for run in SupernetRun.objects.filter(state=SupernetRun.State.RUNNING, heartbeat__lt=before):
        supernet_recording.requeue_lost(run)
    for preview in CostPreview.objects.filter(state=CostPreview.State.RUNNING, heartbeat__lt=before):
        cost_previews.requeue_lost(preview)


def forget_workers() -> None:
    """Take the rows of workers away that are long silent."""
    Worker.objects.filter(heartbeat__lt=clock.now() - FORGOTTEN).delete()


def resend() -> None:
    """Send what has no message: all that a queue holds fewer of than the database says are waiting."""
    lengths = messages.queue_lengths()
    if lengths is None:
        return
    before = clock.now() - MESSAGE_GRACE
    queued = queued_work()
    if lengths["train"] < sum(waiting.count() for waiting, _ in queued):
        for waiting, message in queued:
            for row in waiting.exclude(sent__gte=before).order_by("pk"):
                type(row).objects.filter(pk=row.pk).update(sent=clock.now())
                if not message(row.pk, row.attempt):
                    return
    if lengths["search"] == 0:
        nudge()


def queued_work() -> list[tuple[QuerySet, Callable]]:
    """What waits in queue train, and the message for each of them."""
    going = (*Search.ACTIVE, Search.State.FINISHED)
    return [
        (Trial.objects.filter(state=Trial.State.QUEUED, search__state__in=going), messages.train_child),
        (WeightsRequest.objects.filter(state=WeightsRequest.State.QUEUED), messages.train_weights),
        (RemovalStudy.objects.filter(state=RemovalStudy.State.QUEUED), messages.study_removals),
        (NodeLatency.objects.filter(state=NodeLatency.State.QUEUED), messages.measure_nodes),
        (
            TrainingRun.objects.filter(state=TrainingRun.State.QUEUED, training__state__in=FullTraining.ACTIVE),
            messages.train_fully,
        ),
        (
            SupernetRun.objects.filter(state=SupernetRun.State.QUEUED, search__state__in=Search.ACTIVE),
            messages.train_supernet,
        ),
        (CostPreview.objects.filter(state=CostPreview.State.QUEUED), messages.preview_cost),
    ]


def nudge() -> None:
    """Have searches advanced that nobody is advancing although there is something to do."""
    now = clock.now()
    idle = Search.objects.filter(state__in=Search.ACTIVE).exclude(lease_until__gte=now)
    for search_id in idle.values_list("pk", flat=True):
        if work_left(search_id) and not messages.advance_search(search_id):
            return
