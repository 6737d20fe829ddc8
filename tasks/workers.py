"""A worker process: its row in the database, its heartbeat, and the job it has in hand.

One thread tells the database every few seconds that the process lives and asks whether its job still counts. Training
itself only reads flags, so that asking costs it nothing.
"""

import logging
import os
import platform
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections, connection
from django.db.models import Model

from tasks import clock, full_recording, lease, supernet_recording
from tasks.app import STOP
from tasks.recording import HALTED, requeue_lost
from webapp.models import FullTraining, Search, SupernetRun, TrainingRun, Trial, Worker

log = logging.getLogger(__name__)
BEAT = 1.0  # seconds between looks at the job in hand
HEARTBEAT = 5.0  # seconds between signs of life
STALE = 45.0  # seconds without one after which a worker counts as lost

_HOST = platform.node() or "localhost"
_name = f"here-{os.getpid()}@{_HOST}"
_about: dict = {}  # what stands in this worker's row
_jobs: list["Job"] = []  # at most one in a train worker
_ended = threading.Event()  # later than STOP: while a job winds down its heart still beats


def name() -> str:
    """This worker's name, "train-0@birch"."""
    return _name


def host() -> str:
    """The machine this process runs on."""
    return _HOST


class Job:
    """A claimed trial, run or request, kept alive while the block runs; ``cancelled`` says when to give it up."""

    def __init__(
        self,
        row: Model,
        doing: str,
        trial: Trial | None = None,
        search_id: int | None = None,
        training_id: int | None = None,
    ):
        """``search_id``, ``training_id``: give the job up when this search or full training is paused or ended."""
        self.row, self.doing, self.trial, self.search_id, self.training_id = row, doing, trial, search_id, training_id
        self.lost = threading.Event()

    def __enter__(self) -> "Job":
        _jobs.append(self)
        _report(trial=self.trial, doing=self.doing)
        return self

    def __exit__(self, *_):
        _jobs.remove(self)
        _report(trial=None, doing="")

    def cancelled(self) -> bool:
        """Whether to stop at once: the worker is ending, the search was paused or ended, or the job is no longer ours."""
        return STOP.is_set() or self.lost.is_set()

    def check(self, alive: bool = False) -> None:
        """Look whether the job still counts; with ``alive`` renew its heartbeat as well."""
        mine = type(self.row).objects.filter(pk=self.row.pk, attempt=self.row.attempt, state="running")
        counts = mine.update(heartbeat=clock.now()) if alive else mine.exists()
        if not counts or self._halted():
            self.lost.set()

    def _halted(self) -> bool:
        if self.training_id is not None:
            return FullTraining.objects.filter(pk=self.training_id, state__in=full_recording.HALTED).exists()
        return Search.objects.filter(pk=self.search_id, state__in=HALTED).exists()


def start(role: str, index: str, device: dict) -> None:
    """Report this process as a worker and keep reporting. What a dead worker of the same name left is freed."""
    global _name
    _name = f"{role}-{index}@{_HOST}"
    _take_over()
    _about.clear()
    _about.update(host=_HOST, queue=role, pid=os.getpid(), device=device, started=clock.now())
    _register()
    repeat(BEAT, Heart().beat, "heartbeat", until=_ended)


def end() -> None:
    """Take this worker's row away: it ends on purpose."""
    _ended.set()
    Worker.objects.filter(name=_name, pid=os.getpid()).delete()


def device() -> dict:
    """Where this worker computes: kind, name, memory in bytes, threads, host."""
    return {**_about.get("device", {}), "host": _HOST}


def _register() -> None:
    fresh = {"trial": None, "doing": "", "heartbeat": clock.now()}
    Worker.objects.update_or_create(name=_name, defaults={**_about, **fresh})


def repeat(seconds: float, function: Callable[[], None], thread: str, until: threading.Event) -> None:
    """Call a function every so often in a thread of its own. What it raises is logged."""

    def loop():
        while not until.wait(seconds):
            try:
                close_old_connections()
                function()
            except DatabaseError as error:
                log.warning("The database cannot be reached: %s", error)
                connection.close()
            except Exception:
                log.exception("%s failed", thread)
        connection.close()

    threading.Thread(target=loop, name=thread, daemon=True).start()


class Heart:
    """Looks after the job in hand at every beat and shows a sign of life at every few."""

    def __init__(self):
        self.last = 0.0

    def beat(self) -> None:
        alive = time.monotonic() - self.last >= HEARTBEAT
        for job in list(_jobs):
            job.check(alive)
        if alive:
            self.last = time.monotonic()
            mine = Worker.objects.filter(name=_name, pid=os.getpid())
            if not mine.update(heartbeat=clock.now()):  # taken for dead while the database was away
                _register()


def _report(**fields) -> None:
    try:
        Worker.objects.filter(name=_name).update(heartbeat=clock.now(), **fields)
    except DatabaseError as error:
        log.warning("The worker’s state could not be stored: %s", error)


def _take_over() -> None:
    """If a worker of this name on this host was killed, queue its trial again now instead of waiting for the sweeper."""
    before = Worker.objects.filter(name=_name, host=_HOST).first()
    if before is None or _process_lives(before.pid):
        return
    lease.release_all(_name)
    for trial in Trial.objects.filter(state=Trial.State.RUNNING, worker=_name):
        requeue_lost(trial)
    for run in TrainingRun.objects.filter(state=TrainingRun.State.RUNNING, worker=_name):
        full_recording.requeue_lost(run)
    for run in SupernetRun.objects.filter(state=SupernetRun.State.RUNNING, worker=_name):
        supernet_recording.requeue_lost(run)


def _process_lives(pid: int) -> bool:
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
