"""Adam (Kingma and Ba 2015) in a few lines, over a module's parameters.

torch's own optimisers load its compiler on construction: seconds and hundreds of megabytes that a controller of a few
tensors never uses. ``tests`` hold this one against it.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Adam:
    """``steps`` taken so far; ``means`` and ``squares`` hold each parameter's moving gradient and squared gradient.

    ``mean_decay`` and ``square_decay`` are the paper's beta_1 and beta_2; ``weight_decay`` is added to the gradient.
    """

    def __init__(
        self,
        module: nn.Module,
        learning_rate: float,
        mean_decay: float = 0.9,
        square_decay: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        self.parameters = dict(module.named_parameters())
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.mean_decay, self.square_decay, self.epsilon = mean_decay, square_decay, epsilon
        self.steps = 0
        self.means = {name: torch.zeros_like(parameter) for name, parameter in self.parameters.items()}
        self.squares = {name: torch.zeros_like(parameter) for name, parameter in self.parameters.items()}

    def descend(self, loss: Tensor) -> None:
        """One step down the gradient of ``loss``. Parameters that the loss does not reach stay as they are."""
        self.step(torch.autograd.grad(loss, list(self.parameters.values()), allow_unused=True))

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor | None]) -> None:
        """One step along gradients in the order of ``parameters``; None leaves a parameter as it is."""
        self.steps += 1
        mean_share, square_share = 1 - self.mean_decay**self.steps, 1 - self.square_decay**self.steps
        for (name, parameter), gradient in zip(self.parameters.items(), gradients, strict=True):
            if gradient is None:
                continue
            if self.weight_decay:
                gradient = gradient.add(parameter, alpha=self.weight_decay)
            mean, square = self.means[name], self.squares[name]
            mean.lerp_(gradient, 1 - self.mean_decay)
            square.mul_(self.square_decay).addcmul_(gradient, gradient, value=1 - self.square_decay)
            scale = square.sqrt().div_(math.sqrt(square_share)).add_(self.epsilon)
            parameter.addcdiv_(mean, scale, value=-self.learning_rate / mean_share)

    def state_dict(self) -> dict[str, Tensor | int]:
        """ "steps", and "mean/<parameter>" and "square/<parameter>" as tensors."""
        state: dict[str, Tensor | int] = {"steps": self.steps}
        for kind, moments in (("mean", self.means), ("square", self.squares)):
            state |= {f"{kind}/{name}": moment.clone() for name, moment in moments.items()}
        return state

    def load_state_dict(self, state: dict) -> None:
        self.steps = state["steps"]
        for kind, moments in (("mean", self.means), ("square", self.squares)):
            for name, moment in moments.items():
                moment.copy_(state[f"{kind}/{name}"])
