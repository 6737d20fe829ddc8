import dataclasses

import pytest

from nas_engine.strategies.bayesian import Bayesian
from nas_engine.strategies.settings import BayesianConfig
from tests.nas_engine.contracts import run, toy_reward, toy_space


def make(**settings) -> Bayesian:
    return Bayesian(toy_space(), BayesianConfig(**{"candidates": 30, **settings}), 0)


def test_it_starts_at_random_and_then_predicts():
    trials = run(make(start=6), 10)
    assert ["predicted" in trial.info for trial in trials] == [False] * 6 + [True] * 4


def test_it_never_proposes_what_it_was_told():
    trials = run(make(), 80)
    assert len({trial.architecture for trial in trials}) == 80


def test_many_asks_without_a_tell_differ():
    strategy = make()
    run(strategy, 20)
    assert len({strategy.ask(number).architecture for number in range(20, 40)}) > 10


def test_the_surrogate_is_trained_anew_once_so_many_results_are_in():
    strategy = make(start=5, refit=10)
    run(strategy, 15)
    strategy.ask(15)
    first = strategy._surrogate
    for number in range(15, 24):
        strategy.tell(dataclasses.replace(strategy.ask(number), reward=0.5))
        assert strategy._surrogate is first
    strategy.tell(dataclasses.replace(strategy.ask(24), reward=0.5))
    strategy.ask(25)
    assert strategy._surrogate is not first


@pytest.mark.parametrize("encoding", ["one_hot", "paths"])
def test_both_encodings_learn(encoding):
    space = toy_space()
    trials = run(make(encoding=encoding), 100)
    mean = [sum(toy_reward(space, t.architecture, noise=0) for t in part) / 30 for part in (trials[:30], trials[70:])]
    assert mean[1] > mean[0] + 0.03


def test_where_all_neighbours_are_known_it_looks_elsewhere():
    strategy = make()
    run(strategy, 12)
    strategy._known = _Everything()
    strategy.space.check(strategy.ask(12).architecture)


class _Everything(set):
    def __contains__(self, item):
        return True


def test_failures_are_not_proposed_again_and_are_kept_in_the_state():
    strategy = make()
    failed = strategy.ask(0)
    strategy.tell(failed.failed("Out of memory"))
    assert strategy.state_dict()["failed"] == [list(failed.architecture.choices)]
    restored = make()
    restored.load_state_dict(strategy.state_dict())
    assert failed.architecture.choices in restored._known
