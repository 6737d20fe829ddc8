"""Work that somebody asked for and a train worker does once: rows with state, attempt, worker, heartbeat, sent and error.

As in trials, the attempt is the fencing token: whoever is not at it any more changes nothing.
"""

import logging
from collections.abc import Callable

from django.db import DatabaseError, transaction
from django.db.models import Model

from nas_engine.errors import ConfigError, EvaluationFailed, SearchCancelled
from tasks import clock, workers
from tasks.patience import patiently
from tasks.recording import ATTEMPTS, LOST_ADVICE

log = logging.getLogger(__name__)
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


def carry_out(row: Model, work: Callable[[], None], fail: Callable[[Model, str], None], message: Message) -> None:
    """Do the ``work`` of a claimed row inside its job: ``work`` stores the result; what ends it otherwise is stored here."""
    try:
        work()
    except SearchCancelled:
        patiently(put_back, row, message)
    except (EvaluationFailed, ConfigError) as error:
        patiently(fail, row, str(error))
    except DatabaseError:
        raise  # the heartbeat runs out and the sweeper queues the row again
    except Exception as error:
        log.exception("The %s broke down", row)
        patiently(fail, row, f"{type(error).__name__}: {error}. The worker’s log holds the full trace.")


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
