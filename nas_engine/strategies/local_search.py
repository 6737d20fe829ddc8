"""Local search: climb from the best of a few random starts, one decision at a time, and begin anew at a summit
(White et al. 2021, "Exploring the loss landscape in neural architecture search", algorithm 1)."""

import math
import random

from nas_engine.architecture import Architecture
from nas_engine.search_spaces.base import SearchSpace
from nas_engine.strategies.base import Strategy
from nas_engine.strategies.settings import LocalSearchConfig
from nas_engine.trial import Trial


class LocalSearch(Strategy):
    """Each climb: ``start`` random architectures, then the neighbours of the best architecture of the climb in random
    order. With ``step`` "first" it moves as soon as a neighbour is better; with "best" when all neighbours are known. A
    better architecture told late is moved to as well. Once no neighbour is better, a new climb starts.

    What is proposed follows from what was told, so several asks without a tell walk along the same list of neighbours,
    at places given by the trial's number. A failed neighbour counts as known, so it is not proposed again in this climb.
    Torch-free.
    """

    def __init__(self, space: SearchSpace, config: LocalSearchConfig, seed: int):
        super().__init__(space, config, seed)
        self._climb = 0
        self._begin()

    def _begin(self) -> None:
        self._known: dict[tuple[int, ...], float | None] = {}  # told in this climb; None where it failed
        self._centre: tuple[int, ...] | None = None
        self._starts = 0
        self._open: list[tuple[int, ...]] = []

    def ask(self, number: int) -> Trial:
        if not self._open:
            return Trial(number, self.space.sample(self.rng(number)), {"climb": self._climb})
        choices = self._open[number % len(self._open)]
        return Trial(number, Architecture(self.space.name, choices), {"climb": self._climb, "from": list(self._centre)})

    def tell(self, trial: Trial) -> None:
        choices = trial.architecture.choices
        good = trial.reward is not None and math.isfinite(trial.reward)
        self._known[choices] = trial.reward if good else None
        if self._centre is None:
            self._starts += good
            if self._starts >= self.config.start:
                self._move()
            return
        self._open = [neighbour for neighbour in self._open if neighbour != choices]
        better = good and trial.reward > self._known[self._centre]
        if not self._open or (better and self.config.step == "first"):
            self._move()

    def _move(self) -> None:
        """To the best architecture known; to a new climb if that is where we stand and nothing is left to try."""
        best = max((c for c, reward in self._known.items() if reward is not None), key=lambda c: self._known[c])
        if best != self._centre:
            self._centre = best
            self._open = self._unknown_neighbours()
        if not self._open:
            self._climb += 1
            self._begin()

    def _unknown_neighbours(self) -> list[tuple[int, ...]]:
        around = self.space.neighbours(Architecture(self.space.name, self._centre))
        unknown = [neighbour.choices for neighbour in around if neighbour.choices not in self._known]
        random.Random(f"{self.seed}/{self._climb}/{self._centre}").shuffle(unknown)
        return unknown

    def state_dict(self) -> dict:
        return {
            "climb": self._climb,
            "starts": self._starts,
            "centre": list(self._centre) if self._centre else None,
            "known": [[list(choices), reward] for choices, reward in self._known.items()],
            "open": [list(choices) for choices in self._open],
        }

    def load_state_dict(self, state: dict) -> None:
        self._climb, self._starts = state["climb"], state["starts"]
        self._centre = tuple(state["centre"]) if state["centre"] else None
        self._known = {tuple(choices): reward for choices, reward in state["known"]}
        self._open = [tuple(choices) for choices in state["open"]]
