"""How long a search has run, and how long it will go on."""

from datetime import timedelta

from django.utils import timezone

from webapp.models import Search


def spent(search: Search) -> float:
    """Seconds spent running, pauses left out."""
    stretch = timezone.now() - search.resumed if search.resumed else timedelta()
    return search.active_seconds + max(stretch.total_seconds(), 0.0)


def left(search: Search, done: int) -> float | None:
    """Seconds at the pace of the ``done`` trials so far; never more than the time the budget leaves. None while there is no
    pace, and for a search that does not run."""
    if search.state not in Search.ACTIVE:
        return None
    budget, used = search.config["budget"], spent(search)
    pace = used / done if done else None
    coming = pace * max(budget["trials"] - done, 0) if pace is not None else None
    if not budget["hours"]:
        return coming
    until = max(budget["hours"] * 3600 - used, 0.0)
    return until if coming is None else min(coming, until)
