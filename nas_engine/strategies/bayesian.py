"""Bayesian optimisation with an ensemble of networks as its surrogate, in the manner of BANANAS (White et al. 2021)."""

import math
import random
from typing import Any

import torch
from torch import Tensor

from nas_engine.architecture import Architecture
from nas_engine.search_spaces.base import SearchSpace
from nas_engine.strategies.base import Strategy
from nas_engine.strategies.paths import paths, vocabulary
from nas_engine.strategies.settings import BayesianConfig
from nas_engine.strategies.surrogate import Ensemble, scores
from nas_engine.trial import Trial

# Candidates are mutations of one of so many best architectures.
ELITE = 10
# Features of the path encoding at most.
VOCABULARY = 400


class Bayesian(Strategy):
    """Random for the first ``start`` trials. Then each proposal is, among ``candidates`` mutations of the best results that
    were not tried yet, the one whose draw from N(mean, standard deviation) of the ensemble's predictions is largest:
    independent Thompson sampling, so that several proposals at a time differ by themselves.

    The surrogate is trained anew, from scratch, on every ``refit``-th result: it follows from the results told and is not
    part of the state.
    """

    def __init__(self, space: SearchSpace, config: BayesianConfig, seed: int):
        super().__init__(space, config, seed)
        self._told: list[tuple[tuple[int, ...], float]] = []
        self._known: set[tuple[int, ...]] = set()  # failed ones as well
        self._elite: list[tuple[tuple[int, ...], float]] = []  # the best told, best first
        self._described: dict[tuple[int, ...], Any] = {}
        self._surrogate: Ensemble | None = None
        self._fitted = 0
        self._vocabulary: dict[tuple[str, ...], int] = {}

    def ask(self, number: int) -> Trial:
        rng = self.rng(number)
        if number < self.config.start or len(self._told) < self.config.start:
            return Trial(number, self.space.sample(rng))
        self._refit()
        candidates = self._candidates(rng)
        mean, deviation = self._surrogate.predict(self._features(candidates))
        draws = [m + d * rng.gauss(0, 1) for m, d in zip(mean.tolist(), deviation.tolist(), strict=True)]
        best = max(range(len(draws)), key=draws.__getitem__)
        return Trial(number, Architecture(self.space.name, candidates[best]), {"predicted": round(draws[best], 4)})

    def tell(self, trial: Trial) -> None:
        self._known.add(trial.architecture.choices)
        if trial.reward is not None and math.isfinite(trial.reward):
            self._told.append((trial.architecture.choices, trial.reward))
            self._elite = _best([*self._elite, self._told[-1]])

    def _candidates(self, rng: random.Random) -> list[tuple[int, ...]]:
        found: dict[tuple[int, ...], None] = {}
        for _ in range(10 * self.config.candidates):
            architecture = Architecture(self.space.name, rng.choice(self._elite)[0])
            for _ in range(rng.choice((1, 1, 2, 3))):
                architecture = self.space.mutate(architecture, rng)
            if architecture.choices not in self._known:
                found[architecture.choices] = None
            if len(found) == self.config.candidates:
                break
        # Everything near the best is known: look anywhere.
        return list(found) or [self.space.sample(rng).choices for _ in range(self.config.candidates)]

    def _refit(self) -> None:
        rounds = (len(self._told) - self.config.start) // self.config.refit
        usable = self.config.start + rounds * self.config.refit
        if self._fitted == usable:
            return
        told = self._told[:usable]
        if self.config.encoding == "paths":
            seen = vocabulary((self._description(choices) for choices, _ in told), VOCABULARY)
            self._vocabulary = {path: column for column, path in enumerate(seen)}
        features = self._features([choices for choices, _ in told])
        seed = random.Random(f"{self.seed}/surrogate/{usable}").getrandbits(62)
        self._surrogate = Ensemble(features.shape[1], self.config.ensemble, seed)
        self._surrogate.fit(features, scores([reward for _, reward in told]))
        self._fitted = usable

    def _features(self, architectures: list[tuple[int, ...]]) -> Tensor:
        described = [self._description(choices) for choices in architectures]
        if self.config.encoding == "one_hot":
            return torch.stack(described).float()
        features = torch.zeros(len(described), max(len(self._vocabulary), 1))
        for row, one in zip(features, described, strict=True):
            row[[self._vocabulary[path] for path in one if path in self._vocabulary]] = 1.0
        return features

    def _description(self, choices: tuple[int, ...]) -> Any:
        """What the encoding needs of an architecture: a row of features, or its paths. Kept for those told, which every
        refit asks for again."""
        if choices in self._described:
            return self._described[choices]
        architecture = Architecture(self.space.name, choices)
        if self.config.encoding == "one_hot":
            description = torch.tensor(self.space.encode(architecture), dtype=torch.bool)
        else:
            description = paths(self.space.cells(architecture))
        if choices in self._known:
            self._described[choices] = description
        return description

    def state_dict(self) -> dict:
        failed = self._known - {choices for choices, _ in self._told}
        return {
            "told": [[list(choices), reward] for choices, reward in self._told],
            "failed": sorted(list(choices) for choices in failed),
        }

    def load_state_dict(self, state: dict) -> None:
        self._told = [(tuple(choices), reward) for choices, reward in state["told"]]
        self._known = {choices for choices, _ in self._told} | {tuple(choices) for choices in state["failed"]}
        self._elite = _best(self._told)
        self._surrogate, self._fitted = None, 0


def _best(told: list[tuple[tuple[int, ...], float]]) -> list[tuple[tuple[int, ...], float]]:
    """Best first; of equals those told earlier."""
    return sorted(told, key=lambda one: -one[1])[:ELITE]
