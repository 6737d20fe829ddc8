import dataclasses
import math

import pytest
import torch

from nas_engine.strategies.policy_gradient import kl_estimate, log_ratio
from nas_engine.strategies.ppo import PPO
from nas_engine.strategies.settings import PPOConfig
from tests.nas_engine.contracts import ended, toy_space


def make(**settings) -> PPO:
    return PPO(toy_space(), PPOConfig(**{"hidden": 16, "batch": 4, "learning_rate": 0.01, **settings}), 0)


def told(strategy: PPO, rewards: list[float], start: int = 0) -> list[dict | None]:
    trials = [strategy.ask(start + index) for index in range(len(rewards))]
    return [strategy.tell(dataclasses.replace(t, reward=r)) for t, r in zip(trials, rewards, strict=True)]


def test_the_defaults_are_the_papers():
    config = PPOConfig()
    assert (config.learning_rate, config.entropy_weight, config.baseline_decay) == (0.00035, 0.00001, 0.95)
    assert (config.batch, config.hidden, config.clip_range) == (20, 100, 0.2)
    controller = PPO(toy_space(), config, 0).controller
    assert (controller.lstm.num_layers, controller.lstm.hidden_size) == (1, 100)
    assert 0.099 < max(parameter.abs().max() for parameter in controller.parameters()) <= 0.1


def test_the_controller_is_updated_once_a_batch():
    strategy = make()
    before = strategy.controller.head_bias.clone()
    assert told(strategy, [0.1, 0.2, 0.3]) == [None] * 3
    assert torch.equal(strategy.controller.head_bias, before)
    (update,) = told(strategy, [0.4], 3)
    assert update["update"] == 1 and not torch.equal(strategy.controller.head_bias, before)


def test_an_update_says_what_it_did():
    (*_, update) = told(make(), [0.1, 0.2, 0.3, 0.4])
    assert update["mean_reward"] == pytest.approx(0.25)
    assert update["entropy_uniform"] == pytest.approx(math.log(toy_space().size()))
    assert 0 < update["entropy"] < update["entropy_uniform"]
    assert update["kl"] > 0 and 0 <= update["clip_fraction"] <= 1
    assert list(update["probabilities"]) == [choice.name for choice in toy_space().choices]
    for choice in toy_space().choices:
        assert sum(update["probabilities"][choice.name]) == pytest.approx(1, abs=1e-3)


def test_the_baseline_starts_at_the_first_batch_and_follows_every_reward():
    strategy = make(batch=2, baseline_decay=0.5)
    told(strategy, [0.2, 0.6])
    # From 0.4: half way to 0.2 is 0.3, half way from there to 0.6 is 0.45.
    assert strategy.baseline == pytest.approx(0.45)
    told(strategy, [0.45, 0.85], 2)
    assert strategy.baseline == pytest.approx(0.65)


def test_advantages_are_taken_against_the_baseline_before_the_batch():
    strategy = make(batch=2, baseline_decay=0.5)
    assert strategy._advantages([0.2, 0.6]).tolist() == pytest.approx([-0.2, 0.2])
    assert strategy._advantages([0.45, 0.95]).tolist() == pytest.approx([0.0, 0.5])


def test_good_choices_become_likelier():
    strategy = make(inner_epochs=3)
    trials = [strategy.ask(number) for number in range(4)]
    choices = torch.tensor([trial.architecture.choices for trial in trials])
    before = strategy.controller.score(choices).log_probs.sum(dim=1).detach()
    for trial, reward in zip(trials, [1.0, 0.0, 0.0, 0.0], strict=True):
        strategy.tell(dataclasses.replace(trial, reward=reward))
    after = strategy.controller.score(choices).log_probs.sum(dim=1).detach()
    assert after[0] > before[0]
    assert (after - before).argmax() == 0


def test_clipping_keeps_the_policy_near_the_one_that_proposed():
    free, held = make(clip_range=1.0, inner_epochs=30), make(clip_range=0.05, inner_epochs=30)
    rewards = [1.0, 0.5, 0.2, 0.0]
    assert told(held, rewards)[-1]["kl"] < told(free, rewards)[-1]["kl"] / 2


def test_more_entropy_weight_keeps_more_entropy():
    rewards = [1.0, 0.5, 0.2, 0.0] * 10
    low, high = told(make(entropy_weight=0.0), rewards)[-1], told(make(entropy_weight=1.0), rewards)[-1]
    assert high["entropy"] > low["entropy"] + 0.1


def test_late_tells_are_weighed_against_the_policy_that_proposed_them():
    """The same trial told late has the log-probabilities of its own time, not of now."""
    strategy = make(inner_epochs=20)
    late = strategy.ask(100)
    told(strategy, [1.0, 0.5, 0.2, 0.0])
    now = strategy.controller.score(torch.tensor([late.architecture.choices])).log_probs[0].tolist()
    assert late.info["log_probs"] != pytest.approx(now, abs=1e-3)
    strategy.tell(ended(strategy.space, late))
    assert strategy.state_dict()["batch"][0]["log_probs"] == late.info["log_probs"]


def test_a_failed_trial_does_not_count_towards_the_batch():
    strategy = make(batch=2)
    trials = [strategy.ask(number) for number in range(4)]
    assert strategy.tell(trials[0].failed("Out of memory")) is None
    assert strategy.tell(dataclasses.replace(trials[1], reward=math.nan)) is None
    assert strategy.tell(dataclasses.replace(trials[2], reward=0.5)) is None
    assert strategy.tell(dataclasses.replace(trials[3], reward=0.7))["mean_reward"] == pytest.approx(0.6)


@pytest.mark.parametrize("rewards", [[0.5] * 4, [1e6, -1e6, 0.0, 1e6], [1e-12, 0, 0, 0]])
def test_no_reward_makes_the_controller_not_a_number(rewards):
    strategy = make(learning_rate=0.5)
    told(strategy, rewards * 10)
    assert all(parameter.isfinite().all() for parameter in strategy.controller.parameters())
    strategy.space.check(strategy.ask(1000).architecture)


def test_the_ratio_stays_finite_however_far_the_policy_went():
    new, old = torch.tensor([[-1.0, -300.0]]), torch.tensor([[-300.0, -1.0]])
    assert log_ratio(new, old).exp().isfinite().all()
    assert math.isfinite(kl_estimate(new, old))
    assert kl_estimate(old, old) == 0
