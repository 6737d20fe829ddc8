"""Training a child: claim the trial, train it, store its result once."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, connection

from nas_engine.blueprint import build_blueprint
from nas_engine.config import as_dict, read
from nas_engine.errors import ConfigError, EvaluationFailed, SearchCancelled
from nas_engine.evaluators.settings import StandaloneConfig
from nas_engine.graph_cell import read_cells
from nas_engine.search_config import SearchConfig, read_search
from nas_engine.trial import Evaluation
from tasks import recording, workers
from tasks.app import STOP, app
from tasks.datasets import local_folder
from tasks.patience import patiently
from tasks.pruning import Pruned, watch_of
from tasks.timings import Stopwatch
from tasks.workers import Job
from webapp.models import Trial

log = logging.getLogger(__name__)
REPORT_SECONDS = 1.0  # the learning curve is stored at most this often


@app.task(name="tasks.train.train_child")
def train_child(trial_id: int, attempt: int) -> None:
    """Train one attempt of a trial. Does nothing if the attempt is not (or no longer) to be trained."""
    device = workers.device()
    trial = recording.claim(trial_id, attempt, workers.name(), device)
    if trial is None:
        return
    search = trial.search
    with Job(trial, f"trial {trial.number} of {search.name}", trial, search.pk) as job:
        curve = Curve(trial)
        try:
            _train(trial, curve, job, device)
        except SearchCancelled:
            why = "its worker is ending" if STOP.is_set() else "its search was paused"
            patiently(recording.put_back, trial, why)
        except EvaluationFailed as error:
            patiently(recording.fail, trial, error.reason, error.advice, curve.epochs, curve.timings())
        except ConfigError as error:
            advice = "Correct it in a clone of this search."
            patiently(recording.fail, trial, str(error), advice, curve.epochs, curve.timings())
        except DatabaseError:
            raise  # the trial’s heartbeat runs out and the sweeper queues it again
        except Exception as error:
            log.exception("Trial %s of search %s broke down", trial.number, search.pk)
            text = f"{type(error).__name__}: {error}"
            advice = "The worker’s log holds the full trace."
            patiently(recording.fail, trial, text, advice, curve.epochs, curve.timings())


def _train(trial: Trial, curve: "Curve", job: Job, device: dict) -> None:
    config = read_search(trial.search.config)
    watch = watch_of(trial, config)

    def report(epoch: Any) -> None:
        curve.add(epoch)
        watch.check(curve.epochs, epoch.epochs)

    try:
        outcome = evaluate(trial, config, report, job.cancelled)
    except Pruned as pruned:
        _prune(trial, config, curve, pruned, device)
        return
    broken = config.limits.broken_after(outcome.evaluation)
    if broken:
        timings = curve.watch.of_outcome(outcome.timings)
        patiently(recording.refuse, trial, outcome.evaluation, broken, outcome.curve, device, timings)
        return
    reward = config.reward.of(outcome.evaluation)
    with curve.watch.taking("store"):
        weights = pack(trial, config, outcome)
    result = (trial, outcome.evaluation, reward, outcome.curve, device, weights, outcome.latency)
    patiently(recording.finish, *result, curve.watch.of_outcome(outcome.timings))


def _prune(trial: Trial, config: SearchConfig, curve: "Curve", pruned: Pruned, device: dict) -> None:
    data = trial.search.dataset
    network = build_blueprint(read_cells(trial.cell.cells), config.skeleton, data.image_shape, len(data.classes))
    seconds = sum(entry["seconds"] for entry in curve.epochs)
    evaluation = Evaluation(pruned.expected, network.params, network.macs, None, seconds, trial.protocol)
    reward = config.reward.of(evaluation)
    patiently(recording.prune, trial, evaluation, reward, pruned.reason, curve.epochs, device, curve.timings())


def evaluate(trial: Trial, config: SearchConfig, report: Callable[[Any], None], cancelled: Callable[[], bool]):
    """Train the trial's cells and measure them; returns the evaluator's Outcome.

    Raises EvaluationFailed, also when the data set is not to be had on this machine, and SearchCancelled.
    """
    from nas_engine.evaluators.standalone import StandaloneEvaluator

    dataset = trial.search.dataset
    folder = local_folder(dataset)
    protocol = config.protocol(dataset.fingerprint)
    if protocol.fingerprint() != trial.protocol:
        raise EvaluationFailed(
            "the data set or the training code changed since this search began",
            "Clone the search: its numbers would not be comparable.",
        )
    cells = read_cells(trial.cell.cells)
    settings = read(StandaloneConfig, config.evaluator_config) if config.evaluator == "standalone" else None
    return StandaloneEvaluator(protocol, folder, torch_device(), settings).evaluate(cells, report, cancelled)


def torch_device() -> str:
    """The device of this worker's torch: its GPU if it was given one, else the CPU."""
    return workers.device().get("kind", "cpu")


def pack(trial: Trial, config: SearchConfig, outcome: Any) -> bytes:
    """The weights file of a trained trial, with all that is needed to use it inside."""
    from nas_engine.export import weights

    return weights.pack(
        outcome.weights,
        {
            "blueprint": outcome.blueprint.as_json(),
            "cells": trial.cell.cells,
            "protocol": as_dict(config.protocol(trial.search.dataset.fingerprint)),
            "classes": list(outcome.classes),
            "normalisation": outcome.normalisation,
            "evaluation": as_dict(outcome.evaluation),
        },
    )


class Curve:
    """The learning curve of a trial in training, stored as it grows."""

    def __init__(self, trial: Trial):
        self.trial, self.epochs, self._stored = trial, [], 0.0
        self.watch = Stopwatch()

    def add(self, report: Any) -> None:
        """Take an evaluator's EpochReport."""
        self.epochs.append(
            {
                "epoch": report.epoch,
                "train_loss": report.train_loss,
                "train_accuracy": report.train_accuracy,
                "valid_accuracy": report.valid_accuracy,
                "seconds": report.seconds,
                "images_per_second": report.images_per_second,
                "valid_seconds": report.valid_seconds,
            }
        )
        if time.monotonic() - self._stored < REPORT_SECONDS:
            return
        self._stored = time.monotonic()
        try:
            with self.watch.taking("report"):
                recording.progress(self.trial, self.epochs, report.epochs)
        except recording.SearchGone:
            raise SearchCancelled from None
        except DatabaseError as error:  # the next epoch tries again
            log.warning("Progress could not be stored: %s", error)
            connection.close()

    def timings(self) -> dict:
        """Where the seconds went of a training that got this far."""
        return self.watch.of_curve(self.epochs)
