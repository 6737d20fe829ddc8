"""Proximal policy optimisation of the NASNet controller (Schulman et al. 2017; Zoph et al. 2018, section 4)."""

import torch
from torch import Tensor

from nas_engine.strategies.policy_gradient import PolicyGradient, kl_estimate, log_ratio


class PPO(PolicyGradient):
    """Several passes over each batch, maximising for every decision

        min(ratio A, clip(ratio, 1 - c, 1 + c) A) + w H,    ratio = p_new / p_old, A = reward - baseline,

    summed over decisions and averaged over the batch. ``config`` is a PPOConfig; its defaults are the paper's.
    """

    def _improve(self, choices: Tensor, old: Tensor, advantages: Tensor) -> dict:
        low, high = 1 - self.config.clip_range, 1 + self.config.clip_range
        for _ in range(self.config.inner_epochs):
            decoded = self.controller.score(choices)
            ratio = log_ratio(decoded.log_probs, old).exp()
            gains = torch.minimum(ratio * advantages[:, None], ratio.clamp(low, high) * advantages[:, None])
            objective = gains + self.config.entropy_weight * decoded.entropies
            self.adam.descend(-objective.sum(dim=1).mean())
        with torch.no_grad():
            new = self.controller.score(choices).log_probs
            outside = ((new - old).exp() - 1).abs() > self.config.clip_range
        return {"kl": kl_estimate(new, old), "clip_fraction": outside.float().mean().item()}
