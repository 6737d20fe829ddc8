"""The controller's forward pass one step after another, without gradients, in NumPy.

A step multiplies a vector by matrices of a few hundred rows; a call of torch costs more than that, and a step is twenty
calls. Formulas, precision and parameters are those of ``Controller.score``, which learns from many sequences at once.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from nas_engine.strategies.attention import Attention
    from nas_engine.strategies.controller import Controller

# The place of one or more decisions among all, and their logits (N, decisions, W) -> the options taken (N, decisions).
Pick = Callable[[slice, NDArray], NDArray]


def decode(controller: "Controller", count: int, pick: Pick, never: float) -> tuple[NDArray, NDArray]:
    """``count`` sequences: the options taken (N, D), and each decision's logits (N, D, W), ``never`` beyond its options and
    where nothing was decided."""
    layers = [_Layer(weights, count) for weights in controller.lstm.all_weights]
    heads, bias, embedding = map(_array, (controller.head_weight, controller.head_bias, controller.embedding))
    memory = _Memory(controller.attention, count) if controller.attention else None
    taken = np.zeros((count, len(controller.widths)), np.int64)
    logits = np.full((count, len(controller.widths), max(controller.widths)), never, bias.dtype)
    hidden = np.broadcast_to(_array(controller.start), (count, controller.lstm.hidden_size))
    for at, step in enumerate(controller.steps):
        for layer in layers:
            hidden = layer.advance(hidden)
        first, width = controller.spans[step[0]]
        part = slice(step[0], step[-1] + 1)
        if memory and step[0] in memory.anchors:
            scored = memory.logits(at, hidden)
        else:
            scored = (hidden @ heads[first : first + width].T + bias[first : first + width])[:, None]
        if memory:
            memory.keep(at, hidden)
        logits[:, part, :width] = scored
        options = taken[:, part] = pick(part, scored)
        if len(step) == 1:
            hidden = embedding[options[:, 0] + first]
        else:
            hidden = embedding[options + [controller.spans[index][0] for index in step]].mean(axis=1)
    return taken, logits


def inverse_transform(logits: NDArray, noise: NDArray) -> NDArray:
    """Options (N, ...) of the softmax of ``logits`` (N, ..., W), by ``noise`` (N, ...) uniform in [0, 1)."""
    summed = np.exp(logits - logits.max(axis=-1, keepdims=True)).cumsum(axis=-1)
    # All but the last sum are compared, since rounding can leave the last one at the noise.
    return (summed[..., :-1] <= noise[..., None] * summed[..., -1:]).sum(axis=-1)


class _Layer:
    """One layer of the LSTM with its state; torch's order of gates: input, forget, cell, output."""

    def __init__(self, weights: list[Tensor], count: int):
        of_input, of_hidden, bias_input, bias_hidden = map(_array, weights)
        self.size = size = of_hidden.shape[1]
        # sigmoid(x) = tanh(x / 2) / 2 + 1/2: with three gates halved beforehand, which is exact, one tanh does for all four.
        halved = np.full(4 * size, 0.5, of_hidden.dtype)
        halved[2 * size : 3 * size] = 1
        self.weights = np.ascontiguousarray(np.concatenate([of_input, of_hidden], axis=1).T) * halved
        self.bias = (bias_input + bias_hidden) * halved
        self.hidden = self.cell = np.zeros((count, size), of_hidden.dtype)

    def advance(self, inputs: NDArray) -> NDArray:
        """The next hidden state (N, H)."""
        size = self.size
        gates = np.tanh(np.concatenate([inputs, self.hidden], axis=1) @ self.weights + self.bias)
        opened = gates * 0.5 + 0.5
        self.cell = opened[:, size : 2 * size] * self.cell + opened[:, :size] * gates[:, 2 * size : 3 * size]
        self.hidden = opened[:, 3 * size :] * np.tanh(self.cell)
        return self.hidden


class _Memory:
    """What the attention keeps of each earlier part: its state, projected once."""

    def __init__(self, attention: "Attention", count: int):
        self.previous, self.current, self.value = map(_array, (attention.previous, attention.current, attention.value))
        self.anchors, self.steps = attention.places, frozenset(attention.memory)
        self.projected = np.empty((count, len(attention.memory), len(self.value)), self.value.dtype)
        self.kept = 0

    def keep(self, at: int, hidden: NDArray) -> None:
        """Remember the state (N, H) of step ``at``, if later parts attend to it."""
        if at in self.steps:
            self.projected[:, self.kept] = hidden @ self.previous.T
            self.kept += 1

    def logits(self, at: int, hidden: NDArray) -> NDArray:
        """(N, earlier parts, 2): no and yes for each of an anchor point's."""
        score = np.tanh(self.projected[:, : self.kept] + (hidden @ self.current.T)[:, None]) @ self.value
        return np.stack([np.zeros_like(score), score], axis=-1)


def _array(parameter: Tensor) -> NDArray:
    return parameter.detach().numpy()
