"""Where the seconds of a trial went, by phase, as the worker measured them.

"queue" is the wait for a worker, "lost" what went into attempts that were given up, "store" writing curve and result; the
others are the evaluator's. A trial holds the sums over its attempts, its search the sums over everything it ever tried.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from tasks import clock
from webapp.models import Search, Trial

PHASES = ("queue", "data", "build", "train", "evaluate", "latency", "store", "lost", "other")


def added(before: dict, more: dict) -> dict:
    """The sums, phase by phase, to the tenth of a millisecond."""
    return {
        name: round(before.get(name, 0.0) + more.get(name, 0.0), 4)
        for name in PHASES
        if before.get(name) or more.get(name)
    }


def book(search: Search, trial: Trial, seconds: dict) -> None:
    """Add to what the trial and its search took. Call it inside ``recording.changing``."""
    _store(search, trial, trial.timings, seconds)


def begin(search: Search, trial: Trial) -> None:
    """Book the wait before an attempt; of the trial, what an earlier attempt took to no avail becomes lost."""
    lost = sum(seconds for name, seconds in trial.timings.items() if name != "queue")
    before = {"queue": trial.timings.get("queue", 0.0), "lost": lost}
    _store(search, trial, before, {"queue": _between(trial.sent or trial.created, clock.now())})


def lose(search: Search, trial: Trial, until: datetime | None = None) -> None:
    """Book an attempt that ends without a result, up to now or to the last that was heard of it."""
    book(search, trial, {"lost": _between(trial.started, until or clock.now())})


def _store(search: Search, trial: Trial, before: dict, seconds: dict) -> None:
    # The trial at hand stays as it is: where the transaction fails, the same is booked again.
    Trial.objects.filter(pk=trial.pk).update(timings=added(before, seconds))
    search.timings = added(search.timings, seconds)
    search.save(update_fields=["timings"])


def _between(start: datetime | None, end: datetime) -> float:
    return max((end - start).total_seconds(), 0.0) if start else 0.0


class Stopwatch:
    """Of one attempt, started with it."""

    def __init__(self):
        self._started, self._taken = time.perf_counter(), {"report": 0.0, "store": 0.0}

    @contextmanager
    def taking(self, name: str) -> Iterator[None]:
        """What the block takes goes into a "report" in the course of the training, or to "store" its result."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._taken[name] += time.perf_counter() - started

    def of_outcome(self, measured: dict) -> dict:
        """Seconds by phase up to now; ``measured`` are the evaluator's, whose "train" holds the reports as well."""
        found = {name: seconds for name, seconds in measured.items() if name in PHASES}
        found["train"] = max(found.get("train", 0.0) - self._taken["report"], 0.0)
        return self._whole(found)

    def of_curve(self, epochs: list[dict]) -> dict:
        """Seconds by phase of a training that was cut short after these epochs."""
        evaluate = sum(epoch.get("valid_seconds", 0.0) for epoch in epochs)
        train = sum(epoch["seconds"] for epoch in epochs) - evaluate
        return self._whole({"train": train, "evaluate": evaluate})

    def _whole(self, found: dict) -> dict:
        found["store"] = sum(self._taken.values())
        elapsed = time.perf_counter() - self._started
        return found | {"other": max(elapsed - sum(found.values()), 0.0)}
