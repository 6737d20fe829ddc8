"""What PPO and REINFORCE share: a controller, its Adam, the moving baseline, and batches of told trials."""

import math
import random
from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from nas_engine.architecture import GIVEN, Architecture
from nas_engine.search_spaces.base import SearchSpace
from nas_engine.strategies.base import Strategy
from nas_engine.strategies.controller import Controller
from nas_engine.training.adam import Adam
from nas_engine.trial import Trial

# Sequences drawn after an update to estimate the policy's entropy and marginal probabilities.
PROBES = 64
# A proposal told very late may have become e^20 times likelier; beyond that the ratio is clamped so that it stays finite.
_LARGEST_LOG_RATIO = 20.0


class PolicyGradient(Strategy):
    """Ask samples the controller; tell gathers ``config.batch`` finished trials and then updates it.

    ``trial.info["log_probs"]`` keeps each decision's log-probability under the policy that proposed the trial, so a trial
    told after later updates is still weighed against the policy it came from. Failed trials are left out: a failure may
    be the machine's, and a made-up reward far below all others would swamp the twenty it is averaged with.

    The baseline b starts at the mean of the first batch and follows b <- decay b + (1 - decay) r for every reward in the
    order told. A batch's advantages are r - b with the b that the batch started from.
    """

    def __init__(self, space: SearchSpace, config: Any, seed: int, layers: int = 1, init_range: float = 0.1):
        super().__init__(space, config, seed)
        self.controller = Controller(
            space.choices, random.Random(f"{seed}/controller"), config.hidden, layers, init_range
        )
        self.adam = Adam(self.controller, config.learning_rate)
        self.baseline: float | None = None
        self.updates = 0
        self._batch: list[dict] = []

    def ask(self, number: int) -> Trial:
        decoded = self.controller.sample(self._noise(self.rng(number), 1))
        # Six digits are plenty for a ratio and keep twenty thousand trials small in the database.
        info = {"log_probs": [round(value, 6) for value in decoded.log_probs[0].tolist()]}
        return Trial(number, Architecture(self.space.name, tuple(decoded.choices[0].tolist())), info)

    def tell(self, trial: Trial) -> dict | None:
        """Returns the record of the update this trial completed the batch for: see :meth:`_record`."""
        if trial.reward is None or not math.isfinite(trial.reward):
            return None
        self._batch.append(
            {
                "choices": list(trial.architecture.choices),
                "log_probs": trial.info["log_probs"],
                "reward": float(trial.reward),
            }
        )
        if len(self._batch) < self.config.batch:
            return None
        batch, self._batch = self._batch, []
        rewards = [one["reward"] for one in batch]
        choices = torch.tensor([one["choices"] for one in batch])
        old = torch.tensor([one["log_probs"] for one in batch])
        diagnostics = self._improve(choices, old, self._advantages(rewards))
        self.updates += 1
        return self._record(rewards, diagnostics)

    @abstractmethod
    def _improve(self, choices: Tensor, old: Tensor, advantages: Tensor) -> dict:
        """Update the controller from choices (N, D), their log-probabilities when proposed (N, D) and advantages (N).

        Returns "kl", from the proposing policies to the new one, and "clip_fraction".
        """

    def _advantages(self, rewards: list[float]) -> Tensor:
        start = sum(rewards) / len(rewards) if self.baseline is None else self.baseline
        decay, self.baseline = self.config.baseline_decay, start
        for reward in rewards:
            self.baseline = decay * self.baseline + (1 - decay) * reward
        return torch.tensor([reward - start for reward in rewards])

    def _noise(self, rng: random.Random, count: int) -> Tensor:
        return torch.tensor([[rng.random() for _ in self.space.choices] for _ in range(count)])

    def _record(self, rewards: list[float], diagnostics: dict) -> dict:
        """What an update did, as JSON: its number; ``entropy`` and ``entropy_uniform`` of a whole architecture in nats;
        the batch's ``mean_reward``; ``baseline``; ``kl`` and ``clip_fraction``; ``probabilities``, choice name -> the
        marginal probability of each option. Entropy and marginals are means over 64 sequences sampled after the update.
        """
        probe = self.controller.sample(self._noise(random.Random(f"{self.seed}/probe/{self.updates}"), PROBES))
        marginals = probe.probabilities.mean(dim=0).tolist()
        return {
            "update": self.updates,
            "entropy": probe.entropies.sum(dim=1).mean().item(),
            "entropy_uniform": math.log(self.space.size()),
            "mean_reward": sum(rewards) / len(rewards),
            "baseline": self.baseline,
            **diagnostics,
            "probabilities": {
                choice.name: [round(p, 4) for p in row[: len(choice.options)]]
                for choice, row in zip(self.space.choices, marginals, strict=True)
                if choice.kind != GIVEN
            },
        }

    def state_dict(self) -> dict:
        """Flat: "controller/<parameter>" and "adam/<moment>/<parameter>" are tensors, the rest is JSON."""
        controller = {name: parameter.detach().clone() for name, parameter in self.controller.named_parameters()}
        return {
            "baseline": self.baseline,
            "updates": self.updates,
            "batch": [dict(one) for one in self._batch],
            **{f"controller/{name}": value for name, value in controller.items()},
            **{f"adam/{name}": value for name, value in self.adam.state_dict().items()},
        }

    def load_state_dict(self, state: dict) -> None:
        self.baseline, self.updates = state["baseline"], state["updates"]
        self._batch = [dict(one) for one in state["batch"]]
        self.controller.load_state_dict(_below("controller/", state))
        self.adam.load_state_dict(_below("adam/", state))


def _below(prefix: str, state: dict) -> dict:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def log_ratio(new: Tensor, old: Tensor) -> Tensor:
    """log of how much likelier each decision (N, D) has become, kept finite."""
    return (new - old).clamp(-_LARGEST_LOG_RATIO, _LARGEST_LOG_RATIO)


def kl_estimate(new: Tensor, old: Tensor) -> float:
    """Mean over sequences of the sum over decisions of (ratio - 1) - log ratio: an estimate of KL(old || new) >= 0."""
    change = log_ratio(new, old)
    return (change.exp() - 1 - change).sum(dim=1).mean().item()
