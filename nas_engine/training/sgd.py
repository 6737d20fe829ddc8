"""Stochastic gradient descent with momentum on one flat vector."""

import torch
from torch import Tensor, nn


class FlatSGD:
    """SGD with momentum and weight decay as torch.optim.SGD computes it, with clipping by the global norm.

    All parameters become views of one vector, their gradients of another: a step is then five operations, not five for
    each of hundreds of small tensors. (And torch.optim imports torch's compiler, which costs every worker some seconds.)
    The gradients stay; ``zero_grad`` empties them in place. A ``model`` may be used and saved as ever.
    """

    def __init__(self, model: nn.Module, momentum: float, weight_decay: float, clip: float):
        """``clip`` is the largest global norm of the gradient; 0 leaves it alone."""
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.momentum, self.weight_decay, self.clip = momentum, weight_decay, clip
        self.weights = torch.cat([_in_memory_order(parameter.data) for parameter in parameters])
        self.gradient = torch.zeros_like(self.weights)
        self.velocity = torch.zeros_like(self.weights)
        start = 0
        for parameter in parameters:
            stop = start + parameter.numel()
            shape, stride = parameter.shape, parameter.stride()
            parameter.data = self.weights[start:stop].as_strided(shape, stride, start)
            parameter.grad = self.gradient[start:stop].as_strided(shape, stride, start)
            start = stop

    def zero_grad(self) -> None:
        self.gradient.zero_()

    def step(self, learning_rate: float) -> None:
        """One update from the gradients accumulated since ``zero_grad``, which it overwrites."""
        if self.clip:
            norm = torch.linalg.vector_norm(self.gradient)
            self.gradient.mul_((self.clip / (norm + 1e-6)).clamp(max=1.0))
        if self.weight_decay:
            self.gradient.add_(self.weights, alpha=self.weight_decay)
        self.velocity.mul_(self.momentum).add_(self.gradient)
        self.weights.add_(self.velocity, alpha=-learning_rate)


def _in_memory_order(tensor: Tensor) -> Tensor:
    """The numbers of a dense tensor as they lie in memory, whatever its layout."""
    return tensor.as_strided((tensor.numel(),), (1,))
