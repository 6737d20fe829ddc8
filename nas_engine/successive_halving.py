"""Asynchronous successive halving (ASHA): which children in training go on, decided whenever one reaches a rung.

Li et al. 2020, *A System for Massively Parallel Hyperparameter Tuning* (MLSys), algorithm 2, in its stopping variant, as
schedulers without paused trainings have it (Ray Tune's ASHAScheduler, Optuna's SuccessiveHalvingPruner): a child that
reaches a rung is judged at once by what was recorded there before, and trains on or ends for good. The algorithm itself
pauses every child at its rung and promotes the best paused ones, also those that later arrivals lift into the top.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass


def rungs(least: int, reduction: int, rate: int, epochs: int) -> tuple[int, ...]:
    """Epochs after which children are judged: r eta^(s+k), k = 0, 1, ..., below the ``epochs`` of a whole training.

    ``least`` is the minimum resource r in epochs, ``reduction`` the factor eta >= 2, ``rate`` the early-stopping rate s.
    """
    found, at = [], least * reduction**rate
    while at < epochs:
        found.append(at)
        at *= reduction
    return tuple(found)


def places(recorded: int, reduction: int) -> int:
    """How many of so many results at a rung go on: the top floor(n / eta), and the best where that is none."""
    return max(1, recorded // reduction)


@dataclass(frozen=True)
class Decision:
    """``rank`` (from 1; equal accuracies share the better one) among the ``of`` results at the rung, its own among them,
    of which the best ``places`` go on; ``cutoff`` is the lowest accuracy among those."""

    rank: int
    of: int
    places: int
    cutoff: float

    @property
    def goes_on(self) -> bool:
        return self.rank <= self.places


def decide(accuracy: float, before: Iterable[float], reduction: int) -> Decision:
    """Judge a child that reaches a rung with ``accuracy`` in [0, 1] by those that reached it ``before``, in any order.

    It goes on within the top 1/``reduction`` of all, its own result among them. An accuracy equal to the cut-off goes on:
    no one is ended over a difference that was not measured.
    """
    ordered = sorted([*before, accuracy])
    better = len(ordered) - bisect_right(ordered, accuracy)
    room = places(len(ordered), reduction)
    return Decision(better + 1, len(ordered), room, ordered[-room])
