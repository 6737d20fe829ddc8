"""Which workers are alive, and so how many trials can be trained at once right now."""

from datetime import datetime, timedelta

from django.utils import timezone

from tasks.workers import STALE
from webapp.models import Worker


def alive_since() -> datetime:
    """A worker whose last sign of life is older counts as lost."""
    return timezone.now() - timedelta(seconds=STALE)


def live_trainers() -> int:
    """Train workers that gave a sign of life lately."""
    return Worker.objects.filter(queue="train", heartbeat__gt=alive_since()).count()
