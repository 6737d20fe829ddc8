"""The contract of every strategy: ask for trials, be told how they went, restore from a checkpoint."""

import random
from abc import ABC, abstractmethod
from dataclasses import replace

from nas_engine.search_spaces.base import SearchSpace
from nas_engine.trial import Trial


class Strategy(ABC):
    """A function of (space, config, seed, ordered history of tells).

    Randomness comes only from (seed, trial number), never from a running generator, so that a strategy restored from a
    checkpoint and told the same history proposes exactly what an uninterrupted one would. ``ask`` may be called any number
    of times before a ``tell``; tells may come in any order and may carry failed trials.
    """

    def __init__(self, space: SearchSpace, config: object, seed: int):
        self.space, self.config, self.seed = space, config, seed

    def rng(self, number: int) -> random.Random:
        """The generator of trial ``number``: the only source of randomness."""
        return random.Random(f"{self.seed}/{number}")

    def propose(self, number: int) -> Trial:
        """What trial ``number`` is to be: what is asked for, as the space has it at that number (a space may grow)."""
        trial = self.ask(number)
        return replace(trial, architecture=self.space.fitted(trial.architecture, number))

    @abstractmethod
    def ask(self, number: int) -> Trial:
        """Propose trial ``number``. What a later ``tell`` needs to know about the proposal goes into ``trial.info``."""

    @abstractmethod
    def tell(self, trial: Trial) -> dict | None:
        """Learn from a finished or failed trial. Returns a JSON record of the update it caused, if any (see docs)."""

    def state_dict(self) -> dict:
        """Everything learned so far. Values are JSON data or torch tensors; keys are strings."""
        return {}

    def load_state_dict(self, state: dict) -> None:  # noqa: B027 (a strategy without state has nothing to load)
        """Inverse of :meth:`state_dict`."""
