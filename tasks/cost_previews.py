"""What workers write about cost previews; claimed and ended by updates conditional on (state, attempt), as trials are."""

from datetime import timedelta

from tasks import clock, messages
from tasks.recording import ATTEMPTS, LOST_ADVICE, clean
from webapp.models import CostPreview

State = CostPreview.State
KEPT = timedelta(days=1)


def current(preview: CostPreview):
    """The row as long as this attempt is under way."""
    return CostPreview.objects.filter(pk=preview.pk, state=State.RUNNING, attempt=preview.attempt)


def claim(preview_id: int, attempt: int, worker: str) -> CostPreview | None:
    """Take a queued preview, or None if it is gone, taken, or at another attempt."""
    queued = CostPreview.objects.filter(pk=preview_id, state=State.QUEUED, attempt=attempt)
    if not queued.update(state=State.RUNNING, worker=worker, heartbeat=clock.now()):
        return None
    return CostPreview.objects.select_related("dataset", "cell").get(pk=preview_id)


def finish(preview: CostPreview, result: dict) -> None:
    """Store what the training would cost."""
    current(preview).update(state=State.FINISHED, result=clean(result), error="")


def fail(preview: CostPreview, error: str) -> None:
    """Store why it could not be timed."""
    current(preview).update(state=State.FAILED, error=error)


def put_back(preview: CostPreview) -> None:
    """Queue it again: this worker is ending."""
    if current(preview).update(state=State.QUEUED, worker="", heartbeat=None, sent=clock.now()):
        messages.preview_cost(preview.pk, preview.attempt)


def requeue_lost(preview: CostPreview) -> None:
    """Its worker was lost, most often for want of memory: try again, or say so after three times."""
    lost = current(preview).filter(heartbeat=preview.heartbeat)
    if preview.attempt % ATTEMPTS == ATTEMPTS - 1:
        lost.update(state=State.FAILED, error=f"Its worker was lost {ATTEMPTS} times. {LOST_ADVICE}")
        return
    again = {"state": State.QUEUED, "attempt": preview.attempt + 1, "worker": "", "heartbeat": None}
    if lost.update(**again, sent=clock.now()):
        messages.preview_cost(preview.pk, preview.attempt + 1)


def forget() -> None:
    """Remove old ones."""
    CostPreview.objects.filter(created__lt=clock.now() - KEPT).delete()
