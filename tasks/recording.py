"""What workers write about searches and trials, and the rules that make a result count once.

Every change goes through :func:`changing`, which holds the search's row for the length of a transaction and raises its
version. A trial is claimed, reported on and ended by updates that are conditional on (state, attempt): whoever comes
second, comes late, or comes back from the dead changes nothing.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import F, Max

from nas_engine.limits import Violation
from nas_engine.trial import Evaluation
from tasks import clock, messages, retention, reuse, timings
from tasks.wording import millions, percent, place, praise
from webapp.models import LogLine, Search, Trial

ATTEMPTS = 3  # a trial whose worker was lost this often is failed
LOST_ADVICE = "Most often memory ran out. Take fewer filters or a smaller batch, or read the workers’ logs."
HALTED = (Search.State.PAUSED, Search.State.STOPPED, Search.State.FAILED)


class SearchGone(LookupError):
    """The search was deleted: there is nothing left to write about."""


@contextmanager
def changing(search_id: int) -> Iterator[Search]:
    """A transaction in which nobody else changes this search or its trials; the version rises by one.

    Raises SearchGone if the search was deleted.
    """
    with transaction.atomic():
        locked = Search.objects.filter(pk=search_id).update(version=F("version") + 1)
        if not locked:
            raise SearchGone(f"search {search_id} was deleted")
        yield Search.objects.defer("strategy_state").get(pk=search_id)


def say(search: Search, text: str, level: str = LogLine.Level.INFO, number: int | None = None) -> None:
    """Add a line to the search's log. Call it inside :func:`changing`."""
    LogLine.objects.create(search=search, trial_number=number, level=level, text=text)


def current(trial: Trial):
    """The trial's row as long as this attempt is in training: the condition under which its worker may write."""
    return Trial.objects.filter(pk=trial.pk, state=Trial.State.RUNNING, attempt=trial.attempt)


def claim(trial_id: int, attempt: int, worker: str, device: dict) -> Trial | None:
    """Take a queued trial into training. None if it is not this worker's to train: claimed by another, no longer this
    attempt, its search paused or stopped, or its cell measured or in training meanwhile."""
    found = Trial.objects.filter(pk=trial_id).values_list("search_id", flat=True).first()
    if found is None:
        return None
    with changing(found) as search:
        trial = Trial.objects.filter(pk=trial_id, attempt=attempt, state=Trial.State.QUEUED).first()
        if trial is None or search.state in HALTED:
            return None
        settled = reuse.settle(trial, search, queued_too=False)
        # Nobody advances an ended search, so a trial tried again there must not wait for another.
        unadvanced = settled["state"] == Trial.State.WAITING and search.state not in Search.ACTIVE
        if settled["state"] == Trial.State.QUEUED or unadvanced:
            settled = _begin(trial, worker)
            timings.begin(search, trial)
            say(search, f"trial {trial.number} started on {place(worker, device)}", number=trial.number)
        elif settled["state"] == Trial.State.REUSED:
            say(search, reuse.sentence(trial, settled["same_as"]), number=trial.number)
        Trial.objects.filter(pk=trial_id).update(**settled)
    if settled["state"] in (Trial.State.REUSED, Trial.State.INFEASIBLE, Trial.State.PRUNED):
        messages.advance_search(found)
    if settled["state"] != Trial.State.RUNNING:
        return None
    return (
        Trial.objects.select_related("search", "search__dataset", "cell")
        .defer("search__strategy_state")
        .get(pk=trial_id)
    )


def _begin(trial: Trial, worker: str) -> dict:
    now = clock.now()
    return {"state": Trial.State.RUNNING, "worker": worker, "heartbeat": now, "started": now, "epoch": 0, "curve": []}


def _queued() -> dict:
    return {
        "state": Trial.State.QUEUED,
        "worker": "",
        "heartbeat": None,
        "sent": clock.now(),
        "epoch": 0,
        "curve": [],
    }


def progress(trial: Trial, curve: list[dict], epochs: int) -> bool:
    """Store the learning curve so far. False if this attempt no longer counts."""
    with changing(trial.search_id):
        reached = current(trial).update(curve=clean(curve), epoch=len(curve), epochs=epochs, heartbeat=clock.now())
    return bool(reached)


def finish(
    trial: Trial,
    evaluation: Evaluation,
    reward: float,
    curve: list[dict],
    device: dict,
    weights: bytes,
    latency: dict | None = None,
    took: dict | None = None,
) -> bool:
    """Store a trial's result, once; ``latency`` says how that was obtained, ``took`` where the seconds went. False if this
    attempt no longer counts."""
    began = time.perf_counter()
    with changing(trial.search_id) as search:
        measured = Trial.objects.filter(search=search, state__in=Trial.MEASURED)
        best = measured.aggregate(best=Max("reward"))["best"]
        counted = current(trial).update(
            state=Trial.State.FINISHED,
            valid_accuracy=evaluation.valid_accuracy,
            reward=reward,
            params=evaluation.params,
            macs=evaluation.macs,
            latency=evaluation.latency,
            latency_about=clean({name: value for name, value in (latency or {}).items() if name != "median"}),
            seconds=evaluation.seconds,
            device=device,
            curve=clean(curve),
            epoch=len(curve),
            epochs=len(curve),
            ended=clock.now(),
            error="",
            advice="",
        )
        if not counted:
            return False
        retention.keep_best(search, trial, reward, weights)
        text = f"trial {trial.number} finished: {percent(evaluation.valid_accuracy)}, {millions(evaluation.macs)} MACs"
        if best is None or reward > best:
            text = f"{text}, {praise(evaluation.valid_accuracy, reward)}"
            say(search, text, LogLine.Level.GOOD, trial.number)
        else:
            say(search, text, number=trial.number)
        storing = {"store": time.perf_counter() - began}
        timings.book(search, trial, timings.added(took or {}, storing))
    wake(trial)
    return True


