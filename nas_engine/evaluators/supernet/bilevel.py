"""The gradient of DARTS: of the loss on valid with respect to the architecture, through one step of the weights.

Liu et al. 2019, equations 5 to 8, with the momentum and the weight decay of the released code in the step.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from nas_engine.training.sgd import FlatSGD

_SMALL = 0.01


def first_order(valid_loss: Callable[[], Tensor], alphas: Sequence[Tensor], weights: Sequence[Tensor]) -> list[Tensor]:
    """The gradient of the loss on valid at the weights as they are. ``weights`` are left out of the backward pass."""
    with frozen(weights):
        return list(torch.autograd.grad(valid_loss(), list(alphas)))


def second_order(
    train_loss: Callable[[], Tensor],
    valid_loss: Callable[[], Tensor],
    alphas: Sequence[Tensor],
    weights: Sequence[Tensor],
    sgd: FlatSGD,
    learning_rate: float,
) -> list[Tensor]:
    """d/d alpha of L_valid(w'(alpha), alpha) with w' = w - xi (mu v + dL_train/dw + lambda w), xi the learning rate.

    The product of the mixed second derivative with dL_valid/dw' is a difference of two gradients of the loss on train, at
    w + R g and w - R g with R = 0.01 / |g|. The losses are functions without arguments, so that each may be asked for at
    several weights; ``weights`` are those that ``sgd`` keeps in one vector. Weights and momentum are left as they were.
    """
    before = sgd.weights.clone()
    sgd.zero_grad()
    train_loss().backward(inputs=list(weights))
    step = sgd.velocity.mul(sgd.momentum).add_(sgd.gradient).add_(before, alpha=sgd.weight_decay)
    sgd.weights.sub_(step, alpha=learning_rate)
    sgd.zero_grad()
    for alpha in alphas:
        alpha.grad = None
    valid_loss().backward(inputs=[*weights, *alphas])
    direct = [alpha.grad for alpha in alphas]
    for alpha in alphas:
        alpha.grad = None
    direction = sgd.gradient.clone()
    reach = _SMALL / float(torch.linalg.vector_norm(direction))
    sides = []
    with frozen(weights):
        for sign in (1, -1):
            torch.add(before, direction, alpha=sign * reach, out=sgd.weights)
            sides.append(torch.autograd.grad(train_loss(), list(alphas)))
    sgd.weights.copy_(before)
    return [own - learning_rate * (plus - minus) / (2 * reach) for own, plus, minus in zip(direct, *sides, strict=True)]


class frozen:
    """While the block runs, ``tensors`` need no gradient: none of the work for it is done."""

    def __init__(self, tensors: Sequence[Tensor]):
        self.tensors = list(tensors)

    def __enter__(self) -> None:
        for tensor in self.tensors:
            tensor.requires_grad_(False)

    def __exit__(self, *error) -> None:
        for tensor in self.tensors:
            tensor.requires_grad_(True)
