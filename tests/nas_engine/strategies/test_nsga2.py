import dataclasses
import random

import pytest

from nas_engine import pareto
from nas_engine.config import read
from nas_engine.errors import ConfigError
from nas_engine.strategies.nsga2 import NSGA2, objectives_of
from nas_engine.strategies.settings import NSGA2Config
from nas_engine.trial import Evaluation
from tests.nas_engine.contracts import toy_space

SMALL = NSGA2Config(population=16)


def evaluation(choices: tuple[int, ...]) -> Evaluation:
    """The more, the better and the dearer, but some decisions pay more than they cost."""
    worth = [random.Random(f"worth/{at}").uniform(0, 0.03) for at in range(len(choices))]
    price = [random.Random(f"price/{at}").uniform(1, 5) for at in range(len(choices))]
    gain = sum(w * c for w, c in zip(worth, choices, strict=True))
    return Evaluation(0.4 + gain, 1, int(1e6 * (1 + sum(p * c for p, c in zip(price, choices, strict=True)))))


def told(strategy: NSGA2, number: int):
    trial = strategy.ask(number)
    found = evaluation(trial.architecture.choices)
    trial = trial.finished(found, found.valid_accuracy)
    strategy.tell(trial)
    return trial


def volume(trials) -> float:
    points = [objectives_of(trial.evaluation, ("accuracy", "macs")) for trial in trials]
    return pareto.hypervolume([(1 + a, macs / 1e8) for a, macs in points], (1.0, 1.0))


def test_its_front_covers_more_than_random_search_does():
    space = toy_space(3)
    searched, chance = NSGA2(space, SMALL, 1), random.Random(5)
    found = [told(searched, number) for number in range(250)]
    drawn = []
    for _ in range(250):
        architecture = space.sample(chance)
        trial = dataclasses.replace(found[0], architecture=architecture, evaluation=evaluation(architecture.choices))
        drawn.append(trial)
    assert volume(found) > volume(drawn) + 0.02
    front = pareto.front([objectives_of(trial.evaluation, ("accuracy", "macs")) for trial in found])
    assert len(front) >= 8


def test_the_population_keeps_the_best_by_front_then_by_crowding():
    strategy = NSGA2(toy_space(), NSGA2Config(population=3), 0)
    architectures = [strategy.space.sample(random.Random(seed)) for seed in range(4)]
    for number, (accuracy, macs) in enumerate([(0.9, 9), (0.8, 5), (0.5, 1), (0.7, 6)]):
        trial = dataclasses.replace(strategy.ask(number), architecture=architectures[number])
        strategy.tell(trial.finished(Evaluation(accuracy, 1, macs), accuracy))
    assert [member["number"] for member in strategy._members] == [0, 1, 2]


def test_infeasible_members_stay_only_while_there_is_nothing_better_nearest_first():
    strategy = NSGA2(toy_space(), NSGA2Config(population=2), 0)
    for number, violation in enumerate([0.5, 0.1, 0.3]):
        strategy.tell(strategy.ask(number).infeasible(violation, "too large"))
    assert [member["number"] for member in strategy._members] == [1, 2]
    for number in (3, 4):
        strategy.tell(strategy.ask(number).finished(Evaluation(0.1, 1, 10**9), 0.1))
    assert [member["violation"] for member in strategy._members] == [0.0, 0.0]


def test_it_finds_its_way_into_a_small_feasible_part():
    space = toy_space(3)
    strategy = NSGA2(space, SMALL, 3)
    first, last = 0, 0
    for number in range(300):
        trial = strategy.ask(number)
        size = sum(trial.architecture.choices)
        over = size / 14 - 1
        if over > 0:
            strategy.tell(trial.infeasible(over, "too large"))
        else:
            found = evaluation(trial.architecture.choices)
            strategy.tell(trial.finished(found, found.valid_accuracy))
        first, last = first + (number < 100 and over <= 0), last + (number >= 200 and over <= 0)
    assert last > 2 * first and last > 40


def test_objectives_are_minimised_and_an_unknown_latency_is_the_worst():
    assert objectives_of(Evaluation(0.9, 3, 4), ("accuracy", "params", "macs", "latency")) == [-0.9, 3.0, 4.0, 1e9]
    assert objectives_of(Evaluation(0.9, 3, 4, 0.01), ("latency",)) == [0.01]


def test_it_needs_an_objective():
    with pytest.raises(ConfigError) as caught:
        read(NSGA2Config, {"objectives": []}, "strategy_config")
    assert list(caught.value.problems) == ["strategy_config.objectives"]