def refuse(
    trial: Trial, evaluation: Evaluation, broken: Violation, curve: list[dict], device: dict, took: dict | None = None
) -> bool:
    """Store that a trained trial breaks the limits of its search. False if this attempt no longer counts."""
    text = f"{broken.reason}; it reached {percent(evaluation.valid_accuracy)}"
    fields = reuse.infeasible(broken, evaluation) | {"error": text, "seconds": evaluation.seconds, "device": device}
    with changing(trial.search_id) as search:
        if not current(trial).update(curve=clean(curve), epoch=len(curve), epochs=len(curve), **fields):
            return False
        timings.book(search, trial, took or {})
        say(search, f"trial {trial.number} breaks the limits: {text}", number=trial.number)
    wake(trial)
    return True


def prune(
    trial: Trial,
    evaluation: Evaluation,
    reward: float,
    reason: str,
    curve: list[dict],
    device: dict,
    took: dict | None = None,
) -> bool:
    """Store that a trial's training was ended early; ``evaluation`` holds what accuracy was expected, ``reward`` is that
    one's. It keeps no accuracy of its own, so that it is ranked nowhere. False if this attempt no longer counts."""
    with changing(trial.search_id) as search:
        counted = current(trial).update(
            state=Trial.State.PRUNED,
            info=trial.info | {"expected": evaluation.valid_accuracy},
            reward=reward,
            params=evaluation.params,
            macs=evaluation.macs,
            seconds=evaluation.seconds,
            device=device,
            curve=clean(curve),
            epoch=len(curve),
            error=reason,
            ended=clock.now(),
        )
        if not counted:
            return False
        timings.book(search, trial, took or {})
        say(search, f"trial {trial.number} stopped early {reason}", number=trial.number)
    wake(trial)
    return True


def fail(trial: Trial, error: str, advice: str = "", curve: list[dict] | None = None, took: dict | None = None) -> bool:
    """Store why a trial has no result. False if this attempt no longer counts."""
    with changing(trial.search_id) as search:
        extra = {} if curve is None else {"curve": clean(curve), "epoch": len(curve)}
        counted = current(trial).update(
            state=Trial.State.FAILED, error=error, advice=advice, ended=clock.now(), **extra
        )
        if not counted:
            return False
        timings.book(search, trial, took or {})
        say(search, f"trial {trial.number} failed: {error}", LogLine.Level.BAD, trial.number)
    wake(trial)
    return True


def put_back(trial: Trial, why: str) -> bool:
    """Queue a trial again that its worker gave up on purpose; it is sent at once unless its search is halted."""
    with changing(trial.search_id) as search:
        if not current(trial).update(**_queued()):
            return False
        timings.lose(search, trial)
        say(search, f"trial {trial.number} put back: {why}", number=trial.number)
        halted = search.state in HALTED
    if halted:
        wake(trial)  # whoever waits for this cell elsewhere trains it itself
    else:
        messages.train_child(trial.pk, trial.attempt)
    return True


def requeue_lost(trial: Trial) -> bool:
    """The worker of a running trial was lost: queue it again under the next attempt, or fail it after three."""
    error = ""
    if trial.attempt % ATTEMPTS == ATTEMPTS - 1:
        error = f"its worker was lost {ATTEMPTS} times, last {trial.worker}"
        change = {"state": Trial.State.FAILED, "error": error, "advice": LOST_ADVICE, "ended": clock.now()}
    else:
        change = _queued() | {"attempt": trial.attempt + 1}
    with changing(trial.search_id) as search:
        # A heartbeat since the caller looked means that the worker lives.
        if not current(trial).filter(heartbeat=trial.heartbeat).update(**change):
            return False
        timings.lose(search, trial, trial.heartbeat)
        if error:
            say(search, f"trial {trial.number} failed: {error}", LogLine.Level.BAD, trial.number)
        else:
            text = f"trial {trial.number} lost its worker, {trial.worker}; it is trained again"
            say(search, text, number=trial.number)
        halted = search.state in HALTED
    if error or halted:
        wake(trial)
    else:
        messages.train_child(trial.pk, trial.attempt + 1)
    return True


def next_round(attempt: int) -> int:
    """The attempt with which a failed trial that is tried again starts: with all its chances, and above any before."""
    return (attempt // ATTEMPTS + 1) * ATTEMPTS


def wake(trial: Trial) -> None:
    """Let the trial's search, and every search that waits for its cell, take note of what became of it."""
    waiting = Trial.objects.filter(cell_id=trial.cell_id, protocol=trial.protocol, state=Trial.State.WAITING)
    for search_id in {trial.search_id, *waiting.values_list("search_id", flat=True)}:
        if not messages.advance_search(search_id):
            return


def clean(value):
    """JSON data without NaN and infinity, which JSON does not know: they become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    return value
