"""The sweeper: a timer in every search worker that puts right what a crash, a kill or a lost message left behind.

Every part is safe to run at any time and in several workers at once.
"""

import logging
from datetime import timedelta

from django.db import DatabaseError

from tasks import clock, datasets, messages, recording, weights
from tasks.search import work_left
from tasks.workers import STALE
from webapp.models import Search, Trial, WeightsRequest, Worker

log = logging.getLogger(__name__)
PERIOD = 10.0  # seconds
MESSAGE_GRACE = timedelta(seconds=15)  # a message sent this lately may still be on its way
DOWN = timedelta(seconds=60)  # a longer gap between two sweeps means that nothing ran in between
FORGOTTEN = timedelta(minutes=10)  # a worker silent for this long is no longer listed


def sweep() -> None:
    """Do everything once; what fails is logged and does not keep the rest from being done."""
    for part in (count_time, requeue_lost, forget_workers, resend, datasets.sweep):
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
    """Queue trials and requests for weights again whose worker has shown no sign of life."""
    before = clock.now() - timedelta(seconds=STALE)
    for trial in Trial.objects.filter(state=Trial.State.RUNNING, heartbeat__lt=before):
        recording.requeue_lost(trial)
    for request in WeightsRequest.objects.filter(state=WeightsRequest.State.RUNNING, heartbeat__lt=before):
        weights.requeue_lost(request)


def forget_workers() -> None:
    """Take the rows of workers away that are long silent."""
    Worker.objects.filter(heartbeat__lt=clock.now() - FORGOTTEN).delete()


def resend() -> None:
    """Send what has no message: all that a queue holds fewer of than the database says are waiting."""
    lengths = messages.queue_lengths()
    if lengths is None:
        return
    before = clock.now() - MESSAGE_GRACE
    trials = Trial.objects.filter(state=Trial.State.QUEUED, search__state__in=(*Search.ACTIVE, Search.State.FINISHED))
    requests = WeightsRequest.objects.filter(state=WeightsRequest.State.QUEUED)
    if lengths["train"] < trials.count() + requests.count():
        for waiting, message in ((trials, messages.train_child), (requests, messages.train_weights)):
            for row in waiting.exclude(sent__gte=before).order_by("pk"):
                type(row).objects.filter(pk=row.pk).update(sent=clock.now())
                if not message(row.pk, row.attempt):
                    return
    if lengths["search"] == 0:
        nudge()


def nudge() -> None:
    """Have searches advanced that nobody is advancing although there is something to do."""
    now = clock.now()
    idle = Search.objects.filter(state__in=Search.ACTIVE).exclude(lease_until__gte=now)
    for search_id in idle.values_list("pk", flat=True):
        if work_left(search_id) and not messages.advance_search(search_id):
            return
