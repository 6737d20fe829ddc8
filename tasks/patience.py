"""Storing what took hours, however long the database is away."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, connection

from tasks import recording

log = logging.getLogger(__name__)
PATIENCE = 600.0  # seconds for which a result is kept while the database is away


def patiently(store: Callable, *arguments) -> Any:
    """Call ``store`` until the database takes it: hours of training are not thrown away over a restart of the database."""
    give_up = time.monotonic() + PATIENCE
    wait = 0.5
    while True:
        try:
            return store(*arguments)
        except recording.SearchGone as error:
            log.info("Nothing is stored: %s", error)
            return None
        except DatabaseError as error:
            if connection.in_atomic_block or time.monotonic() > give_up:
                raise
            log.warning("The result could not be stored, trying again in %.0f s: %s", wait, error)
            connection.close()
            time.sleep(wait)
            wait = min(2 * wait, 15.0)
