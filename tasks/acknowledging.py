"""Telling Redis that a message's work is done, however long Redis is away."""

import logging

from celery.worker.request import Request

from tasks.app import STOP

log = logging.getLogger(__name__)
PAUSE = 0.5  # seconds between attempts


class PatientRequest(Request):
    """A message in a worker's hands. Celery gives up when Redis does not take an acknowledgement. The message then counts
    as in work for ever, and a worker that takes one at a time would neither ask for another nor notice anything."""

    def acknowledge(self) -> None:
        """Return when Redis has taken it, or the worker is ending: the message then comes back, and its task finds that
        the attempt it names is done."""
        complained = False
        while not self.acknowledged:
            try:
                self.message.ack()
            except self.connection_errors as error:
                if not complained:
                    log.warning("Redis cannot be reached (%s). No other work is taken until it can.", error)
                    complained = True
                if STOP.wait(PAUSE):
                    return
            else:
                self.acknowledged = True
