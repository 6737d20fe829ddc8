"""Work that somebody asked for and a train worker does once: rows with state, attempt, worker, heartbeat, sent and error.

As in trials, the attempt is the fencing token: whoever is not at it any more changes nothing.
"""

from collections.abc import Callable

from django.db import transaction
from django.db.models import Model

from tasks import clock, workers
from tasks.recording import ATTEMPTS, LOST_ADVICE

Message = Callable[[int, int], bool]


def current(row: Model):
    """The row as long as this attempt is under way: the condition under which its worker may write."""
    return type(row).objects.filter(pk=row.pk, state="running", attempt=row.attempt)


def claim(model: type[Model], pk: int, attempt: int, *related: str, search: str = "trial__search"):
    """Take a queued row with its ``related`` ones, or None if it is gone, taken, or at another attempt. ``search`` is where
    its search is found, whose checkpoint is not wanted; "" where it has none."""
    queued = model.objects.filter(pk=pk, state="queued", attempt=attempt)
    if not queued.update(state="running", worker=workers.name(), heartbeat=clock.now()):
        return None
    rows = model.objects.select_related(*related)
    return (rows.defer(f"{search}__strategy_state") if search else rows).get(pk=pk)


def put_back(row: Model, message: Message) -> None:
    """Queue the row again: this worker is ending."""
    if not workers.STOP.is_set() and not current(row).exists():
        return  # taken away from this worker
    if current(row).update(state="queued", worker="", heartbeat=None, sent=clock.now()):
        message(row.pk, row.attempt)


def requeue_lost(row: Model, message: Message) -> None:
    """The worker was lost: queue the row under the next attempt, or fail it after three."""
    lost = current(row).filter(heartbeat=row.heartbeat)
    with transaction.atomic():
        if row.attempt % ATTEMPTS == ATTEMPTS - 1:
            lost.update(state="failed", error=f"Its worker was lost {ATTEMPTS} times. {LOST_ADVICE}")
            return
        again = {"state": "queued", "attempt": row.attempt + 1, "worker": "", "heartbeat": None}
        if not lost.update(**again, sent=clock.now()):
            return
    message(row.pk, row.attempt + 1)
