import dataclasses
import random

import pytest

from nas_engine.architecture import Architecture
from nas_engine.strategies.regularized_evolution import RegularizedEvolution
from nas_engine.strategies.settings import EvolutionConfig
from tests.nas_engine.contracts import run, toy_space


def make(**settings) -> RegularizedEvolution:
    return RegularizedEvolution(toy_space(), EvolutionConfig(**{"population": 8, "sample": 3, **settings}), 0)


def fill(strategy: RegularizedEvolution, rewards: list[float]) -> None:
    for number, reward in enumerate(rewards):
        strategy.tell(dataclasses.replace(strategy.ask(number), reward=reward))


def members(strategy: RegularizedEvolution) -> list[int]:
    return [member["number"] for member in strategy.state_dict()["population"]]


def differences(strategy, left: Architecture, right: Architecture) -> int:
    return sum(a != b for a, b in zip(left.choices, right.choices, strict=True))


def test_the_defaults_are_the_papers():
    config = EvolutionConfig()
    assert (config.population, config.sample, config.removal, config.identity) == (100, 25, "oldest", 0.05)


def test_the_population_is_random_until_full_and_keeps_its_size():
    strategy = make()
    for number in range(40):
        trial = strategy.ask(number)
        assert ("parent" in trial.info) == (number >= 8)
        strategy.tell(dataclasses.replace(trial, reward=random.Random(number).random()))
        assert len(members(strategy)) == min(number + 1, 8)


def test_the_oldest_leaves():
    strategy = make()
    fill(strategy, [1.0] + [0.1] * 7)
    for number in range(8, 30):
        strategy.tell(dataclasses.replace(strategy.ask(number), reward=0.05))
        assert members(strategy) == list(range(number - 7, number + 1))


def test_the_worst_leaves_in_plain_tournament_selection():
    strategy = make(removal="worst")
    fill(strategy, [0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6, 0.5])
    strategy.tell(dataclasses.replace(strategy.ask(8), reward=0.65))
    assert 1 not in members(strategy) and 0 in members(strategy)
    strategy.tell(dataclasses.replace(strategy.ask(9), reward=0.0))
    assert 9 not in members(strategy) and len(members(strategy)) == 8


def test_children_differ_from_their_parent_in_one_decision():
    strategy = make(identity=0.0)
    history = {trial.number: trial for trial in run(strategy, 60)}
    children = [trial for trial in history.values() if "parent" in trial.info]
    assert len(children) == 52
    for child in children:
        assert differences(strategy, child.architecture, history[child.info["parent"]].architecture) == 1


def test_a_share_of_the_children_are_copies():
    strategy = make(identity=0.5)
    history = {trial.number: trial for trial in run(strategy, 8)}
    children = [strategy.ask(number) for number in range(8, 408)]
    copies = sum(child.architecture == history[child.info["parent"]].architecture for child in children)
    assert 150 < copies < 250


def test_the_parent_is_the_best_of_the_sample():
    strategy = make(sample=200)
    fill(strategy, [0.1, 0.2, 0.9, 0.3, 0.1, 0.2, 0.3, 0.4])
    assert {strategy.ask(number).info["parent"] for number in range(8, 40)} == {2}
    gentle = make(sample=1)
    fill(gentle, [0.1, 0.2, 0.9, 0.3, 0.1, 0.2, 0.3, 0.4])
    assert len({gentle.ask(number).info["parent"] for number in range(8, 80)}) == 8


@pytest.mark.parametrize("removal", ["oldest", "worst"])
def test_failures_never_join(removal):
    strategy = make(removal=removal)
    for number in range(30):
        trial = strategy.ask(number)
        strategy.tell(trial.failed("Out of memory") if number % 2 else dataclasses.replace(trial, reward=0.5))
    assert all(number % 2 == 0 for number in members(strategy))
