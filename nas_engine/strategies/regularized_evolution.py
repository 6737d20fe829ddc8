"""Regularized evolution: tournaments in a population whose oldest member dies (Real et al. 2019, algorithm 1)."""

import math

from nas_engine.architecture import Architecture
from nas_engine.search_spaces.base import SearchSpace
from nas_engine.strategies.base import Strategy
from nas_engine.strategies.settings import EvolutionConfig
from nas_engine.trial import Trial


class RegularizedEvolution(Strategy):
    """Random until ``population`` trials have finished; then each proposal is a mutation of the best of ``sample`` members
    drawn with replacement. Every finished trial joins, and the oldest member (or the worst, for plain tournament
    selection) leaves. A share ``identity`` of the children are copies, as in the paper. Failed trials never join.

    ``trial.info["parent"]`` is the parent's trial number. Torch-free.
    """

    def __init__(self, space: SearchSpace, config: EvolutionConfig, seed: int):
        super().__init__(space, config, seed)
        self._population: list[dict] = []  # oldest first

    def ask(self, number: int) -> Trial:
        rng = self.rng(number)
        if number < self.config.population or len(self._population) < self.config.population:
            return Trial(number, self.space.sample(rng))
        parent = max(rng.choices(self._population, k=self.config.sample), key=lambda member: member["reward"])
        architecture = Architecture(self.space.name, tuple(parent["choices"]))
        if rng.random() >= self.config.identity:
            architecture = self.space.mutate(architecture, rng)
        return Trial(number, architecture, {"parent": parent["number"]})

    def tell(self, trial: Trial) -> None:
        if trial.reward is None or not math.isfinite(trial.reward):
            return
        member = {"number": trial.number, "choices": list(trial.architecture.choices), "reward": trial.reward}
        self._population.append(member)
        if len(self._population) > self.config.population:
            worst = min(range(len(self._population)), key=lambda index: self._population[index]["reward"])
            del self._population[0 if self.config.removal == "oldest" else worst]

    def state_dict(self) -> dict:
        return {"population": [dict(member) for member in self._population]}

    def load_state_dict(self, state: dict) -> None:
        self._population = [dict(member) for member in state["population"]]
