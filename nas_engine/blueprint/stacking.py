"""Stacking cells into a network: stem, cells with a reduction between stages, head, auxiliary head."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas_engine.blueprint.blueprint import Blueprint, Feature, Graph, Placement
from nas_engine.blueprint.cells import CellDraft, draft_cell
from nas_engine.blueprint.dialects import DIALECTS, Dialect
from nas_engine.blueprint.draft import Draft, Layer, Shape
from nas_engine.cell import Cell
from nas_engine.errors import ConfigError
from nas_engine.protocol import SkeletonConfig

SMALLEST_SIDE = 8


@dataclass(frozen=True)
class _Placed:
    """A cell in its place: ``older`` and ``newer`` are positions in the list of outputs that cells read."""

    draft: CellDraft
    kind: str
    filters: int
    older: int
    newer: int


@dataclass
class _Piece:
    """A stem or a head: its draft, and the index of its output."""

    draft: Draft
    output: int


def stack_cells(
    cells: Sequence[Cell], skeleton: SkeletonConfig, image_shape: Shape, classes: int, aux: bool = False
) -> Blueprint:
    """The network of ``cells`` (normal, reduction) on images of ``image_shape`` (channels, height, width).

    Zoph et al. 2018, figure 2 and appendix; the details are those of ``skeleton.dialect``. ``aux`` adds the auxiliary
    head used in full training. Raises ConfigError where the image is too small or there are no two cells.
    """
    _check(cells, image_shape, classes)
    skeleton.check_stackable()
    return _Stack(cells, skeleton, image_shape, classes, aux).blueprint()


def auxiliary_head(
    cells: Sequence[Cell], skeleton: SkeletonConfig, image_shape: Shape, classes: int
) -> tuple[int, int]:
    """(index of the placement whose output the auxiliary head reads, its parameters), of the network of these cells."""
    _check(cells, image_shape, classes)
    stack = _Stack(cells, skeleton, tuple(image_shape), classes, True)
    stem_outputs = len(stack.shapes) - len(stack.placed)
    return stack.aux_at - stem_outputs + 1, stack.aux.draft.params


def _check(cells: Sequence[Cell], image_shape: Shape, classes: int) -> None:
    if len(cells) != 2:
        raise ConfigError("A network is stacked from two cells: normal and reduction.", "cells")
    if min(image_shape[1:]) < SMALLEST_SIDE or image_shape[0] < 1:
        raise ConfigError(f"Images need a channel and {SMALLEST_SIDE}×{SMALLEST_SIDE} pixels at least.", "image_shape")
    if classes < 1:
        raise ConfigError("There must be a class.", "classes")


def cell_count(skeleton: SkeletonConfig) -> int:
    """How many cells follow the stem (the ImageNet skeleton's two stem cells are not counted)."""
    return skeleton.layers or 3 * skeleton.repeats + 2


def reduction_places(skeleton: SkeletonConfig) -> tuple[int, int]:
    """Which of the cells halve the resolution. With 3N + 2 cells, N normal cells lie before, between and behind them;
    with 3N cells the first of the second and third stage are meant, as in PNASNet."""
    count = cell_count(skeleton)
    return count // 3, 2 * count // 3


class _Stack:
    def __init__(self, cells: Sequence[Cell], skeleton: SkeletonConfig, image_shape: Shape, classes: int, aux: bool):
        self.cells, self.skeleton, self.image_shape, self.classes = cells, skeleton, image_shape, classes
        self.dialect: Dialect = DIALECTS[skeleton.dialect]
        self.imagenet = skeleton.kind == "imagenet"
        self.stem = self._stem()
        # What cells read: the stem's outputs first, then every cell's output.
        self.shapes: list[Shape] = [self.stem.draft.shapes[index] for index in self.stem_outputs]
        self.placed: list[_Placed] = []
        self.drafts: dict[tuple, CellDraft] = {}
        self._stack()
        self.head = self._head()
        self.aux_at = self._aux_place() if aux else None
        self.aux = self._aux_head() if aux else None

    # Stem

    def _stem(self) -> _Piece:
        draft = Draft((self.image_shape,), self.dialect.same_padding)
        filters = self.skeleton.filters
        if not self.imagenet:
            width = self.skeleton.stem_filters or self.skeleton.stem_multiplier * filters
            output = self._stem_conv(draft, 0, width, 1, "stem")
            self.stem_outputs = (output,)
        elif self.dialect.stem_cells:
            width = self.skeleton.stem_filters or self.dialect.stem_filters or max(1, filters // 4)
            index = draft.relu(0, "stem") if self.dialect.stem_relu else 0
            index = draft.conv(index, "stem.conv", width, (3, 3), (2, 2), valid=self.dialect.stem_valid)
            output = draft.norm(index, "stem.norm")
            self.stem_outputs = (output,)
        else:
            width = self.skeleton.stem_filters or filters // 2
            half = self._stem_conv(draft, 0, width, 2, "stem.0.a")
            older = self._stem_conv(draft, draft.relu(half, "stem.0.b"), filters, 2, "stem.0.b")
            output = self._stem_conv(draft, draft.relu(older, "stem.1"), filters, 2, "stem.1")
            self.stem_outputs = (older, output)
        return _Piece(draft, output)

    @staticmethod
    def _stem_conv(draft: Draft, source: int, channels: int, stride: int, scope: str) -> int:
        conv = draft.conv(source, f"{scope}.conv", channels, (3, 3), (stride, stride))
        return draft.norm(conv, f"{scope}.norm")

    # Cells

    def _stack(self) -> None:
        for divisor in self.dialect.stem_cells if self.imagenet else ():
            self._place("reduction", max(1, self.skeleton.filters // divisor))
        self.stem_cells = len(self.placed)
        filters, places = self.skeleton.filters, reduction_places(self.skeleton)
        for index in range(cell_count(self.skeleton)):
            skipped = None
            if index in places:
                filters *= 2
                self._place("reduction", filters)
            else:
                if self.skeleton.skip_reduction and index - 1 in places:
                    skipped = len(self.shapes) - 3
                self._place("normal", filters, skipped)

    def _place(self, kind: str, filters: int, older: int | None = None) -> None:
        newer = len(self.shapes) - 1
        first = newer == 0
        if older is None or older < 0:
            older = max(newer - 1, 0)
        stride = 2 if kind == "reduction" else 1
        key = (kind, filters, self.shapes[older], self.shapes[newer], first)
        if key not in self.drafts:
            cell = self.cells[0 if kind == "normal" else 1]
            self.drafts[key] = draft_cell(
                cell, filters, self.shapes[older], self.shapes[newer], stride, self.dialect, first
            )
        self.placed.append(_Placed(self.drafts[key], kind, filters, older, newer))
        self.shapes.append(self.drafts[key].shape)

    def _live(self) -> list[bool]:
        """Which outputs reach the logits (or the auxiliary head)."""
        live = [False] * len(self.shapes)
        live[-1] = True
        if self.aux_at is not None:
            live[self.aux_at] = True
        offset = len(self.shapes) - len(self.placed)
        for position in range(len(self.placed) - 1, -1, -1):
            if live[position + offset]:
                placed = self.placed[position]
                live[placed.older] |= placed.draft.reads[0]
                live[placed.newer] |= placed.draft.reads[1]
        return live

    # Heads

    def _head(self) -> _Piece:
        draft = Draft((self.shapes[-1],))
        index = draft.relu(0, "head") if self.dialect.head_relu else 0
        index = draft.global_pool(index, "head")
        if self.skeleton.dropout:
            index = draft.dropout(index, self.skeleton.dropout, "head")
        return _Piece(draft, draft.linear(index, "head.linear", self.classes, self.dialect.head_bias))

    def _aux_place(self) -> int:
        """Position in the outputs: before, at or behind the second reduction, as the dialect has it."""
        index = reduction_places(self.skeleton)[1] + self.dialect.aux_offset
        offset = len(self.shapes) - len(self.placed) + self.stem_cells
        return min(index + offset, len(self.shapes) - 1)

    def _aux_head(self) -> _Piece:
        """ReLU, pooling, 1x1 to 128, a convolution over all that is left to 768, classifier."""
        draft = Draft((self.shapes[self.aux_at],))
        size = min(5, *draft.shapes[0][1:])
        index = draft.pool(draft.relu(0, "aux"), "avg", size, self.dialect.aux_stride[self.imagenet], "aux", valid=True)
        index = draft.norm(draft.conv(index, "aux.conv_1", 128), "aux.norm_1")
        index = draft.relu(index, "aux")
        index = draft.conv(index, "aux.conv_2", 768, draft.shapes[index][1:], valid=True)
        if self.dialect.aux_norm[self.imagenet]:
            index = draft.norm(index, "aux.norm_2")
        index = draft.relu(index, "aux")
        return _Piece(draft, draft.linear(index, "aux.linear", self.classes, self.dialect.head_bias))

    # Together

    def blueprint(self) -> Blueprint:
        live = self._live()
        placements = self._placements(live)
        return Blueprint(
            self.image_shape,
            self.classes,
            sum(placement.params for placement in placements),
            sum(placement.macs for placement in placements),
            self.aux.draft.params if self.aux else 0,
            placements,
            self.dialect.norm_eps[self.imagenet],
            round(1 - self.skeleton.norm_decay, 6),
            self.dialect.init,
            lambda: self._expand(live),
        )

    def _placements(self, live: list[bool]) -> tuple[Placement, ...]:
        stem, head = self.stem.draft, self.head.draft
        placements = [
            Placement(
                "stem", 1, stem.shapes[self.stem.output][0], (self.image_shape,), stem.shapes[self.stem.output],
                stem.params, stem.macs, {}, "stem",
            )
        ]  # fmt: skip
        counts = {"normal": 0, "reduction": 0}
        offset = len(self.shapes) - len(self.placed)
        for position, placed in enumerate(self.placed):
            counts[placed.kind] += 1
            draft, nodes, params, macs = placed.draft, placed.draft.nodes, placed.draft.params, placed.draft.macs
            if not live[position + offset]:
                params = macs = 0
                nodes = {name: cost._replace(params=0, macs=0) for name, cost in nodes.items()}
            inputs = (self.shapes[placed.older], self.shapes[placed.newer])
            placements.append(
                Placement(
                    placed.kind, counts[placed.kind], placed.filters, inputs, draft.shape, params, macs, nodes,
                    f"cells.{position}",
                )
            )  # fmt: skip
        shape = (self.classes, 1, 1)
        head_cost = (head.params, head.macs, {}, "head")
        placements.append(Placement("head", 1, self.shapes[-1][0], (self.shapes[-1],), shape, *head_cost))
        return tuple(placements)

    def _expand(self, live: list[bool]) -> Graph:
        layers = _Layers(self.image_shape)
        stem = layers.extend(self.stem.draft.layers, [0])
        outputs = [stem[index] for index in self.stem_outputs]
        offset = len(outputs)
        for position, placed in enumerate(self.placed):
            if not live[position + offset]:
                outputs.append(-1)
                continue
            depth = (position + 1) / len(self.placed) if self.dialect.drop_path_by_depth else 1.0
            inputs = [outputs[placed.older], outputs[placed.newer]]
            indices = layers.extend(placed.draft.layers, inputs, f"cells.{position}.", depth)
            outputs.append(indices[placed.draft.output])
        logits = layers.extend(self.head.draft.layers, [outputs[-1]])[self.head.output]
        aux = None
        if self.aux:
            aux = layers.extend(self.aux.draft.layers, [outputs[self.aux_at]])[self.aux.output]
        return Graph(tuple(layers.layers), logits, aux, self._features(outputs))

    def _features(self, outputs: list[int]) -> tuple[Feature, ...]:
        """The last map of each resolution."""
        last = {}
        for shape, index in zip(self.shapes, outputs, strict=True):
            if index >= 0:
                last[shape[1:]] = Feature(index, shape[0], round(self.image_shape[1] / shape[1]))
        return tuple(last.values())


class _Layers:
    """The flat list: drafts are appended under their scope, their indices moved, equal ReLUs across cells shared."""

    def __init__(self, image_shape: Shape):
        self.layers: list[Layer] = [Layer("image", "image", (), image_shape, {})]
        self.relus: dict[int, int] = {}

    def extend(self, draft: Sequence[Layer], inputs: list[int], scope: str = "", depth: float = 1.0) -> list[int]:
        """Append; returns where each of the draft's layers (its inputs first) ended up."""
        indices = list(inputs)
        for name, kind, sources, shape, options in draft:
            moved = tuple(indices[source] for source in sources)
            if kind == "relu" and moved[0] in self.relus:
                indices.append(self.relus[moved[0]])
                continue
            if kind == "drop_path":
                options = {"depth": depth}
            elif kind == "relu":
                self.relus[moved[0]] = len(self.layers)
            indices.append(len(self.layers))
            self.layers.append(Layer(scope + name, kind, moved, shape, options))
        return indices
