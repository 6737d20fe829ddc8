"""The moving average of weights that is measured and kept in place of the last ones."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from nas_engine.training.sgd import FlatSGD


class WeightAverage:
    """Exponential moving average of all weights and of the norms' running statistics.

    The decay starts low and reaches ``decay`` as min(decay, (1 + n) / (10 + n)) after n updates, as TensorFlow's
    ExponentialMovingAverage does with a step count.
    """

    def __init__(self, model: nn.Module, optimizer: FlatSGD, decay: float):
        self.decay = decay
        buffers = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
        self.live = [optimizer.weights, *buffers]
        self.average = [tensor.detach().clone() for tensor in self.live]

    def update(self, steps: int) -> None:
        """After the update number ``steps``, counted from 1."""
        decay = min(self.decay, (1 + steps) / (10 + steps))
        torch._foreach_lerp_(self.average, self.live, 1 - decay)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """While the block runs, the model has the average weights."""
        kept = [tensor.detach().clone() for tensor in self.live]
        self._copy(self.average)
        try:
            yield
        finally:
            self._copy(kept)

    def _copy(self, source: list[Tensor]) -> None:
        with torch.no_grad():
            for tensor, value in zip(self.live, source, strict=True):
                tensor.copy_(value)

    def state(self) -> dict[str, Tensor]:
        return {str(number): tensor for number, tensor in enumerate(self.average)}

    def load_state(self, state: dict[str, Tensor]) -> None:
        for name, tensor in self.state().items():
            tensor.copy_(state[name])
