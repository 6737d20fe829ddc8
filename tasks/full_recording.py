"""What workers write about full trainings, by the rules of :mod:`tasks.recording`: every change holds the training's row
and raises its version; a run is claimed, reported on and ended by updates that are conditional on (state, attempt)."""

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import mean, stdev
from typing import Any, BinaryIO

from django.db import transaction
from django.db.models import F

from tasks import clock, messages, stored_files
from tasks.recording import ATTEMPTS, LOST_ADVICE, SearchGone, clean, next_round
from tasks.wording import duration, percent, place
from webapp.models import FullTraining, StoredFile, TrainingLine, TrainingRun

State = TrainingRun.State
HALTED = (FullTraining.State.PAUSED, FullTraining.State.STOPPED)


class TrainingGone(SearchGone):
    """The training was deleted: there is nothing left to write about."""


@contextmanager
def changing(training_id: int) -> Iterator[FullTraining]:
    """A transaction in which nobody else changes this training or its runs. Raises TrainingGone if it was deleted."""
    with transaction.atomic():
        if not FullTraining.objects.filter(pk=training_id).update(version=F("version") + 1):
            raise TrainingGone(f"training {training_id} was deleted")
        yield FullTraining.objects.get(pk=training_id)


def say(training: FullTraining, text: str, level: str = TrainingLine.Level.INFO, seed: int | None = None) -> None:
    """Add a line to the training's log. Call it inside :func:`changing`."""
    TrainingLine.objects.create(training=training, seed=seed, level=level, text=text)


def tell(run: TrainingRun, text: str) -> None:
    """Add a line about a run to the log."""
    with changing(run.training_id) as training:
        say(training, f"seed {run.seed}: {text}", seed=run.seed)


def current(run: TrainingRun):
    """The run's row as long as this attempt is in training: the condition under which its worker may write."""
    return TrainingRun.objects.filter(pk=run.pk, state=State.RUNNING, attempt=run.attempt)


def claim(run_id: int, attempt: int, worker: str, device: dict) -> TrainingRun | None:
    """Take a queued run into training. None if it is not this worker's to train."""
    found = TrainingRun.objects.filter(pk=run_id).values_list("training_id", flat=True).first()
    if found is None:
        return None
    with changing(found) as training:
        if training.state in HALTED:
            return None
        now = clock.now()
        queued = TrainingRun.objects.filter(pk=run_id, attempt=attempt, state=State.QUEUED)
        taken = {"worker": worker, "heartbeat": now, "device": device, "progress": {}, "error": "", "advice": ""}
        if not queued.update(state=State.RUNNING, ended=None, claimed_epoch=F("epoch"), **taken):
            return None
        TrainingRun.objects.filter(pk=run_id, started=None).update(started=now)
        FullTraining.objects.filter(pk=found, started=None).update(started=now)
        FullTraining.objects.filter(pk=found).update(state=FullTraining.State.RUNNING, reason="", ended=None)
        run = TrainingRun.objects.select_related("training__dataset", "training__cell").get(pk=run_id)
        say(training, f"seed {run.seed} taken by {place(worker, device)}", seed=run.seed)
    return run


def begin(run: TrainingRun, host: str, where: str) -> None:
    """Note that the newest checkpoint is on ``host`` from now on, and where training begins, in words."""
    with changing(run.training_id) as training:
        current(run).update(checkpoint_host=host)
        say(training, f"seed {run.seed} {where}", seed=run.seed)


def settle(run: TrainingRun, settled: dict, protocol: str, summary: str, params: int, macs: int) -> dict:
    """Store the configuration with N and F chosen, unless another seed's worker has; returns the one that holds."""
    with changing(run.training_id) as training:
        if training.settled is None:
            about = {"protocol": protocol, "protocol_summary": summary, "params": params, "macs": macs}
            FullTraining.objects.filter(pk=training.pk).update(settled=settled, **about)
            say(training, f"the network that fits: {summary}")
            return settled
    return training.settled


def progress(run: TrainingRun, report: dict) -> None:
    """Store how far the epoch under way is."""
    with changing(run.training_id):
        current(run).update(progress=clean(report), heartbeat=clock.now())


def epochs_done(run: TrainingRun, curve: list[dict], epochs: int, host: str, lines: list[str]) -> None:
    """Store the learning curve so far, whose last epoch's checkpoint lies on ``host``, and what to log of it."""
    now, done = clock.now(), curve[-1]["epoch"]
    about = {"heartbeat": now, "checkpointed": now, "checkpoint_host": host, "progress": {}}
    with changing(run.training_id) as training:
        if current(run).update(curve=clean(curve), epoch=done, epochs=epochs, **about):
            rows = [TrainingLine(training=training, seed=run.seed, text=text) for text in lines]
            TrainingLine.objects.bulk_create(rows)


