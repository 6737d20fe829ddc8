"""How many trials can be trained at once right now."""

from datetime import timedelta

from django.utils import timezone

from tasks.workers import STALE
from webapp.models import Worker


def live_trainers() -> int:
    """Train workers that gave a sign of life lately."""
    return Worker.objects.filter(queue="train", heartbeat__gt=timezone.now() - timedelta(seconds=STALE)).count()
