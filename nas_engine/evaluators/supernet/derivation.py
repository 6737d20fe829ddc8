"""From the strengths of operations on edges to a cell (Liu et al. 2019, section 2.4). Torch only for drawing."""

from collections.abc import Sequence

import torch

from nas_engine.blueprint.supernet import Edge
from nas_engine.cell import Block, Cell

Strengths = Sequence[Sequence[float]]  # (edges, 1 + operations); column 0 is "none"


def derive_cell(kind: str, strengths: Strengths, edges: Sequence[Edge], operations: Sequence[str]) -> Cell:
    """Each node keeps the two edges on which the strongest operation other than none is strongest, and that operation on
    them, the stronger edge first. Among equals the earlier wins. Never "none", never two edges from one state."""
    blocks = []
    for rows in _nodes(edges):
        best = {
            row: max(range(1, len(strengths[row])), key=lambda column, row=row: strengths[row][column]) for row in rows
        }
        kept = sorted(rows, key=lambda row: -strengths[row][best[row]])[:2]
        blocks.append(_block([(edges[row].source, operations[best[row] - 1]) for row in kept]))
    return Cell(kind, tuple(blocks), tuple(range(2, len(blocks) + 2)))


def sample_cell(
    kind: str, strengths: Strengths, edges: Sequence[Edge], operations: Sequence[str], generator: torch.Generator
) -> Cell:
    """Two different edges a node, and an operation on each, drawn in proportion to their strengths."""
    blocks = []
    for rows in _nodes(edges):
        local = torch.tensor([strengths[row][1:] for row in rows], dtype=torch.float64)
        kept = torch.multinomial(local.sum(1), 2, generator=generator).tolist()
        taken = torch.multinomial(local[kept], 1, generator=generator)[:, 0].tolist()
        blocks.append(
            _block([(edges[rows[at]].source, operations[column]) for at, column in zip(kept, taken, strict=True)])
        )
    return Cell(kind, tuple(blocks), tuple(range(2, len(blocks) + 2)))


def _nodes(edges: Sequence[Edge]) -> list[list[int]]:
    targets = sorted({edge.target for edge in edges})
    return [[row for row, edge in enumerate(edges) if edge.target == target] for target in targets]


def _block(sides: list[tuple[int, str]]) -> Block:
    (left, left_operation), (right, right_operation) = sides
    return Block(left, left_operation, right, right_operation)
