"""The controllers of ENAS (Pham et al. 2018), exactly as in the authors' released code.

An LSTM without biases goes through the decisions. Where an earlier state or layer is to be chosen, it attends to the
hidden states that stood at them (their keys); where an operation is, a linear layer over its hidden state decides.
N is the number of sequences, D of decisions, W of options of the widest decision.
"""

import math
import random
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas_engine.evaluators.supernet.config import ControllerConfig
from nas_engine.operations import OPERATIONS

# Takes a decision's place among the D and its log-probabilities (N, options); gives the options taken (N).
Pick = Callable[[int, Tensor], Tensor]


@dataclass(frozen=True)
class Decoded:
    """``choices`` (N, D) in the order of the search space; ``log_probs`` (N, D) of the options taken; ``entropies`` (N, D)
    of each decision in nats; ``bonus`` (N), the entropy as the released code adds it to the reward; ``penalty`` (N) for
    skips that are not as frequent as wanted (whole networks); ``probabilities`` (N, D, W), zero beyond the options."""

    choices: Tensor
    log_probs: Tensor
    entropies: Tensor
    bonus: Tensor
    penalty: Tensor
    probabilities: Tensor


class _Controller(nn.Module):
    def __init__(self, settings: ControllerConfig, operations: int, widths: Sequence[int], rng: random.Random):
        super().__init__()
        size = settings.hidden
        self.settings, self.widths = settings, tuple(widths)
        self.start = nn.Parameter(torch.empty(size))
        self.lstm = nn.Parameter(torch.empty(2 * size, 4 * size))
        self.embedding = nn.Parameter(torch.empty(operations, size))
        self.key = nn.Parameter(torch.empty(size, size))
        self.query = nn.Parameter(torch.empty(size, size))
        self.attention = nn.Parameter(torch.empty(size))
        self.head = nn.Parameter(torch.empty(size, operations))
        with torch.no_grad():
            # Python's generator: its stream is the same in every version and on every device.
            for parameter in self.parameters():
                reach = settings.init_range
                values = [rng.uniform(-reach, reach) for _ in range(parameter.numel())]
                parameter.copy_(torch.tensor(values).view_as(parameter))

    def sample(self, noise: Tensor) -> Decoded:
        """Draw N sequences by inverse transform of ``noise`` (N, D), uniform in [0, 1): one number a decision."""

        def pick(place: int, log_softmax: Tensor) -> Tensor:
            below = log_softmax.exp().cumsum(-1) <= noise[:, place, None]
            return below.sum(-1).clamp(max=log_softmax.shape[1] - 1)

        with torch.no_grad():
            return self._decode(len(noise), pick)

    def score(self, choices: Tensor) -> Decoded:
        """Forced decoding: what the policy thinks of given sequences (N, D), with gradients."""
        return self._decode(len(choices), lambda place, log_softmax: choices[:, place])

    @abstractmethod
    def _decode(self, count: int, pick: Pick) -> Decoded:
        """Go through the decisions for ``count`` sequences at once."""

    def _step(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """One step of the LSTM: (cell, hidden), both (N, hidden units). Gates are input, forget, output, candidate."""
        cell, hidden = state
        opens, forgets, shows, new = (torch.cat([x, hidden], 1) @ self.lstm).chunk(4, 1)
        cell = opens.sigmoid() * new.tanh() + forgets.sigmoid() * cell
        return cell, shows.sigmoid() * cell.tanh()

    def _zero(self, count: int) -> tuple[Tensor, Tensor]:
        return (self.start.new_zeros(count, self.settings.hidden),) * 2

    def _bounded(self, logits: Tensor, reduce: float = 1.0) -> Tensor:
        settings = self.settings
        if settings.temperature:
            logits = logits / settings.temperature
        if settings.tanh_constant:
            logits = settings.tanh_constant / reduce * logits.tanh()
        return logits

    def _attended(self, keys: list[Tensor], hidden: Tensor) -> Tensor:
        """How well each key answers: (N, keys), before it is bounded."""
        return (torch.stack(keys, 1) + (hidden @ self.query)[:, None]).tanh() @ self.attention


class _Tape:
    """What was decided, by place in the order of the search space."""

    def __init__(self, widths: Sequence[int], pick: Pick):
        self.widths, self.pick = widths, pick
        self.log_softmax: dict[int, Tensor] = {}
        self.taken: dict[int, Tensor] = {}

    def decide(self, place: int, logits: Tensor) -> Tensor:
        log_softmax = logits.log_softmax(1)
        taken = self.pick(place, log_softmax.detach())
        self.log_softmax[place], self.taken[place] = log_softmax, taken
        return taken

    def decoded(self, sampled_entropy: bool, penalty: Tensor) -> Decoded:
        places, widest = range(len(self.widths)), max(self.widths)
        choices = torch.stack([self.taken[place] for place in places], 1)
        rows = [self.log_softmax[place] for place in places]
        log_probs = torch.stack([row.gather(1, choices[:, at, None])[:, 0] for at, row in enumerate(rows)], 1)
        entropies = torch.stack([-(row.exp() * row).sum(1) for row in rows], 1)
        probabilities = torch.stack([nn.functional.pad(row.exp(), (0, widest - row.shape[1])) for row in rows], 1)
        bonus = (-log_probs * log_probs.exp() if sampled_entropy else entropies).sum(1).detach()
        return Decoded(choices, log_probs, entropies, bonus, penalty, probabilities.detach())


class MicroController(_Controller):
    """Two cells of ``nodes`` nodes: input, operation, input, operation each (the order of :class:`ENASSpace`), decided as
    both inputs, then both operations. The LSTM's state is carried from the normal to the reduction cell.

    Convolutions begin with a learned bias; in the normal cell a fixed one adds to it and is held against the rest.
    """

    def __init__(self, nodes: int, operations: Sequence[str], settings: ControllerConfig, rng: random.Random):
        widths = [width for _ in range(2) for node in range(nodes) for width in (node + 2, len(operations)) * 2]
        super().__init__(settings, len(operations), widths, rng)
        self.nodes = nodes
        convolves = torch.tensor([float(bool(OPERATIONS[name].steps)) for name in operations])
        self.bias = nn.Parameter(settings.learned_bias * convolves)
        self.register_buffer("fixed_bias", settings.fixed_bias * (2 * convolves - 1), persistent=False)

    def _decode(self, count: int, pick: Pick) -> Decoded:
        tape = _Tape(self.widths, pick)
        state = self._zero(count)
        for cell in range(2):
            state = self._cell(cell, state, tape)
        return tape.decoded(sampled_entropy=False, penalty=state[1].new_zeros(count))

    def _cell(self, cell: int, state: tuple[Tensor, Tensor], tape: _Tape) -> tuple[Tensor, Tensor]:
        start = self.start.expand(len(state[1]), -1)
        anchors, keys = [], []
        for _ in range(2):  # the cell's own inputs: their anchors are zero, their keys are not
            state = self._step(start, state)
            anchors.append(torch.zeros_like(state[1]))
            keys.append(state[1] @ self.key)
        for node in range(self.nodes):
            place, x = (cell * self.nodes + node) * 4, start
            for side in (0, 2):
                state = self._step(x, state)
                taken = tape.decide(place + side, self._bounded(self._attended(keys, state[1])))
                x = torch.stack(anchors, 1)[torch.arange(len(taken)), taken]
            for side in (1, 3):
                state = self._step(x, state)
                logits = self._bounded(state[1] @ self.head + self.bias, self.settings.op_tanh_reduce)
                taken = tape.decide(place + side, logits + self.fixed_bias if cell == 0 else logits)
                x = self.embedding[taken]
            state = self._step(x, state)
            anchors.append(state[1])
            keys.append(state[1] @ self.key)
        return state


class MacroController(_Controller):
    """A whole network of ``layers`` layers: for each an operation, then for each earlier layer whether its output is added
    (0 no, 1 yes). The entropy counted is that of the option taken alone, -p log p."""

    def __init__(self, layers: int, operations: int, settings: ControllerConfig, rng: random.Random):
        widths = [width for layer in range(layers) for width in (operations, *(2,) * layer)]
        super().__init__(settings, operations, widths, rng)
        self.layers = layers
        wanted = settings.skip_target
        self.register_buffer("wanted", torch.tensor([1 - wanted, wanted]), persistent=False)

    def _decode(self, count: int, pick: Pick) -> Decoded:
        tape, state, place = _Tape(self.widths, pick), self._zero(count), 0
        start = x = self.start.expand(count, -1)
        anchors, keys, penalties = [], [], []
        for layer in range(self.layers):
            state = self._step(x, state)
            operation = tape.decide(place, self._bounded(state[1] @ self.head, self.settings.op_tanh_reduce))
            state = self._step(self.embedding[operation], state)
            x = start
            if layer:
                answers = self._attended(keys, state[1])
                logits = self._bounded(torch.stack([-answers, answers], 2))
                skips = torch.stack(
                    [tape.decide(place + 1 + before, logits[:, before]) for before in range(layer)], 1
                ).to(x.dtype)
                chosen = (skips[:, :, None] * torch.stack(anchors, 1)).sum(1)
                x = chosen / (1 + skips.sum(1, keepdim=True))
                share = logits.sigmoid()
                penalties.append((share * (share / self.wanted).log()).sum((1, 2)))
            anchors.append(state[1])
            keys.append(state[1] @ self.key)
            place += 1 + layer
        penalty = torch.stack(penalties, 1).mean(1) if penalties else start.new_zeros(count)
        return tape.decoded(sampled_entropy=True, penalty=penalty)


def uniform_entropy(widths: Sequence[int]) -> float:
    """Of a policy that has learned nothing, in nats."""
    return sum(math.log(width) for width in widths)
