"""Ending the training of children that have fallen behind: see :mod:`nas_engine.early_stopping` and
:mod:`nas_engine.successive_halving`."""

from statistics import fmean
from typing import Protocol

from nas_engine.config import read
from nas_engine.early_stopping import Verdict, by_extrapolation, by_median
from nas_engine.evaluators.settings import StandaloneConfig
from nas_engine.search_config import SearchConfig
from nas_engine.successive_halving import decide
from tasks import clock, recording
from tasks.patience import patiently
from tasks.wording import ordinal, percent
from webapp.models import RungResult, Trial

LATEST = 100  # finished curves of the search that a child is judged by


class Pruned(Exception):
    """Raised inside a child's training when it is not worth going on. ``expected``: the accuracy at the end, in [0, 1]."""

    def __init__(self, expected: float, reason: str):
        self.expected, self.reason = min(max(expected, 0.0), 1.0), reason
        super().__init__(reason)


class Watch(Protocol):
    """Judges one child after each epoch, by the rule of its search."""

    def check(self, curve: list[dict], epochs: int) -> None:
        """Raises Pruned. ``curve`` as it is stored, an entry an epoch."""


def watch_of(trial: Trial, config: SearchConfig) -> Watch:
    """The watch over a trial that begins its training."""
    if config.evaluator_config.get("early_stopping") == "asha":
        return RungWatch(trial, read(StandaloneConfig, config.evaluator_config))
    return CurveWatch(trial, config)


class CurveWatch:
    """By the curves of those trained to the end; without a rule nothing is ended."""

    def __init__(self, trial: Trial, config: SearchConfig):
        self.trial, self.settings = trial, config.evaluator_config
        self.rule = self.settings.get("early_stopping", "none")

    def check(self, curve: list[dict], epochs: int) -> None:
        if self.rule == "none" or not self.settings["grace"] <= len(curve) < epochs:
            return
        finished, mine = _finished(self.trial, epochs), [entry["valid_accuracy"] for entry in curve]
        if self.rule == "median":
            verdict = by_median(mine, finished)
        else:
            verdict = by_extrapolation(mine, finished, self.settings["least_chance"])
        if verdict is not None and verdict.stop:
            raise Pruned(verdict.expected, _reason(verdict, len(curve), epochs))


class RungWatch:
    """By the others at the same rung. A decision is made once: a trial whose worker was lost meets it again."""

    def __init__(self, trial: Trial, settings: StandaloneConfig):
        self.trial, self.settings = trial, settings

    def check(self, curve: list[dict], epochs: int) -> None:
        at = len(curve)
        if at not in self.settings.rungs(epochs):
            return
        result = patiently(at_rung, self.trial, at, curve[-1]["valid_accuracy"], self.settings.reduction_factor, epochs)
        if result is not None and not result.goes_on:
            raise Pruned(result.expected, rung_reason(result))


def at_rung(trial: Trial, epoch: int, accuracy: float, reduction: int, epochs: int) -> RungResult | None:
    """Record that a trial in training reached a rung, and decide. None if this attempt no longer counts.

    The search's row is held meanwhile, so that results at a rung have an order, and each is judged by all before it.
    """
    with recording.changing(trial.search_id) as search:
        if not recording.current(trial).exists():
            return None
        known = RungResult.objects.filter(trial=trial, epoch=epoch).first()
        if known is not None:
            return known
        before = RungResult.objects.filter(search=search, epoch=epoch).values_list("accuracy", flat=True)
        found = decide(accuracy, before, reduction)
        return RungResult.objects.create(
            search=search,
            trial=trial,
            epoch=epoch,
            accuracy=accuracy,
            rank=found.rank,
            of=found.of,
            places=found.places,
            cutoff=found.cutoff,
            goes_on=found.goes_on,
            expected=None if found.goes_on else _expected(trial, epoch, accuracy, epochs),
            decided=clock.now(),
        )


def _expected(trial: Trial, epoch: int, accuracy: float, epochs: int) -> float:
    """The accuracy at the rung and what those trained to the end gained from there on average; before there is any, the
    accuracy at the rung."""
    gains = [curve[-1] - curve[epoch - 1] for curve in _finished(trial, epochs)]
    return min(max(accuracy + fmean(gains), 0.0), 1.0) if gains else accuracy


def _finished(trial: Trial, epochs: int) -> list[list[float]]:
    """The latest curves of the search that are whole."""
    rows = Trial.objects.filter(search_id=trial.search_id, state=Trial.State.FINISHED).order_by("-number")
    curves = rows.values_list("curve", flat=True)[:LATEST]
    return [[entry["valid_accuracy"] for entry in curve] for curve in curves if len(curve) == epochs]


def _reason(verdict: Verdict, epoch: int, epochs: int) -> str:
    return (
        f"after epoch {epoch} of {epochs}: {percent(max(verdict.expected, 0.0))} expected at the end, "
        f"the best with a chance of {percent(verdict.chance)}"
    )


def rung_reason(result: RungResult) -> str:
    """ "at the rung after epoch 4: 61.20 %, 5th of 7, where the best went on, down to 70.10 %"."""
    best = "the best" if result.places == 1 else f"the best {result.places}"
    return (
        f"at the rung after epoch {result.epoch}: {percent(result.accuracy)}, {ordinal(result.rank)} of the {result.of} "
        f"that had got there, of which {best} went on, from {percent(result.cutoff)} up"
    )
