"""Where a run's checkpoint lies: in a folder of its own on the machine that trains it, with a copy in the database.

The folder is written after every epoch, so that a killed worker loses one epoch at most. The copy is what another machine
goes on from: it is made when a run is put back, and every few minutes while other machines have train workers.
"""

import logging
import shutil
import time
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from tasks import stored_files, workers
from webapp.models import StoredFile, TrainingRun, Worker

log = logging.getLogger(__name__)
COPY_SECONDS = 300.0
NAME = "checkpoint.safetensors"


class Checkpoint:
    """A run's checkpoint on this machine. ``path`` is the file that training writes and resumes from."""

    def __init__(self, run: TrainingRun):
        self.run, self.folder = run, folder_of(run)
        self.path = self.folder / NAME
        self._copied = time.monotonic()

    def prepare(self) -> str:
        """Have the newest checkpoint there is at ``path``; returns in words where training goes on from."""
        self.folder.mkdir(parents=True, exist_ok=True)
        here = self.run.checkpoint_host == workers.host()
        if here and any(self.folder.iterdir()):  # training finds the newest whole one of what is there
            return f"goes on after epoch {self.run.epoch}"
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        stored = StoredFile.objects.filter(run=self.run, kind=StoredFile.Kind.CHECKPOINT).first()
        if stored:
            stored_files.write_to(stored, self.path)
            lost = self.run.epoch - stored.epoch
            again = f"; {lost} more are on {self.run.checkpoint_host} and are trained again" if lost > 0 else ""
            return f"goes on after epoch {stored.epoch}{again}"
        if self.run.epoch:
            return f"starts again: its checkpoint is on {self.run.checkpoint_host}, which has not copied it"
        return "starts"

    def copy_if_due(self, epoch: int) -> bool:
        """Copy it into the database if another machine may have to go on with it and the last copy is old."""
        if time.monotonic() - self._copied < COPY_SECONDS or not _others():
            return False
        return self.copy(epoch)

    def copy(self, epoch: int) -> bool:
        """Copy it into the database. What cannot be stored is no failure: this machine still has it."""
        self._copied = time.monotonic()
        try:
            with self.path.open("rb") as file:
                stored_files.store(self.run, StoredFile.Kind.CHECKPOINT, file, epoch)
        except FileNotFoundError:
            return False
        except DatabaseError as error:
            log.warning("The checkpoint of %s could not be copied: %s", self.run, error)
            connection.close()
            return False
        return True

    def delete(self) -> None:
        """Remove it from this machine."""
        shutil.rmtree(self.folder, ignore_errors=True)


def folder_of(run: TrainingRun) -> Path:
    return settings.CHECKPOINTS_DIR / run.token


def _others() -> bool:
    trainers = Worker.objects.filter(queue="train")
    return trainers.exclude(host=workers.host()).exists()


def sweep() -> None:
    """Remove checkpoints on this machine that no run will go on from: of runs that are finished, started over or gone."""
    if not settings.CHECKPOINTS_DIR.is_dir():
        return
    wanted = set(TrainingRun.objects.exclude(state=TrainingRun.State.FINISHED).values_list("token", flat=True))
    for folder in settings.CHECKPOINTS_DIR.iterdir():
        if folder.is_dir() and folder.name not in wanted:
            shutil.rmtree(folder, ignore_errors=True)
