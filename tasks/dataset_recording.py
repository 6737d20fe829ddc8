"""What the worker that prepares a data set writes about it. A row that was removed meanwhile takes no writes."""

from datetime import timedelta

from django.db.models import Q, QuerySet

from nas_engine.datasets import DatasetInfo
from tasks import clock
from webapp.models import Dataset

LOST_AFTER = timedelta(seconds=60)  # without a heartbeat


def waiting() -> QuerySet[Dataset]:
    """Data sets to be prepared that no living worker has taken."""
    lost = Q(heartbeat=None) | Q(heartbeat__lt=clock.now() - LOST_AFTER)
    return Dataset.objects.filter(lost, state=Dataset.State.PREPARING)


def claim(dataset_id: int) -> Dataset | None:
    """Take a data set to prepare. None if another worker has it, it is ready, or it was removed."""
    if not waiting().filter(pk=dataset_id).update(heartbeat=clock.now()):
        return None
    return Dataset.objects.filter(pk=dataset_id).first()


def beat(dataset_id: int) -> bool:
    """Show that the preparation lives. False if the data set was removed."""
    return bool(_being_prepared(dataset_id).update(heartbeat=clock.now()))


def progress(dataset_id: int, fraction: float, text: str) -> bool:
    """Show how far it is, 0 to 1, and what is being done. False if the data set was removed."""
    return bool(_being_prepared(dataset_id).update(progress=fraction, message=text, heartbeat=clock.now()))


def ready(dataset_id: int, info: DatasetInfo, source: dict) -> bool:
    """Store what was prepared. False if the data set was removed meanwhile."""
    channels, height, width = info.image_shape
    changed = _being_prepared(dataset_id).update(
        state=Dataset.State.READY,
        progress=1.0,
        message="",
        source=source,
        channels=channels,
        height=height,
        width=width,
        classes=list(info.classes),
        train_images=info.train_images,
        test_images=info.test_images,
        size=info.size,
        fingerprint=info.fingerprint,
        heartbeat=None,
    )
    return bool(changed)


def failed(dataset_id: int, reason: str) -> bool:
    """Store why it could not be prepared. False if the data set was removed meanwhile."""
    return bool(_being_prepared(dataset_id).update(state=Dataset.State.FAILED, message=reason, heartbeat=None))


def _being_prepared(dataset_id: int) -> QuerySet[Dataset]:
    return Dataset.objects.filter(pk=dataset_id, state=Dataset.State.PREPARING)
