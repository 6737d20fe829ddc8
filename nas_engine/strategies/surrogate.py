"""An ensemble of small networks that predicts rewards and how unsure it is (White et al. 2021, BANANAS, section 4)."""

from statistics import NormalDist

import torch
from torch import Tensor, nn

from nas_engine.training.adam import Adam

# Of one fit, whatever the number of observations: its cost stays the same from ten results to ten thousand.
STEPS = 100
MINIBATCH = 64


class Ensemble(nn.Module):
    """``members`` multilayer perceptrons, trained side by side in one batched matrix product; they differ in their initial
    weights and in the observations each step shows them. Rewards are predicted as normal scores: see :func:`scores`.
    """

    def __init__(self, features: int, members: int, seed: int, width: int = 32):
        super().__init__()
        self.generator = torch.Generator().manual_seed(seed)
        # Few tensors rather than many: at this size a step costs its calls, not its arithmetic. The first layer's bias is
        # the row of a feature that is always 1.
        self.first = self._layer(members, features + 1, width)
        self.second = self._layer(members, width, width)
        self.last = self._layer(members, width, 1)

    def _layer(self, members: int, inputs: int, outputs: int) -> nn.Parameter:
        # He initialisation (2015).
        return nn.Parameter(torch.randn(members, inputs, outputs, generator=self.generator) * (2 / inputs) ** 0.5)

    def forward(self, features: Tensor) -> Tensor:
        """(members, N) predictions for features (members, N, F), their constant last."""
        return (((features @ self.first).relu() @ self.second).relu() @ self.last)[..., 0]

    def fit(self, features: Tensor, targets: Tensor, learning_rate: float = 0.01) -> None:
        """Least absolute error on features (N, F) and targets (N), each member on its own random minibatches."""
        adam, members, features = Adam(self, learning_rate), len(self.last), _with_constant(features)
        for _ in range(STEPS):
            shown = torch.randint(len(targets), (members, min(MINIBATCH, len(targets))), generator=self.generator)
            adam.descend((self(features[shown]) - targets[shown]).abs().mean(dim=1).sum())

    @torch.no_grad()
    def predict(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation over the members, (N) each, for features (N, F)."""
        predictions = self(_with_constant(features).expand(len(self.last), -1, -1))
        return predictions.mean(dim=0), predictions.std(dim=0)


def _with_constant(features: Tensor) -> Tensor:
    return nn.functional.pad(features, (0, 1), value=1.0)


def scores(rewards: list[float]) -> Tensor:
    """Normal scores: each reward's quantile as a standard normal would have it, ties sharing theirs. Accuracies have a long
    tail of bad architectures, which would otherwise take most of the networks' attention."""
    ordered = sorted(rewards)
    middle = {}
    for place, reward in enumerate(ordered):
        middle.setdefault(reward, []).append(place)
    normal = NormalDist()
    place_of = {reward: normal.inv_cdf((sum(at) / len(at) + 0.5) / len(rewards)) for reward, at in middle.items()}
    return torch.tensor([place_of[reward] for reward in rewards])
