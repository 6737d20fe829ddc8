"""REINFORCE with a moving baseline (Williams 1992; Zoph and Le 2017, section 3.2)."""

import torch
from torch import Tensor

from nas_engine.search_spaces.base import SearchSpace
from nas_engine.strategies.policy_gradient import PolicyGradient, kl_estimate
from nas_engine.strategies.settings import ReinforceConfig


class Reinforce(PolicyGradient):
    """One Adam step a batch, up the gradient of

        A sum_t log p(a_t | a_1 .. a_(t-1)) + w H,    A = reward - baseline,

    averaged over the batch. Trials told late are used as if the present policy had proposed them, as in the paper's
    asynchronous training; where many trials are under way at once, PPO corrects for that and this does not.
    """

    def __init__(self, space: SearchSpace, config: ReinforceConfig, seed: int):
        super().__init__(space, config, seed, config.layers, config.init_range)

    def _improve(self, choices: Tensor, old: Tensor, advantages: Tensor) -> dict:
        decoded = self.controller.score(choices)
        objective = advantages * decoded.log_probs.sum(dim=1) + self.config.entropy_weight * decoded.entropies.sum(
            dim=1
        )
        self.adam.descend(-objective.mean())
        with torch.no_grad():
            return {"kl": kl_estimate(self.controller.score(choices).log_probs, old), "clip_fraction": 0.0}
