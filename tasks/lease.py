"""At most one coordinator advances a search at a time: it holds the search's lease, a row of the database."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

from django.db import DatabaseError, connection
from django.db.models import Q

from tasks import clock
from webapp.models import Search

log = logging.getLogger(__name__)
LENGTH = timedelta(seconds=30)  # how long a search stands still when its coordinator is killed
RENEWAL = 8.0  # seconds


class LeaseLost(Exception):
    """Another coordinator took over, or the search was paused or ended meanwhile: what was prepared must not be stored."""


def prefix(worker: str) -> str:
    """What the lease tokens of a worker begin with."""
    return f"{worker[:48]}/"


@contextmanager
def lease(search_id: int, worker: str) -> Iterator[str | None]:
    """Hold the search's lease and renew it; yields its token, or None while another holds it."""
    token = prefix(worker) + uuid4().hex[:12]
    now = clock.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    if not Search.objects.filter(free, pk=search_id).update(lease_owner=token, lease_until=now + LENGTH):
        yield None
        return
    done = threading.Event()
    renewer = threading.Thread(target=_renew, args=(search_id, token, done), name=f"lease-{search_id}", daemon=True)
    renewer.start()
    try:
        yield token
    finally:
        done.set()
        renewer.join()
        Search.objects.filter(pk=search_id, lease_owner=token).update(lease_owner="", lease_until=None)


def held(search: Search, token: str) -> None:
    """Raises LeaseLost unless this coordinator may still change the running search."""
    if search.lease_owner != token or search.state != Search.State.RUNNING:
        raise LeaseLost


def release_all(worker: str) -> None:
    """Free the leases of a worker that is known to be dead."""
    held = Search.objects.filter(lease_owner__startswith=prefix(worker))
    held.update(lease_owner="", lease_until=None)


def _renew(search_id: int, token: str, done: threading.Event) -> None:
    try:
        while not done.wait(RENEWAL):
            try:
                Search.objects.filter(pk=search_id, lease_owner=token).update(lease_until=clock.now() + LENGTH)
            except DatabaseError as error:
                log.warning("The lease of search %s could not be renewed: %s", search_id, error)
                connection.close()
    finally:
        connection.close()
