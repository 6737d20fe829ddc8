"""A supernet drafted without torch: every operation on every edge of every cell, with exact costs.

The same operation table, drafts and dialect rules as stand-alone networks; :class:`SupernetRules` holds what the search
networks of DARTS and ENAS do differently from the networks their cells end up in.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from nas_engine.blueprint.dialects import DIALECTS, Dialect
from nas_engine.blueprint.draft import Draft, Layer, Shape
from nas_engine.blueprint.operations import draft_operation
from nas_engine.blueprint.stacking import cell_count, reduction_places
from nas_engine.operations import DARTS_OPERATIONS, ENAS_OPERATIONS, OPERATIONS
from nas_engine.protocol import SkeletonConfig


@dataclass(frozen=True)
class SupernetRules:
    """``sides`` 1: a node sums one edge from every earlier state (DARTS). 2: a node has a left and a right operation, and
    each side has weights of its own for every state it may read (ENAS). ``affine``: batch norms of cells have scale and
    offset. ``pool_norm``: a batch norm behind every pooling. ``gathered_output``: the states that no operation reads go
    through ReLU, a 1x1 whose rows are kept per state, and a batch norm; else all nodes are concatenated.
    ``reduced_first``: a reduction is a factorized reduction followed by a cell of stride 1; else operations on the cell's
    inputs are strided. Only 1 in ``partial`` channels goes through the operations (PC-DARTS).
    """

    dialect: str
    operations: tuple[str, ...]
    nodes: int
    sides: int = 1
    affine: bool = False
    pool_norm: bool = True
    gathered_output: bool = False
    reduced_first: bool = False
    partial: int = 1

    @property
    def edges(self) -> tuple["Edge", ...]:
        """All edges, node by node, then side by side, then by source: the rows of alphas."""
        return tuple(
            Edge(source, node + 2, side)
            for node in range(self.nodes)
            for side in range(self.sides)
            for source in range(node + 2)
        )


def darts_rules(
    operations: tuple[str, ...] = DARTS_OPERATIONS, nodes: int = 4, partial: int = 1, pool_norm: bool = True
) -> SupernetRules:
    """The search network of DARTS (Liu et al. 2019, released code)."""
    return SupernetRules("darts", operations, nodes, pool_norm=pool_norm, partial=partial)


def enas_rules(operations: tuple[str, ...] = ENAS_OPERATIONS, nodes: int = 5) -> SupernetRules:
    """The search network of ENAS' micro search (Pham et al. 2018, released code)."""
    return SupernetRules(
        "enas", operations, nodes, sides=2, affine=True, pool_norm=False, gathered_output=True, reduced_first=True
    )


class Edge(NamedTuple):
    """From state ``source`` into state ``target``, on one of its sides."""

    source: int
    target: int
    side: int


class Piece(NamedTuple):
    """Layers from one map to another. Index 0 is the map it is given, ``output`` the index of its result."""

    layers: tuple[Layer, ...]
    output: int
    shape: Shape
    params: int
    macs: int


@dataclass(frozen=True)
class SuperCell:
    """A cell with all its operations. ``older`` and ``newer`` index the outputs before it; ``projections`` turn them into
    states 0 and 1. ``banks[state][operation]`` is what one edge out of that state would run; ``edges[state]`` are the rows
    of the edges that do. ``final`` is the 1x1 behind gathered states, as one state's share of it, or None."""

    kind: str
    number: int
    filters: int
    older: int
    newer: int
    inputs: tuple[Shape, Shape]
    shape: Shape
    projections: tuple[Piece, Piece]
    banks: tuple[dict[str, Piece], ...]
    edges: tuple[tuple[int, ...], ...]
    final: Piece | None = None

    @cached_property
    def params(self) -> int:
        return self._total("params")

    @cached_property
    def macs(self) -> int:
        return self._total("macs")

    def _total(self, cost: str) -> int:
        total = sum(getattr(piece, cost) for piece in self.projections)
        for bank, rows in zip(self.banks, self.edges, strict=True):
            total += len(rows) * sum(getattr(piece, cost) for piece in bank.values())
        if self.final:
            total += getattr(self.final, cost)
        return total


@dataclass(frozen=True)
class SupernetPlan:
    """``parts`` are cells, and for ENAS the factorized reductions in front of its reduction cells, in order."""

    rules: SupernetRules
    skeleton: SkeletonConfig
    image_shape: Shape
    classes: int
    stem: Piece
    parts: tuple[SuperCell | Piece, ...]
    head: Piece
    norm_eps: float
    init: str
    outputs: tuple[Shape, ...] = field(repr=False)

    @property
    def cells(self) -> tuple[SuperCell, ...]:
        return tuple(part for part in self.parts if isinstance(part, SuperCell))

    @cached_property
    def params(self) -> int:
        return sum(part.params for part in (self.stem, *self.parts, self.head))

    @cached_property
    def macs(self) -> int:
        """Of one image through everything."""
        return sum(part.macs for part in (self.stem, *self.parts, self.head))


def draft_supernet(rules: SupernetRules, skeleton: SkeletonConfig, image_shape: Shape, classes: int) -> SupernetPlan:
    """The supernet on images of ``image_shape`` (channels, height, width), stacked as ``skeleton`` says (CIFAR)."""
    return _Stack(rules, skeleton, tuple(image_shape), classes).plan()


