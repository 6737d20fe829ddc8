import pytest

from nas_engine.config import read
from nas_engine.errors import ConfigError, EvaluationFailed
from nas_engine.reward import RewardConfig, best_of_last
from nas_engine.trial import Evaluation


def measured(macs: int = 75_000_000, latency: float | None = 0.075) -> Evaluation:
    return Evaluation(0.8, params=4_000_000, macs=macs, latency=latency)


def latency_reward(seconds: float, below: float, above: float) -> float:
    return RewardConfig("latency", 75, below, above).of(measured(latency=seconds))


def test_accuracy_is_accuracy():
    assert RewardConfig().of(measured()) == 0.8


def test_the_soft_mode_costs_five_per_cent_for_doubled_latency():
    assert latency_reward(0.075, -0.07, -0.07) == pytest.approx(0.8)
    assert latency_reward(0.150, -0.07, -0.07) == pytest.approx(0.9526 * 0.8, rel=1e-4)
    assert latency_reward(0.0375, -0.07, -0.07) == pytest.approx(0.8 * 2**0.07)


@pytest.mark.parametrize("seconds", [0.001, 0.05, 0.075])
def test_the_hard_mode_is_accuracy_up_to_the_target(seconds):
    assert latency_reward(seconds, 0, -1) == pytest.approx(0.8)


def test_the_hard_mode_halves_at_twice_the_target():
    assert latency_reward(0.150, 0, -1) == pytest.approx(0.4)


def test_targets_are_in_millions():
    assert RewardConfig("macs", 37.5, 0, -1).of(measured()) == pytest.approx(0.4)
    assert RewardConfig("params", 2, 0, -1).of(measured()) == pytest.approx(0.4)


def test_a_cost_of_zero_is_no_error():
    assert RewardConfig("macs", 10).of(measured(macs=0)) > 0.8


def test_latency_that_was_not_measured_fails_the_trial():
    with pytest.raises(EvaluationFailed, match="No latency"):
        RewardConfig("latency", 75).of(measured(latency=None))


@pytest.mark.parametrize("goal", ["macs", "params", "latency"])
def test_a_goal_with_a_cost_needs_a_target(goal):
    with pytest.raises(ConfigError) as caught:
        read(RewardConfig, {"goal": goal}, "reward")
    assert list(caught.value.problems) == ["reward.target"]


def test_the_best_of_the_last_epochs_cubed():
    """As in Zoph and Le 2017, section 4.1."""
    config = RewardConfig(accuracy="best_of_five", power=3)
    assert config.of(Evaluation(0.5, 1, 1, best_accuracy=0.6)) == pytest.approx(0.216)
    assert config.of(Evaluation(0.5, 1, 1)) == pytest.approx(0.125)  # where no epochs are known
    steered = RewardConfig("macs", 1.0, power=2, below=-1, above=-1)
    assert steered.of(Evaluation(0.5, 1, 2_000_000)) == pytest.approx(0.125)
    assert best_of_last([0.9, 0.1, 0.2, 0.3, 0.2, 0.1]) == 0.3 and best_of_last([]) is None
