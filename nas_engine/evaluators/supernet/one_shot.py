"""Supernets trained along uniformly drawn paths: random search with weight sharing (Li and Talwalkar 2019) and single-path
one-shot with evolution (Guo et al. 2020). The honest baselines of weight sharing: nothing is learned but the weights."""

import random

from nas_engine.architecture import Architecture
from nas_engine.evaluators.supernet.method import Epoch, Method, distinct
from nas_engine.evaluators.supernet.records import Derived


class RandomPaths(Method):
    """Random search with weight sharing: train along random paths, then keep the best of many random architectures."""

    def epoch(self) -> Epoch:
        session, rng = self.session, self._rng("paths")
        totals = session.train_epoch(lambda images: self.path(self.space.sample(rng))(images))
        count, scores = self.config.derive_samples, []
        for number in range(count):
            session.step_done("scoring", number, count)
            scores.append(self.scored(self.space.sample(rng), 1))
        best = max(scores, key=lambda one: one.supernet_score)
        return Epoch(totals, best, valid_accuracy=sum(one.supernet_score for one in scores) / count)

    def _rng(self, purpose: str) -> random.Random:
        return random.Random(f"{self.session.seed}/{self.session.epoch}/{purpose}")

    def derive(self, count: int) -> list[Derived]:
        rng, total = self._rng("derive"), max(count, self.config.one_shot.candidates)
        found = []
        for number in range(total):
            self.session.step_done("scoring", number, total)
            found.append(self.scored(self.space.sample(rng)))
        found.sort(key=lambda one: -one.supernet_score)
        return distinct(found, count, self.space)


class SinglePathOneShot(RandomPaths):
    """The same weights, searched by evolution: in every generation the best so far have children, half by crossover and
    half by mutation, and every new one is scored (Guo et al. 2020, algorithm 1)."""

    def derive(self, count: int) -> list[Derived]:
        settings, rng = self.config.one_shot, self._rng("evolution")
        known: dict[str, Derived] = {}
        for generation in range(settings.generations):
            self._score(self._population(generation, known, rng), known, generation)
        return sorted(known.values(), key=lambda one: -one.supernet_score)[:count]

    def _score(self, population: list[Architecture], known: dict[str, Derived], generation: int) -> None:
        settings = self.config.one_shot
        for number, architecture in enumerate(population):
            done = generation * settings.population + number
            self.session.step_done("scoring", done, settings.generations * settings.population)
            key = self.space.key(architecture)
            if key not in known:
                known[key] = self.scored(architecture)

    def _population(self, generation: int, known: dict[str, Derived], rng: random.Random) -> list[Architecture]:
        settings = self.config.one_shot
        if not generation:
            return [self.space.sample(rng) for _ in range(settings.population)]
        ranked = sorted(known.values(), key=lambda one: -one.supernet_score)[: settings.parents]
        parents = [one.architecture for one in ranked]
        mutants = settings.population // 2
        children = [self._mutant(rng.choice(parents), rng) for _ in range(mutants)]
        return children + [
            self._crossed(rng.choice(parents), rng.choice(parents), rng) for _ in range(settings.population - mutants)
        ]

    def _mutant(self, parent: Architecture, rng: random.Random) -> Architecture:
        """Every decision is drawn anew with the mutation's probability."""
        probability = self.config.one_shot.mutation_probability
        fresh = self.space.sample(rng).choices
        choices = (new if rng.random() < probability else old for new, old in zip(fresh, parent.choices, strict=True))
        return Architecture(self.space.name, tuple(choices))

    def _crossed(self, one: Architecture, other: Architecture, rng: random.Random) -> Architecture:
        """Every decision from either parent, by a toss."""
        return Architecture(
            self.space.name, tuple(rng.choice(pair) for pair in zip(one.choices, other.choices, strict=True))
        )
