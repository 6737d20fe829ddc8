"""Set-selection attention: which earlier parts an anchor point takes as inputs (Zoph and Le 2017, section 3.3)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """P(part j is an input of part i) = sigmoid(v tanh(W_prev h_j + W_curr h_i)), each decided by itself.

    h_i is the LSTM's state at the anchor point of part i; the first part has no anchor point, and h_1 is the state at its
    last decision. ``anchors`` are the decisions, two options each (no, yes); ``steps`` as the controller takes them. The
    k-th anchor point must decide on k earlier parts, in order. Raises ValueError if one does not.
    """

    def __init__(self, hidden: int, anchors: Sequence[int], steps: Sequence[tuple[int, ...]]):
        super().__init__()
        points = [at for at, step in enumerate(steps) if step[0] in set(anchors)]
        if [len(steps[at]) for at in points] != list(range(1, len(points) + 1)) or points[0] == 0:
            raise ValueError("The anchor points must decide on one earlier part, then two, and so on.")
        self.memory = [points[0] - 1, *points]  # the steps whose states are attended to
        # decision -> (step of the earlier part, step of its own)
        self.places = {index: (self.memory[j], at) for at in points for j, index in enumerate(steps[at])}
        self.previous = nn.Parameter(torch.empty(hidden, hidden))
        self.current = nn.Parameter(torch.empty(hidden, hidden))
        self.value = nn.Parameter(torch.empty(hidden))

    def replace(self, logits: Tensor, hidden: Tensor) -> Tensor:
        """Put the anchors' logits into (N, D, W), from the LSTM's states (N, S, H)."""
        indices = torch.tensor(list(self.places))
        earlier, own = (torch.tensor(steps) for steps in zip(*self.places.values(), strict=True))
        score = self._score(hidden[:, earlier], hidden[:, own])
        pairs = torch.stack([torch.zeros_like(score), score], dim=-1)
        padded = nn.functional.pad(pairs, (0, logits.shape[-1] - 2))
        return logits.index_copy(1, indices, padded)

    def _score(self, earlier: Tensor, own: Tensor) -> Tensor:
        return torch.tanh(earlier @ self.previous.T + own @ self.current.T) @ self.value
