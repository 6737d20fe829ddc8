import sys
import threading

import pytest

from nas_engine.errors import EvaluationFailed, SearchCancelled
from nas_engine.search import run_search
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace
from nas_engine.strategies.base import Strategy
from nas_engine.strategies.random_search import RandomSearch
from nas_engine.strategies.settings import RandomSearchConfig
from nas_engine.trial import Evaluation, Trial
from tests.nas_engine.contracts import toy_reward, toy_space


class Recorder(Strategy):
    """Proposes at random and writes down what it is asked and told."""

    def __init__(self, space=None):
        super().__init__(space or toy_space(), RandomSearchConfig(), 0)
        self.events = []

    def ask(self, number):
        self.events.append(("ask", number))
        return Trial(number, self.space.sample(self.rng(number)), {"asked": number})

    def tell(self, trial):
        self.events.append(("tell", trial.number))
        return {"told": trial.number}


def evaluate(architecture) -> Evaluation:
    return Evaluation(toy_reward(toy_space(), architecture, noise=0), 10, 20, seconds=3.0)


def one_cell_space() -> NASNetSpace:
    return NASNetSpace(NASNetConfig(1, ("identity",), ("add",), separate_reduction=False))


def test_every_trial_is_asked_evaluated_and_told():
    strategy = Recorder()
    trials = run_search(strategy, evaluate, 5)
    assert strategy.events == [(what, number) for number in range(5) for what in ("ask", "tell")]
    assert [trial.number for trial in trials] == list(range(5))
    for trial in trials:
        assert trial.reward == trial.evaluation.valid_accuracy == evaluate(trial.architecture).valid_accuracy
        assert trial.info == {"asked": trial.number} and trial.error is None


def test_as_many_trials_are_under_way_as_the_parallelism_says():
    strategy = Recorder()
    run_search(strategy, evaluate, 6, parallelism=3)
    asked = strategy.events[:3]
    assert asked == [("ask", 0), ("ask", 1), ("ask", 2)]
    assert [number for what, number in strategy.events if what == "tell"] == list(range(6))
    under_way = largest = 0
    for what, _ in strategy.events:
        under_way += 1 if what == "ask" else -1
        largest = max(largest, under_way)
    assert largest == 3


def test_evaluations_run_side_by_side():
    """Each waits for the other: in one thread this would never end (the barrier gives up after a minute)."""
    barrier = threading.Barrier(2)

    def together(architecture):
        barrier.wait(timeout=60)
        return evaluate(architecture)

    assert len(run_search(Recorder(), together, 2, parallelism=2, reuse=False)) == 2


def test_the_result_does_not_depend_on_the_parallelism():
    def run(parallelism):
        return run_search(RandomSearch(toy_space(), RandomSearchConfig(), 3), evaluate, 20, parallelism=parallelism)

    assert run(1) == run(4)


@pytest.mark.parametrize("parallelism", [1, 3])
def test_an_isomorphic_architecture_is_evaluated_once(parallelism):
    calls = []

    def counted(architecture):
        calls.append(architecture)
        return evaluate_cell(architecture)

    def evaluate_cell(architecture):
        return Evaluation(0.5 + len(calls) / 100, 1, 1, seconds=2.0)

    space = one_cell_space()
    trials = run_search(Recorder(space), counted, 20, parallelism=parallelism)
    assert len(calls) == len({space.key(trial.architecture) for trial in trials}) < 20
    assert len({trial.reward for trial in trials}) == len(calls)
    assert sum(trial.evaluation.seconds for trial in trials) == 2.0 * len(calls)


def test_without_reuse_every_trial_is_evaluated():
    calls = []
    run_search(Recorder(one_cell_space()), lambda a: calls.append(a) or Evaluation(0.5, 1, 1), 10, reuse=False)
    assert len(calls) == 10


@pytest.mark.parametrize("parallelism", [1, 3])
def test_a_failed_evaluation_fails_its_trial_only(parallelism):
    count = iter(range(100))

    def sometimes(architecture):
        if next(count) % 2:
            raise EvaluationFailed("Out of memory", "Take a smaller batch")
        return evaluate(architecture)

    trials = run_search(Recorder(), sometimes, 10, parallelism=parallelism)
    failed = [trial for trial in trials if trial.error]
    assert len(trials) == 10 and len(failed) == 5
    assert failed[0].error == "Out of memory. Take a smaller batch"
    assert all(trial.reward is None and trial.evaluation is None for trial in failed)


def test_a_failed_architecture_is_tried_anew():
    outcomes = [True] * 3

    def fails_thrice(architecture):
        if outcomes:
            outcomes.pop()
            raise EvaluationFailed("The worker was lost")
        return Evaluation(0.5, 1, 1)

    trials = run_search(Recorder(one_cell_space()), fails_thrice, 30)
    assert [bool(trial.error) for trial in trials].count(True) == 3


@pytest.mark.parametrize("reward", [float("nan"), float("inf")])
def test_a_reward_that_is_no_number_fails_the_trial(reward):
    (trial,) = run_search(Recorder(), evaluate, 1, reward=lambda evaluation: reward)
    assert "not a number" in trial.error and trial.reward is None


def test_the_reward_is_the_callers():
    (trial,) = run_search(Recorder(), evaluate, 1, reward=lambda evaluation: evaluation.macs / 2)
    assert trial.reward == 10


def test_the_caller_hears_of_every_trial_and_update():
    heard = []
    trials = run_search(Recorder(), evaluate, 4, lambda trial, update: heard.append((trial, update)))
    assert heard == [(trial, {"told": trial.number}) for trial in trials]


def test_cancelled_between_trials_those_under_way_are_finished():
    strategy = Recorder()
    trials = run_search(strategy, evaluate, 100, parallelism=3, cancelled=lambda: len(strategy.events) > 12)
    assert 0 < len(trials) < 20
    assert sorted(number for what, number in strategy.events if what == "ask") == [trial.number for trial in trials]


@pytest.mark.parametrize("parallelism", [1, 3])
def test_cancelled_inside_an_evaluation_the_search_ends_with_what_it_has(parallelism):
    count = iter(range(100))

    def cancelled_at_the_fifth(architecture):
        if next(count) == 5:
            raise SearchCancelled
        return evaluate(architecture)

    trials = run_search(Recorder(), cancelled_at_the_fifth, 100, parallelism=parallelism)
    assert 2 <= len(trials) <= 5 and all(trial.reward for trial in trials)


@pytest.mark.parametrize("parallelism", [1, 3])
def test_a_bug_is_not_hidden(parallelism):
    def broken(architecture):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_search(Recorder(), broken, 3, parallelism=parallelism)


def test_no_trials_no_search():
    assert run_search(Recorder(), evaluate, 0) == []


def test_random_search_needs_no_torch():
    import subprocess

    script = (
        "import sys\n"
        "from nas_engine.search import run_search\n"
        "from nas_engine.strategies.random_search import RandomSearch\n"
        "from nas_engine.search_spaces.nasnet import *\n"
        "from nas_engine.trial import Evaluation\n"
        "trials = run_search(RandomSearch(NASNetSpace(NASNetConfig()), None, 0), lambda a: Evaluation(.5, 1, 1), 3)\n"
        "assert len(trials) == 3 and 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
