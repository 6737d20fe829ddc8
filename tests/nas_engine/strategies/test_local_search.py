import dataclasses

import pytest

from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace
from nas_engine.strategies.local_search import LocalSearch
from nas_engine.strategies.settings import LocalSearchConfig
from nas_engine.trial import Trial
from tests.nas_engine.contracts import toy_space


def reward(trial: Trial) -> float:
    """A single summit: the more decisions stand at their last option, the better."""
    return float(sum(trial.architecture.choices))


def small_space() -> NASNetSpace:
    return NASNetSpace(NASNetConfig(1, ("identity", "conv_3x3"), separate_reduction=False))


def make(space=None, **settings) -> LocalSearch:
    return LocalSearch(space or small_space(), LocalSearchConfig(**{"start": 3, **settings}), 0)


def walk(strategy: LocalSearch, count: int, first: int = 0) -> list[Trial]:
    trials = []
    for number in range(first, first + count):
        trial = strategy.ask(number)
        trials.append(dataclasses.replace(trial, reward=reward(trial)))
        strategy.tell(trials[-1])
    return trials


def test_it_begins_at_random_and_then_asks_neighbours_of_the_best():
    trials = walk(make(), 4)
    assert all("from" not in trial.info for trial in trials[:3])
    best = max(trials[:3], key=reward)
    assert trials[3].info["from"] == list(best.architecture.choices)
    assert sum(a != b for a, b in zip(trials[3].architecture.choices, best.architecture.choices, strict=True)) == 1


@pytest.mark.parametrize("step", ["first", "best"])
def test_it_reaches_the_summit_and_climbs_anew(step):
    strategy = make(step=step)
    trials = walk(strategy, 120)
    summit = sum(len(choice.options) - 1 for choice in strategy.space.choices)
    climbs = {trial.info["climb"] for trial in trials}
    assert len(climbs) > 2
    for climb in sorted(climbs)[:-1]:
        assert max(reward(trial) for trial in trials if trial.info["climb"] == climb) == summit


def test_within_a_climb_nothing_is_asked_twice():
    trials = walk(make(toy_space()), 200)
    for climb in {trial.info["climb"] for trial in trials}:
        asked = [trial.architecture for trial in trials if trial.info["climb"] == climb and "from" in trial.info]
        assert len(asked) == len(set(asked))


def test_first_improvement_moves_at_once_and_best_improvement_waits_for_all():
    for step in ("first", "best"):
        strategy = make(toy_space(), step=step)
        trials = walk(strategy, 60)
        held = {}
        for trial in trials:
            if "from" in trial.info:
                held.setdefault(tuple(trial.info["from"]), []).append(trial)
        centres = list(held)
        around = len(strategy.space.neighbours(trials[0].architecture))
        if step == "best":
            assert len(held[centres[0]]) > around - 3
        else:
            better = [trial for trial in held[centres[0]] if reward(trial) > sum(centres[0])]
            assert len(better) == 1 and better[0] is held[centres[0]][-1]


def test_many_asks_without_a_tell_are_different_neighbours():
    strategy = make(toy_space())
    walk(strategy, 3)
    asked = [strategy.ask(number).architecture for number in range(3, 23)]
    assert len(set(asked)) == 20


def test_a_late_better_result_moves_the_climb():
    strategy = make(toy_space())
    late = strategy.ask(500)
    walk(strategy, 10)
    strategy.tell(dataclasses.replace(late, reward=1000.0))
    assert strategy.ask(11).info["from"] == list(late.architecture.choices)


def test_a_failed_neighbour_is_not_asked_again():
    strategy = make()
    walk(strategy, 3)
    failed = strategy.ask(3)
    strategy.tell(failed.failed("Out of memory"))
    around = {strategy.ask(number).architecture for number in range(4, 40)}
    assert failed.architecture not in around


def test_failed_starts_do_not_count():
    strategy = make()
    for number in range(5):
        strategy.tell(strategy.ask(number).failed("Out of memory"))
    assert "from" not in strategy.ask(5).info
    walk(strategy, 3, first=5)
    assert "from" in strategy.ask(8).info