class _Stack:
    def __init__(self, rules: SupernetRules, skeleton: SkeletonConfig, image_shape: Shape, classes: int):
        self.rules, self.skeleton, self.image_shape, self.classes = rules, skeleton, image_shape, classes
        self.dialect: Dialect = DIALECTS[rules.dialect]
        self.shapes: list[Shape] = []
        self.parts: list[SuperCell | Piece] = []
        self.counts = {"normal": 0, "reduction": 0}

    def plan(self) -> SupernetPlan:
        stem = self._stem()
        self.shapes.append(stem.shape)
        filters, places = self.skeleton.filters, reduction_places(self.skeleton)
        for index in range(cell_count(self.skeleton)):
            kind = "reduction" if index in places else "normal"
            if kind == "reduction":
                filters *= 2
                if self.rules.reduced_first:
                    self._add(self._piece(self.shapes[-1], lambda draft, f=filters: draft.factorized_reduction(
                        0, "reduce", f, relu=False)))  # fmt: skip
            self._add(self._cell(kind, filters))
        return SupernetPlan(
            self.rules, self.skeleton, self.image_shape, self.classes, stem, tuple(self.parts), self._head(),
            self.dialect.norm_eps[0], self.dialect.init, tuple(self.shapes),
        )  # fmt: skip

    def _add(self, part: SuperCell | Piece) -> None:
        self.parts.append(part)
        self.shapes.append(part.shape)

    def _stem(self) -> Piece:
        width = self.skeleton.stem_filters or self.skeleton.stem_multiplier * self.skeleton.filters
        return self._piece(
            self.image_shape,
            lambda draft: draft.norm(draft.conv(0, "stem.conv", width, (3, 3)), "stem.norm"),
            affine=True,
        )

    def _head(self) -> Piece:
        def build(draft: Draft) -> int:
            index = draft.relu(0, "head") if self.dialect.head_relu else 0
            index = draft.global_pool(index, "head")
            if self.skeleton.dropout:
                index = draft.dropout(index, self.skeleton.dropout, "head")
            return draft.linear(index, "head.linear", self.classes, self.dialect.head_bias)

        return self._piece(self.shapes[-1], build)

    def _cell(self, kind: str, filters: int) -> SuperCell:
        rules, shapes = self.rules, self.shapes
        newer = len(shapes) - 1
        older = max(newer - 1, 0)
        stride = 2 if kind == "reduction" and not rules.reduced_first else 1
        projections = (
            self._project(shapes[older], filters, halve=shapes[older][1:] != shapes[newer][1:]),
            self._project(shapes[newer], filters),
        )
        size = tuple(-(-side // stride) for side in shapes[newer][1:])
        inner = filters // rules.partial
        banks = []
        for state in range(rules.nodes + 1):
            before = projections[state].shape[1:] if state < 2 else size
            step = stride if state < 2 else 1
            banks.append({name: self._operation(name, (inner, *before), step) for name in rules.operations})
        final = self._final(filters, size) if rules.gathered_output else None
        edges = tuple(
            tuple(row for row, edge in enumerate(rules.edges) if edge.source == state)
            for state in range(rules.nodes + 1)
        )
        self.counts[kind] += 1
        shape = (filters if final else filters * rules.nodes, *size)
        return SuperCell(
            kind, self.counts[kind], filters, older, newer, (shapes[older], shapes[newer]), shape, projections,
            tuple(banks), edges, final,
        )  # fmt: skip

    def _project(self, shape: Shape, filters: int, halve: bool = False) -> Piece:
        """An input made as small and narrow as the cell's states; ENAS leaves one that fits as it is."""
        if halve:
            return self._piece(shape, lambda draft: draft.factorized_reduction(0, "project", filters))
        if self.dialect.always_project or shape[0] != filters:
            return self._piece(shape, lambda draft: draft.conv_norm(0, "project", filters))
        return Piece((), 0, shape, 0, 0)

    def _operation(self, name: str, shape: Shape, stride: int) -> Piece:
        def build(draft: Draft) -> int:
            index = draft_operation(draft, OPERATIONS[name], 0, shape[0], stride, self.dialect, name)
            if OPERATIONS[name].pool and self.rules.pool_norm:
                index = draft.norm(index, f"{name}.norm")
            return index

        return self._piece(shape, build)

    def _final(self, filters: int, size: tuple[int, int]) -> Piece:
        """Costs of all states' shares: an upper bound for the MACs of any one path."""
        states = self.rules.nodes + 2
        weights = states * filters * filters
        return Piece((), 0, (filters, *size), weights + 2 * filters * self.rules.affine, weights * size[0] * size[1])

    def _piece(self, shape: Shape, build, affine: bool | None = None) -> Piece:
        return draft_piece(shape, build, self.rules.affine if affine is None else affine, self.dialect.same_padding)


def draft_piece(shape: Shape, build: Callable[[Draft], int], affine: bool = True, same_padding: bool = True) -> Piece:
    """What ``build`` drafts on a map of ``shape``; it is given the draft and returns the index of the result. Without
    ``affine`` batch norms have neither scale nor offset."""
    draft = Draft((shape,), same_padding)
    output = build(draft)
    layers = tuple(
        layer._replace(options={"affine": affine}) if layer.kind == "norm" else layer for layer in draft.layers
    )
    norms = 0 if affine else sum(2 * layer.shape[0] for layer in layers if layer.kind == "norm")
    return Piece(layers, output, draft.shapes[output], draft.params - norms, draft.macs)
