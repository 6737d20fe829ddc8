"""Removal damage: what a trained network loses without each of its nodes and edges, on weights that were kept."""

import logging
import time

from django.db import DatabaseError

from nas_engine.errors import ConfigError
from tasks import messages, requests, retention, train
from tasks.app import app
from tasks.datasets import local_folder
from tasks.patience import patiently
from tasks.recording import clean
from tasks.workers import Job
from webapp.models import RemovalStudy, Weights

log = logging.getLogger(__name__)
State = RemovalStudy.State


@app.task(name="tasks.removals.study_removals")
def study_removals(study_id: int, attempt: int) -> None:
    """Remove every node and edge of a trained network in turn. Does nothing if this attempt is not asked for any more."""
    study = requests.claim(RemovalStudy, study_id, attempt, "trial__search__dataset", "trial__cell")
    if study is None:
        return
    trial = study.trial
    with Job(study, f"removal damage of trial {trial.number} of {trial.search.name}", trial) as job:

        def work() -> None:
            result = measure(study, job.cancelled)
            patiently(end, study, {"state": State.FINISHED, "result": clean(result), "error": ""})

        requests.carry_out(study, work, fail, messages.study_removals)


def measure(study: RemovalStudy, cancelled) -> dict:
    """The study's result. Raises ConfigError where the weights or the images are gone, and SearchCancelled."""
    from nas_engine.evaluators import removal

    weights = Weights.objects.filter(trial=study.trial).first()
    if weights is None:
        raise ConfigError(
            "The weights were given up meanwhile. Have the cell trained again for them, then ask once more."
        )
    folder = local_folder(study.trial.search.dataset)
    return removal.study(retention.load(weights), folder, train.torch_device(), Progress(study).report, cancelled)


def end(study: RemovalStudy, fields: dict) -> None:
    """Store how it ended, if this attempt still counts."""
    requests.current(study).update(**fields)


def fail(study: RemovalStudy, error: str) -> None:
    """Keep the reason, if this attempt still counts."""
    end(study, {"state": State.FAILED, "error": error})


class Progress:
    """How far a study is, stored as it goes."""

    def __init__(self, study: RemovalStudy):
        self.study, self._stored = study, 0.0

    def report(self, done: int, of: int) -> None:
        if done < of and time.monotonic() - self._stored < train.REPORT_SECONDS:
            return
        self._stored = time.monotonic()
        try:
            requests.current(self.study).update(done=done, of=of)
        except DatabaseError as error:  # the next report tries again
            log.warning("Progress could not be stored: %s", error)
