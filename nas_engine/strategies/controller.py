"""The LSTM controller: a policy over the decisions of any search space (Zoph et al. 2018, section 4; Zoph and Le 2017).

Each decision has its own softmax head and its own embedding; the embedding of the option taken is the next step's input.
An anchor point (Zoph and Le 2017, section 3.3) is one step that decides for every earlier part whether it is an input, by
set-selection attention; the mean of the embeddings of what it decided is the next step's input, of which the paper says
nothing. Everything below writes N for sequences, D for the space's decisions, S for the steps, W for the options of the
widest decision.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas_engine.architecture import ANCHOR, GIVEN, Choice
from nas_engine.strategies.attention import Attention
from nas_engine.strategies.decoding import Pick, decode, inverse_transform

# Where a softmax is padded to the widest decision: probability exactly 0, and finite, so that no gradient is NaN.
_NEVER = -1e30


@dataclass(frozen=True)
class Decoded:
    """What the controller thinks of N sequences.

    ``choices`` (N, D) option indices; ``log_probs`` (N, D) of the options taken; ``entropies`` (N, D) of each step's
    softmax, in nats; ``probabilities`` (N, D, W), zero beyond a decision's options. Summed over D, ``log_probs`` is the
    log-probability of the whole sequence, and ``entropies`` averaged over sampled sequences the entropy of the policy.
    """

    choices: Tensor
    log_probs: Tensor
    entropies: Tensor
    probabilities: Tensor


class Controller(nn.Module):
    """An LSTM over ``choices``, weights uniform in [-init_range, init_range] drawn from ``rng`` alone.

    A decision with a single option, and one that is given, has log-probability 0 and entropy 0 exactly.
    """

    def __init__(
        self,
        choices: Sequence[Choice],
        rng: random.Random,
        hidden: int = 100,
        layers: int = 1,
        init_range: float = 0.1,
    ):
        super().__init__()
        self.widths = tuple(len(choice.options) for choice in choices)
        self.steps = steps_of(choices)
        starts = [sum(self.widths[:step]) for step in range(len(self.widths))]
        total, widest = sum(self.widths), max(self.widths)
        # Rows of one flat table rather than a module a decision: the same parameters, read for all steps at once.
        self.spans = list(zip(starts, self.widths, strict=True))
        rows = [[start + min(o, width - 1) for o in range(widest)] for start, width in self.spans]
        self.register_buffer("starts", torch.tensor(starts), persistent=False)
        self.register_buffer("rows", torch.tensor(rows), persistent=False)
        self.register_buffer("padding", self._padding(widest), persistent=False)
        self.given = [index for index, choice in enumerate(choices) if choice.kind == GIVEN]
        self.plain = len(self.steps) == len(choices)  # a step for every decision
        step_of = [
            next((at for at, step in enumerate(self.steps) if index in step), 0) for index in range(len(choices))
        ]
        self.register_buffer("step_of", torch.tensor(step_of), persistent=False)
        self.start = nn.Parameter(torch.empty(hidden))
        self.embedding = nn.Parameter(torch.empty(total, hidden))
        self.lstm = nn.LSTM(hidden, hidden, layers, batch_first=True)
        self.head_weight = nn.Parameter(torch.empty(total, hidden))
        self.head_bias = nn.Parameter(torch.empty(total))
        anchors = [index for index, choice in enumerate(choices) if choice.kind == ANCHOR]
        self.attention = Attention(hidden, anchors, self.steps) if anchors else None
        self._initialise(rng, init_range)

    def _padding(self, widest: int) -> Tensor:
        return torch.tensor([[0.0 if o < width else _NEVER for o in range(widest)] for width in self.widths])

    @torch.no_grad()
    def _initialise(self, rng: random.Random, init_range: float) -> None:
        # Python's generator, not torch's: its stream is the same in every version and on every device.
        for parameter in self.parameters():
            values = [rng.uniform(-init_range, init_range) for _ in range(parameter.numel())]
            parameter.copy_(torch.tensor(values).view_as(parameter))

    def score(self, choices: Tensor) -> Decoded:
        """Forced decoding: what the policy thinks of given sequences (N, D), with gradients."""
        embedded = self._embedded(choices)
        if not self.plain:
            embedded = torch.stack([embedded[:, list(step)].mean(dim=1) for step in self.steps], dim=1)
        inputs = torch.cat([self._first_input(len(choices)), embedded[:, :-1]], dim=1)
        hidden, _ = self.lstm(inputs)
        states = hidden if self.plain else hidden[:, self.step_of]
        logits = torch.einsum("ndh,dwh->ndw", states, self.head_weight[self.rows]) + self.head_bias[self.rows]
        if self.attention:
            logits = self.attention.replace(logits, hidden)
        return self._finished(choices, torch.log_softmax(logits + self.padding, dim=-1))

    def sample(self, noise: Tensor) -> Decoded:
        """Draw N sequences by inverse transform of ``noise`` (N, D), uniform in [0, 1): one number a decision."""
        drawn = noise.numpy()
        return self._decoded(len(drawn), lambda part, logits: inverse_transform(logits, drawn[:, part]))

    def greedy(self) -> Decoded:
        """The sequence (1, D) that takes the likeliest option at every step."""
        return self._decoded(1, lambda part, logits: logits.argmax(axis=-1))

    def _decoded(self, count: int, pick: Pick) -> Decoded:
        choices, logits = decode(self, count, pick, _NEVER)
        return self._finished(torch.from_numpy(choices), torch.log_softmax(torch.from_numpy(logits), dim=-1))

    def _finished(self, choices: Tensor, log_softmax: Tensor) -> Decoded:
        """With the decisions that are given as certain as they are."""
        if self.given:
            certain = torch.full_like(log_softmax[:, self.given], _NEVER)
            certain.scatter_(-1, choices[:, self.given, None], 0.0)
            log_softmax = log_softmax.index_copy(1, torch.tensor(self.given), certain)
        return _decoded(choices, log_softmax)

    def _first_input(self, count: int) -> Tensor:
        return self.start.expand(count, 1, -1)

    def _embedded(self, choices: Tensor) -> Tensor:
        return self.embedding[choices + self.starts]


def steps_of(choices: Sequence[Choice]) -> list[tuple[int, ...]]:
    """The decisions taken in each step of the LSTM: one, or all of an anchor point. Those that are given take no step."""
    steps: list[tuple[int, ...]] = []
    for index, choice in enumerate(choices):
        before = choices[index - 1] if index else None
        together = choice.kind == ANCHOR and before is not None and before.kind == ANCHOR
        if together and _part(before) == _part(choice):
            steps[-1] += (index,)
        elif choice.kind != GIVEN:
            steps.append((index,))
    return steps


def _part(choice: Choice) -> str:
    return choice.name.rpartition(".")[0]


def _decoded(choices: Tensor, log_softmax: Tensor) -> Decoded:
    probabilities = log_softmax.exp()
    log_probs = log_softmax.gather(-1, choices[..., None])[..., 0]
    return Decoded(choices, log_probs, -(probabilities * log_softmax).sum(dim=-1), probabilities)
