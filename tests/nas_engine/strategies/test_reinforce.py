import dataclasses

import pytest
import torch

from nas_engine.strategies.reinforce import Reinforce
from nas_engine.strategies.settings import ReinforceConfig
from tests.nas_engine.contracts import toy_space


def make(**settings) -> Reinforce:
    return Reinforce(toy_space(), ReinforceConfig(**{"hidden": 16, "batch": 4, "learning_rate": 0.01, **settings}), 0)


def test_the_defaults_are_the_first_papers_controller():
    config = ReinforceConfig()
    strategy = Reinforce(toy_space(), config, 0)
    assert (strategy.controller.lstm.num_layers, strategy.controller.lstm.hidden_size) == (2, 35)
    assert (config.learning_rate, config.batch, config.entropy_weight) == (0.0006, 8, 0.0)
    assert 0.079 < max(parameter.abs().max() for parameter in strategy.controller.parameters()) <= 0.08


def test_one_step_goes_up_the_policy_gradient():
    """Adam's first step is the rate times the gradient's sign: compared with the gradient written out."""
    strategy = make(learning_rate=1e-4)
    trials = [strategy.ask(number) for number in range(4)]
    rewards = [0.9, 0.1, 0.4, 0.6]
    choices = torch.tensor([trial.architecture.choices for trial in trials])
    log_probs = strategy.controller.score(choices).log_probs.sum(dim=1)
    objective = ((torch.tensor(rewards) - 0.5) * log_probs).mean()
    bias = strategy.controller.head_bias
    (gradient,) = torch.autograd.grad(objective, bias)
    before = bias.detach().clone()
    for trial, reward in zip(trials, rewards, strict=True):
        update = strategy.tell(dataclasses.replace(trial, reward=reward))
    large = gradient.abs() > 1e-4
    torch.testing.assert_close((bias.detach() - before)[large], 1e-4 * gradient.sign()[large], rtol=1e-2, atol=1e-6)
    assert update["clip_fraction"] == 0 and update["kl"] > 0


def test_the_entropy_weight_keeps_the_policy_open():
    def entropy_after(weight: float) -> float:
        strategy = make(entropy_weight=weight, learning_rate=0.05)
        for number in range(80):
            trial = strategy.ask(number)
            update = strategy.tell(dataclasses.replace(trial, reward=float(trial.architecture.choices[0])))
        return update["entropy"]

    assert entropy_after(1.0) > entropy_after(0.0) + 0.5


@pytest.mark.parametrize("layers", [1, 3])
def test_the_number_of_layers_is_the_configs(layers):
    assert make(layers=layers).controller.lstm.num_layers == layers
