"""What the home page tells: searches under way with their progress, the best cells, what happened lately, storage."""

import shutil
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Q, Sum
from django.utils import timezone

from nas_engine.catalog import searcher_label
from webapp.models import Dataset, Search, Trial, Weights
from webapp.results.board import measurements, ordered
from webapp.results.protocols import MeasuredProtocol, measured_protocols

SPARK_POINTS = 60
LATELY = 8
BEST = 4
PROTOCOLS = 3


@dataclass(frozen=True)
class Progress:
    """A search under way. ``left`` and ``pace`` (seconds a trial) are None until the first trial has ended; ``best`` is
    its best trial; ``spark`` are the best accuracies so far, oldest first."""

    search: Search
    strategy: str
    done: int
    total: int
    left: float | None
    pace: float | None
    training: int
    best: Trial | None
    spark: list[float]


def under_way() -> list[Progress]:
    """Running and queued searches, oldest first."""
    counted = Count("trials", filter=~Q(trials__state__in=Trial.OPEN))
    training = Count("trials", filter=Q(trials__state=Trial.State.RUNNING))
    rows = Search.objects.filter(state__in=Search.ACTIVE).defer("strategy_state").select_related("dataset")
    return [_progress(row) for row in rows.annotate(done=counted, training=training).order_by("pk")]


def _progress(search: Search) -> Progress:
    total = search.config["budget"]["trials"]
    measured = search.trials.filter(valid_accuracy__isnull=False)
    best = measured.select_related("cell").order_by("-valid_accuracy", "number").first()
    pace = active_seconds(search) / search.done if search.done else None
    left = None if pace is None else pace * max(0, total - search.done)
    hours = search.config["budget"].get("hours") or 0
    if hours and left is not None:
        left = min(left, max(0.0, hours * 3600 - active_seconds(search)))
    accuracies = measured.order_by("number").values_list("valid_accuracy", flat=True)
    spark = _best_so_far(list(accuracies))
    return Progress(search, strategy_label(search), search.done, total, left, pace, search.training, best, spark)


def active_seconds(search: Search) -> float:
    """Time the search has been running, pauses left out, up to now."""
    running = (timezone.now() - search.resumed).total_seconds() if search.resumed else 0.0
    return search.active_seconds + max(0.0, running)


def _best_so_far(accuracies: list[float]) -> list[float]:
    best, line = 0.0, []
    for accuracy in accuracies:
        best = max(best, accuracy)
        line.append(best)
    step = max(1, -(-len(line) // SPARK_POINTS))
    return line[:-1:step] + line[-1:]


def strategy_label(search: Search) -> str:
    """The strategy's name for people; its own word if this version does not know it."""
    return searcher_label(search.strategy)


@dataclass(frozen=True)
class Best:
    """The best cells under one protocol; ``protocols`` are those to choose from: of each data set the one most used."""

    protocol: MeasuredProtocol
    trials: list[Trial]
    protocols: list[MeasuredProtocol]


def best_cells(wanted: str = "") -> Best | None:
    """Under the wanted protocol, else under the one with most results; None before the first result."""
    protocols = measured_protocols()
    if not protocols:
        return None
    chosen = next((one for one in protocols if one.fingerprint == wanted), protocols[0])
    # First the ids, from an index alone; then the few rows.
    keys = list(ordered(measurements(chosen.fingerprint), "-accuracy").values_list("pk", flat=True)[:BEST])
    found = Trial.objects.select_related("cell", "search").defer("curve", "search__strategy_state").in_bulk(keys)
    rows = [found[key] for key in keys]
    of_each = {one.dataset: one for one in reversed(protocols)} | {chosen.dataset: chosen}
    offered = [one for one in protocols if of_each[one.dataset] is one]
    return Best(chosen, rows, offered[:PROTOCOLS])


@dataclass(frozen=True)
class Event:
    """Something that happened to a search, or to one of its trials."""

    time: datetime
    state: str
    search: Search
    trial: Trial | None = None
    best: float | None = None
    measured: int = 0
    reused: int = 0


def lately() -> list[Event]:
    """The last ended searches and failed trials, newest first."""
    measured = Count("trials", filter=Q(trials__state__in=Trial.MEASURED))
    reused = Count("trials", filter=Q(trials__state=Trial.State.REUSED))
    ended = Search.objects.filter(ended__isnull=False).defer("strategy_state").order_by("-ended")
    events = [
        Event(row.ended, row.state, row, None, _best_accuracy(row), row.measured, row.reused)
        for row in ended.annotate(measured=measured, reused=reused)[:LATELY]
    ]
    failed = Trial.objects.filter(state=Trial.State.FAILED, ended__isnull=False).select_related("search")
    failed = failed.defer("curve", "search__strategy_state").order_by("-ended")[: LATELY // 2]
    events += [Event(row.ended, "failed", row.search, row) for row in failed]
    return sorted(events, key=lambda event: event.time, reverse=True)[:LATELY]


def _best_accuracy(search: Search) -> float | None:
    measured = search.trials.filter(valid_accuracy__isnull=False).order_by("-valid_accuracy", "number")
    return measured.values_list("valid_accuracy", flat=True).first()


def storage() -> dict:
    """How much is kept, in bytes, and how much room is left."""
    weights = Weights.objects.aggregate(count=Count("pk"), size=Sum("size"))
    ready = Dataset.objects.filter(state=Dataset.State.READY).aggregate(count=Count("pk"), size=Sum("size"))
    return {
        "weights": weights["count"],
        "weights_size": weights["size"] or 0,
        "datasets": ready["count"],
        "datasets_size": ready["size"] or 0,
        "free": shutil.disk_usage(settings.DATA_DIR).free,
    }
