"""NSGA-II: evolution towards a whole front instead of one best architecture (Deb et al. 2002; for architectures Lu et al.
2019, NSGA-Net)."""

import math
import random

from nas_engine import pareto
from nas_engine.architecture import Architecture
from nas_engine.search_spaces.base import SearchSpace
from nas_engine.strategies.base import Strategy
from nas_engine.strategies.settings import NSGA2Config
from nas_engine.trial import Evaluation, Trial

# Mutations tried on a child that is a member already.
FRESH = 10


class NSGA2(Strategy):
    """Random until ``population`` trials have ended; then each proposal is a child of two parents, each the better of two
    members drawn: uniform crossover, then one decision changed. It joins when it is told, and the worst member leaves: by
    front, then by crowding. So there are no generations to wait for (steady state, Durillo et al. 2009), which keeps any
    number of workers busy.

    Objectives are minimised, accuracy as its negative. Infeasible trials are worse than all feasible ones, and among
    themselves ordered by how far they break the limits (Deb et al. 2002, section VI), so that a search finds its way into
    the feasible part. Failed trials never join. ``trial.info["parents"]`` are trial numbers. Torch-free.
    """

    def __init__(self, space: SearchSpace, config: NSGA2Config, seed: int):
        super().__init__(space, config, seed)
        self._members: list[dict] = []  # by number told
        self._fitness: list[tuple] | None = None

    def ask(self, number: int) -> Trial:
        rng = self.rng(number)
        if number < self.config.population or len(self._members) < self.config.population:
            return Trial(number, self.space.sample(rng))
        first, second = self._tournament(rng), self._tournament(rng)
        child = self._cross(first, second, rng)
        child = self.space.mutate(child, rng)
        members = {tuple(member["choices"]) for member in self._members}
        for _ in range(FRESH):
            if child.choices not in members:
                break
            child = self.space.mutate(child, rng)
        return Trial(number, child, {"parents": [first["number"], second["number"]]})

    def _tournament(self, rng: random.Random) -> dict:
        fitness = self._ranked()
        drawn = [rng.randrange(len(self._members)) for _ in range(2)]
        return self._members[min(drawn, key=fitness.__getitem__)]

    def _cross(self, first: dict, second: dict, rng: random.Random) -> Architecture:
        pairs = zip(first["choices"], second["choices"], strict=True)
        if rng.random() >= self.config.crossover:
            return Architecture(self.space.name, tuple(first["choices"]))
        return Architecture(self.space.name, tuple(pair[rng.random() < 0.5] for pair in pairs))

    def tell(self, trial: Trial) -> None:
        member = self._member(trial)
        if member is None:
            return
        self._members.append(member)
        self._fitness = None
        if len(self._members) > self.config.population:
            fitness = self._ranked()
            del self._members[max(range(len(self._members)), key=fitness.__getitem__)]
            self._fitness = None

    def _member(self, trial: Trial) -> dict | None:
        member = {"number": trial.number, "choices": list(trial.architecture.choices)}
        if trial.violation is not None:
            return member | {"violation": trial.violation, "objectives": []}
        if trial.evaluation is None or trial.reward is None or not math.isfinite(trial.reward):
            return None
        return member | {"violation": 0.0, "objectives": objectives_of(trial.evaluation, self.config.objectives)}

    def _ranked(self) -> list[tuple]:
        """A sort key for every member, the smallest the fittest: (violation, front, -crowding, number)."""
        if self._fitness is None:
            feasible = [at for at, member in enumerate(self._members) if not member["violation"]]
            points = [self._members[at]["objectives"] for at in feasible]
            levels = pareto.ranks(points)
            lonely = [0.0] * len(points)
            for level in set(levels):
                own = [at for at, one in enumerate(levels) if one == level]
                for at, value in zip(own, pareto.crowding([points[at] for at in own]), strict=True):
                    lonely[at] = value
            keys = {at: (0.0, level, -alone) for at, level, alone in zip(feasible, levels, lonely, strict=True)}
            self._fitness = [
                (*keys.get(at, (member["violation"], 0, 0.0)), member["number"])
                for at, member in enumerate(self._members)
            ]
        return self._fitness

    def state_dict(self) -> dict:
        return {"members": [dict(member) for member in self._members]}

    def load_state_dict(self, state: dict) -> None:
        self._members = [dict(member) for member in state["members"]]
        self._fitness = None


def objectives_of(evaluation: Evaluation, names: tuple[str, ...]) -> list[float]:
    """What is to be minimised. A latency that was not measured is the worst there is (JSON knows no infinity)."""
    values = {
        "accuracy": -evaluation.valid_accuracy,
        "params": float(evaluation.params),
        "macs": float(evaluation.macs),
        "latency": 1e9 if evaluation.latency is None else evaluation.latency,
    }
    return [values[name] for name in names]