def finish(run: TrainingRun, numbers: dict[str, Any], curve: list[dict], bundle: BinaryIO) -> bool:
    """Store a run's result and its bundle, once. False if this attempt no longer counts."""
    with changing(run.training_id) as training:
        changes = {"state": State.FINISHED, "curve": clean(curve), "epoch": len(curve), "epochs": len(curve)}
        ended = {"ended": clock.now(), "progress": {}, "error": "", "advice": ""}
        if not current(run).update(**changes, **ended, **clean(numbers)):
            return False
        bundle.seek(0)
        stored_files.store(run, StoredFile.Kind.BUNDLE, bundle)
        StoredFile.objects.filter(run=run, kind=StoredFile.Kind.CHECKPOINT).delete()
        text = f"seed {run.seed} finished: {percent(numbers['test_accuracy'])} on test, {duration(numbers['seconds'])}"
        say(training, text, TrainingLine.Level.GOOD, run.seed)
        conclude(training)
    return True


def fail(run: TrainingRun, error: str, advice: str = "") -> bool:
    """Store why a run has no result. False if this attempt no longer counts."""
    with changing(run.training_id) as training:
        changes = {"state": State.FAILED, "error": error, "advice": advice, "ended": clock.now(), "progress": {}}
        if not current(run).update(**changes):
            return False
        say(training, f"seed {run.seed} failed: {error}", TrainingLine.Level.BAD, run.seed)
        conclude(training)
    return True


def put_back(run: TrainingRun, why: str) -> bool:
    """Queue a run again that its worker gave up on purpose; it is sent at once unless its training is halted."""
    with changing(run.training_id) as training:
        if not current(run).update(**_queued()):
            return False
        say(training, f"seed {run.seed} put back after epoch {_epoch(run)}: {why}", seed=run.seed)
        halted = training.state in HALTED
    if not halted:
        messages.train_fully(run.pk, run.attempt)
    return True


def requeue_lost(run: TrainingRun) -> bool:
    """The worker of a run was lost: queue it again under the next attempt, or fail it when three in a row have been lost
    without an epoch. A training of weeks may lose more workers than that."""
    text = f"seed {run.seed} lost its worker, {run.worker}"
    attempt = next_round(run.attempt) if run.epoch > run.claimed_epoch else run.attempt + 1
    failed = attempt == next_round(run.attempt) and run.epoch <= run.claimed_epoch
    if failed:
        error = f"its worker was lost {ATTEMPTS} times in a row, last {run.worker}"
        change = {"state": State.FAILED, "error": error, "advice": LOST_ADVICE, "ended": clock.now(), "progress": {}}
    else:
        change = _queued() | {"attempt": attempt}
    with changing(run.training_id) as training:
        # A heartbeat since the caller looked means that the worker lives.
        if not current(run).filter(heartbeat=run.heartbeat).update(**change):
            return False
        if failed:
            say(training, f"seed {run.seed} failed: {error}", TrainingLine.Level.BAD, run.seed)
            conclude(training)
        else:
            say(training, f"{text}; it goes on after epoch {_epoch(run)}", seed=run.seed)
        halted = training.state in HALTED
    if not failed and not halted:
        messages.train_fully(run.pk, attempt)
    return True


def conclude(training: FullTraining) -> None:
    """Take note of what the seeds came to, and end the training if none is open. Call it inside :func:`changing`."""
    runs = list(training.runs.order_by("seed").only("seed", "state", "test_accuracy", "error"))
    tested = [run.test_accuracy for run in runs if run.state == State.FINISHED]
    changes: dict[str, Any] = {
        "test_mean": mean(tested) if tested else None,
        "test_std": stdev(tested) if len(tested) > 1 else None,
    }
    if not any(run.state in TrainingRun.OPEN for run in runs) and training.state != FullTraining.State.STOPPED:
        failed = [run for run in runs if run.state == State.FAILED]
        changes |= {"ended": clock.now(), "state": FullTraining.State.FINISHED, "reason": ""}
        if failed:
            reason = "; ".join(f"seed {run.seed} failed: {run.error}" for run in failed)
            changes |= {"state": FullTraining.State.FAILED, "reason": reason}
    FullTraining.objects.filter(pk=training.pk).update(**changes)


def _queued() -> dict:
    return {"state": State.QUEUED, "worker": "", "heartbeat": None, "sent": clock.now(), "progress": {}}


def _epoch(run: TrainingRun) -> int:
    return TrainingRun.objects.values_list("epoch", flat=True).get(pk=run.pk)
