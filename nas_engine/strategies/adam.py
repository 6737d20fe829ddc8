"""Adam (Kingma and Ba 2015) in twenty lines, over a module's parameters.

torch's own optimisers load its compiler on construction: seconds and hundreds of megabytes that a controller of a few
tensors never uses. ``tests`` hold this one against it.
"""

import math

import torch
from torch import Tensor, nn

_MEAN_DECAY, _SQUARE_DECAY, _EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """``steps`` taken so far; ``means`` and ``squares`` hold each parameter's moving gradient and squared gradient."""

    def __init__(self, module: nn.Module, learning_rate: float):
        self.parameters = dict(module.named_parameters())
        self.learning_rate = learning_rate
        self.steps = 0
        self.means = {name: torch.zeros_like(parameter) for name, parameter in self.parameters.items()}
        self.squares = {name: torch.zeros_like(parameter) for name, parameter in self.parameters.items()}

    def descend(self, loss: Tensor) -> None:
        """One step down the gradient of ``loss``. Parameters that the loss does not reach stay as they are."""
        gradients = torch.autograd.grad(loss, list(self.parameters.values()), allow_unused=True)
        self.steps += 1
        mean_share, square_share = 1 - _MEAN_DECAY**self.steps, 1 - _SQUARE_DECAY**self.steps
        with torch.no_grad():
            for (name, parameter), gradient in zip(self.parameters.items(), gradients, strict=True):
                if gradient is None:
                    continue
                mean, square = self.means[name], self.squares[name]
                mean.lerp_(gradient, 1 - _MEAN_DECAY)
                square.mul_(_SQUARE_DECAY).addcmul_(gradient, gradient, value=1 - _SQUARE_DECAY)
                scale = square.sqrt().div_(math.sqrt(square_share)).add_(_EPSILON)
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
