import pytest

from nas_engine.config import read
from nas_engine.errors import ConfigError
from nas_engine.limits import LimitsConfig
from nas_engine.search import run_search
from nas_engine.trial import Evaluation
from tests.nas_engine.contracts import build, toy_space


def test_nothing_breaks_no_limits():
    assert LimitsConfig().broken_by(10**9, 10**12) is None
    assert not LimitsConfig(max_latency=5).before_training and LimitsConfig(min_macs=5).before_training


def test_a_limit_is_broken_beyond_it_and_kept_at_it():
    limits = LimitsConfig(max_params=2, min_params=1, max_macs=300)
    assert limits.broken_by(2_000_000, 300_000_000) is None and limits.broken_by(1_000_000, 1) is None
    broken = limits.broken_by(3_000_000, 450_000_000)
    assert broken.excess == pytest.approx(0.5 + 0.5)
    assert broken.reason == "3 M parameters, more than 2 M; 450 M MACs, more than 300 M"
    few = limits.broken_by(250_000, 1)
    assert few.excess == pytest.approx(0.75) and few.reason == "0.25 M parameters, fewer than 1 M"


def test_latency_is_known_after_training_only():
    limits = LimitsConfig(max_latency=10, max_macs=1)
    slow = Evaluation(0.9, 5, 5, latency=0.015)
    assert limits.broken_after(slow).reason == "15 ms, more than 10 ms"
    assert limits.broken_after(slow).excess == pytest.approx(0.5)
    assert limits.broken_after(Evaluation(0.9, 5, 5)) is None
    assert "; " in limits.broken_after(Evaluation(0.9, 5, 2_000_000, latency=0.015)).reason


def test_limits_that_no_network_can_keep_are_refused():
    with pytest.raises(ConfigError) as caught:
        read(LimitsConfig, {"max_macs": 5, "min_macs": 6}, "limits")
    assert list(caught.value.problems) == ["limits.max_macs"]


@pytest.mark.parametrize("name", ["random", "regularized_evolution", "nsga2", "ppo", "local_search", "bayesian"])
def test_what_breaks_the_limits_is_told_and_never_evaluated(name):
    space, evaluated = toy_space(), []
    limits = LimitsConfig(max_params=1)

    def params(architecture) -> int:
        return 400_000 * sum(architecture.choices)

    def evaluate(architecture) -> Evaluation:
        evaluated.append(architecture)
        return Evaluation(0.5 + sum(architecture.choices) / 100, params(architecture), 1)

    trials = run_search(
        build(name, space, 0), evaluate, 150, feasible=lambda architecture: limits.broken_by(params(architecture), 1)
    )
    infeasible = [trial for trial in trials if trial.violation is not None]
    assert infeasible and all(params(trial.architecture) > 1_000_000 and trial.error for trial in infeasible)
    assert all(params(architecture) <= 1_000_000 for architecture in evaluated)
    assert len(trials) == 150
