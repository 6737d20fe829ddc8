"""Stochastic gradient descent with momentum on one flat vector."""

import torch
from torch import Tensor, nn


class FlatSGD:
    """SGD with momentum and weight decay as torch.optim.SGD computes it, with clipping by the global norm.

    All parameters become views of one vector, their gradients of another: a step is then five operations, not five for
    each of hundreds of small tensors. (And torch.optim imports torch's compiler, which costs every worker some seconds.)
    The gradients stay; ``zero_grad`` empties them in place. A ``model`` may be used and saved as ever.
    """

    def __init__(
        self,
        model: nn.Module,
        momentum: float,
        weight_decay: float,
        clip: float,
        nesterov: bool = False,
        decay_norms: bool = True,
    ):
        """``clip`` is the largest global norm of the gradient; 0 leaves it alone. Without ``decay_norms`` the weight decay
        spares vectors: scales and offsets of norms, and biases."""
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.momentum, self.weight_decay, self.clip, self.nesterov = momentum, weight_decay, clip, nesterov
        self.weights = torch.cat([_in_memory_order(parameter.data) for parameter in parameters])
        self.gradient = torch.zeros_like(self.weights)
        self.velocity = torch.zeros_like(self.weights)
        self.decayed = None
        if weight_decay and not decay_norms:
            shares = [parameter.new_full((parameter.numel(),), float(parameter.dim() > 1)) for parameter in parameters]
            self.decayed = torch.cat([share.detach() for share in shares])
        start = 0
        for parameter in parameters:
            stop = start + parameter.numel()
            shape, stride = parameter.shape, parameter.stride()
            parameter.data = self.weights[start:stop].as_strided(shape, stride, start)
            parameter.grad = self.gradient[start:stop].as_strided(shape, stride, start)
            start = stop

    def zero_grad(self) -> None:
        self.gradient.zero_()

    def step(self, learning_rate: float | Tensor) -> None:
        """One update from the gradients accumulated since ``zero_grad``, which it overwrites.

        A rate that is a tensor is read on the device: a recorded step takes its value at every replay.
        """
        if self.clip:
            norm = torch.linalg.vector_norm(self.gradient)
            self.gradient.mul_((self.clip / (norm + 1e-6)).clamp(max=1.0))
        if self.decayed is not None:
            self.gradient.addcmul_(self.weights, self.decayed, value=self.weight_decay)
        elif self.weight_decay:
            self.gradient.add_(self.weights, alpha=self.weight_decay)
        self._update(learning_rate)

    def _update(self, learning_rate: float | Tensor) -> None:
        self.velocity.mul_(self.momentum).add_(self.gradient)
        if self.nesterov:
            direction = self.gradient.add_(self.velocity, alpha=self.momentum)
        else:
            direction = self.velocity
        if isinstance(learning_rate, Tensor):
            self.weights.addcmul_(direction, learning_rate, value=-1)
        else:
            self.weights.add_(direction, alpha=-learning_rate)

    def state(self) -> dict[str, Tensor]:
        """What steps carry on, by name: the very tensors."""
        return {"velocity": self.velocity}

    def load_state(self, state: dict[str, Tensor]) -> None:
        for name, tensor in self.state().items():
            tensor.copy_(state[name])


class FlatRMSProp(FlatSGD):
    """RMSProp as TensorFlow 1 computes it: mean squares start at 1, ``eps`` stands inside the root, and the momentum is of
    whole steps, so that a falling learning rate does not shrink the steps already under way."""

    def __init__(
        self,
        model: nn.Module,
        momentum: float,
        weight_decay: float,
        clip: float,
        decay: float,
        eps: float,
        decay_norms: bool = True,
    ):
        super().__init__(model, momentum, weight_decay, clip, decay_norms=decay_norms)
        self.decay, self.eps = decay, eps
        self.squares = torch.ones_like(self.weights)

    def _update(self, learning_rate: float) -> None:
        self.squares.mul_(self.decay).addcmul_(self.gradient, self.gradient, value=1 - self.decay)
        root = (self.squares + self.eps).sqrt_()
        self.velocity.mul_(self.momentum).addcdiv_(self.gradient, root, value=learning_rate)
        self.weights.sub_(self.velocity)

    def state(self) -> dict[str, Tensor]:
        return {**super().state(), "squares": self.squares}


def _in_memory_order(tensor: Tensor) -> Tensor:
    """The numbers of a dense tensor as they lie in memory, whatever its layout."""
    return tensor.as_strided((tensor.numel(),), (1,))
