"""One cell of a supernet: every operation on every edge, passed along paths or through a mixture."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas_engine.blueprint.supernet import SuperCell, SupernetRules
from nas_engine.networks.supernet.banks import Bank, BankNorm, Source

# Edges are run side by side while their maps together have at most this many numbers; beyond, one by one keeps to the
# processor's cache. A GPU wants few large kernels.
_SIDE_BY_SIDE = {"cpu": 1 << 18, "cuda": 1 << 40}


class Choice(NamedTuple):
    """One operation on one edge: ``row`` in the order of ``SupernetRules.edges``, ``operation`` in that of
    ``SupernetRules.operations``. ``scale`` (a scalar tensor) multiplies the result."""

    row: int
    operation: int
    scale: Tensor | None = None


Path = tuple[tuple[Choice, ...], ...]  # the choices of each node, summed


class MixedCell(nn.Module):
    """A :class:`nas_engine.blueprint.supernet.SuperCell` with its weights."""

    def __init__(self, plan: SuperCell, rules: SupernetRules, eps: float, init: str):
        super().__init__()
        self.plan, self.rules = plan, rules
        self.edges = rules.edges
        self.project = nn.ModuleList(Bank(piece, 1, eps, init) for piece in plan.projections)
        self.banks = nn.ModuleList(
            nn.ModuleList(Bank(plan.banks[state][name], len(plan.edges[state]), eps, init) for name in rules.operations)
            for state in range(rules.nodes + 1)
        )
        self.local = {row: at for rows in plan.edges for at, row in enumerate(rows)}
        if plan.final:
            spread = (2 / plan.filters) ** 0.5
            self.final = nn.Parameter(torch.randn(rules.nodes + 2, plan.filters, plan.filters) * spread)
            self.final_norm = BankNorm(plan.filters, 1, eps, rules.affine)

    def states(self, older: Tensor, newer: Tensor) -> list[Tensor]:
        """The cell's two inputs, made as small and narrow as its states."""
        return [bank(Source(x), (0,)) for bank, x in zip(self.project, (older, newer), strict=True)]

    def along(self, older: Tensor, newer: Tensor, path: Path) -> Tensor:
        """The output with each node the sum of its choices on ``path``."""
        states = self.follow(self.states(older, newer), path)
        return self._output(states, {self.edges[choice.row].source for choices in path for choice in choices})

    def follow(self, states: list[Tensor], path: Path) -> list[Tensor]:
        """The cell's two states and those of all its nodes along ``path``."""
        states = list(states)
        sources: dict[int, Source] = {}
        bypasses: dict[int, Tensor] = {}
        for choices in path:
            total = bypass = None
            for row, operation, scale in choices:
                state = self.edges[row].source
                if state not in sources:
                    sources[state], bypasses[state] = self._split(states[state], state)
                bank = self.banks[state][operation]
                at = 0 if bank.shared else self.local[row]
                total = _plus(total, bank(sources[state], (at,), None if scale is None else scale.view(1)))
                if self.rules.partial > 1:
                    bypass = _plus(bypass, bypasses[state])
            states.append(self._nothing(states[0]) if total is None else self._join(total, bypass))
        return states

    def _nothing(self, x: Tensor) -> Tensor:
        """The state of a node that nothing flows into."""
        size = self.plan.shape[1:]
        return x.new_zeros(len(x), self.plan.filters, *size).contiguous(memory_format=torch.channels_last)

    def mixture(self, older: Tensor, newer: Tensor, weights: Tensor, edge_weights: Tensor | None = None) -> Tensor:
        """The output with every operation on every edge, weighed by ``weights`` (edges, operations) and, if given, by
        ``edge_weights`` (edges). An operation "none" has no column: what is missing to 1 is its share."""
        if edge_weights is not None:
            weights = weights * edge_weights[:, None]
        states = self.states(older, newer)
        totals: list = [None] * self.rules.nodes
        bypasses: list = [None] * self.rules.nodes
        for state in range(self.rules.nodes + 1):
            if state >= 2:
                states.append(self._join(totals[state - 2], bypasses[state - 2]))
            source, bypass = self._split(states[state], state)
            self._mix_state(state, source, weights, totals)
            if self.rules.partial > 1:
                for row in self.plan.edges[state]:
                    node = self.edges[row].target - 2
                    share = bypass if edge_weights is None else bypass * edge_weights[row]
                    bypasses[node] = _plus(bypasses[node], share)
        states.append(self._join(totals[-1], bypasses[-1]))
        return self._output(states, {0, 1})

    def _mix_state(self, state: int, source: Source, weights: Tensor, totals: list) -> None:
        """Add what leaves one state to the nodes it goes to."""
        rows = self.plan.edges[state]
        nodes = [self.edges[row].target - 2 for row in rows]
        local = weights[list(rows)].to(source.x.dtype)
        for column, bank in enumerate(self.banks[state]):
            if bank.shared:
                value = bank(source, (0,))
                for at, node in enumerate(nodes):
                    weight = local[at, column]
                    totals[node] = (
                        value * weight if totals[node] is None else torch.addcmul(totals[node], value, weight)
                    )
                continue
            width = len(rows) if self._fits(source.x, len(rows)) else 1
            for start in range(0, len(rows), width):
                chunk = range(start, min(start + width, len(rows)))
                value = bank(source, chunk, local[start : chunk.stop, column])
                parts = value.split(value.shape[1] // len(chunk), 1) if len(chunk) > 1 else (value,)
                for at, part in zip(chunk, parts, strict=True):
                    totals[nodes[at]] = _plus(totals[nodes[at]], part)

    @staticmethod
    def _fits(x: Tensor, edges: int) -> bool:
        return x.numel() * edges <= _SIDE_BY_SIDE.get(x.device.type, 1 << 18)

    def _split(self, x: Tensor, state: int) -> tuple[Source, Tensor | None]:
        """The channels that operations see, and those that bypass them (PC-DARTS): halved by max pooling where the edges
        are strided."""
        partial = self.rules.partial
        if partial == 1:
            return Source(x), None
        seen = x.shape[1] // partial
        bypass = x[:, seen:]
        piece = next(iter(self.plan.banks[state].values()))
        if piece.shape[1:] != tuple(x.shape[2:]):
            bypass = F.max_pool2d(bypass, 2, 2)
        return Source(x[:, :seen].contiguous(memory_format=torch.channels_last)), bypass

    def _join(self, total: Tensor, bypass: Tensor | None) -> Tensor:
        """Mixed and bypassing channels, shuffled as PC-DARTS does so that the next operations see others."""
        if bypass is None:
            return total
        x = torch.cat([total, bypass], 1)
        batch, channels, *size = x.shape
        partial = self.rules.partial
        shuffled = x.view(batch, partial, channels // partial, *size).transpose(1, 2).reshape(batch, channels, *size)
        return shuffled.contiguous(memory_format=torch.channels_last)

    def _output(self, states: list[Tensor], read: set[int]) -> Tensor:
        if not self.plan.final:
            return torch.cat(states[2:], 1)
        loose = [state for state in range(len(states)) if state not in read]
        # One 1x1 over the concatenated states; its rows are gathered from a bank with a block for each state.
        weight = torch.cat([self.final[state] for state in loose], 1)[:, :, None, None]
        x = torch.relu(torch.cat([states[state] for state in loose], 1))
        return self.final_norm(F.conv2d(x, weight), (0,), None)


def _plus(total: Tensor | None, part: Tensor) -> Tensor:
    return part if total is None else total + part


def path_of(cell, operations: Sequence[str], rules: SupernetRules) -> Path:
    """The path through a supernet's cell that a :class:`nas_engine.cell.Cell` takes. Raises ValueError where it has none."""
    places = {tuple(edge): row for row, edge in enumerate(rules.edges)}
    path = []
    for node, block in enumerate(cell.blocks):
        sides = ((block.left_input, block.left_operation), (block.right_input, block.right_operation))
        path.append(
            tuple(
                Choice(places[state, node + 2, side if rules.sides == 2 else 0], operations.index(name))
                for side, (state, name) in enumerate(sides)
            )
        )
    return tuple(path)
