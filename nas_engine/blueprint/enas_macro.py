"""ENAS' whole networks: the fixed network that an architecture ends up in, and the supernet it is searched with (Pham et al.
2018; released code, general_child).

Searching, every operation is a 1x1 convolution and the operation, each followed by norm and ReLU; skips are added and the
sum normed; filters stay. In the fixed network ReLU comes before the convolutions, skips are concatenated and go through a
1x1, and filters double where the resolution is halved. Both halve after a third and after two thirds of the layers, by
factorized reductions of every map that is stored. The released fixed network has no poolings (it leaves them out by
mistake) and builds separable convolutions as dense ones; here poolings follow their 1x1, and dense ones are an option.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from nas_engine.blueprint.assembly import Assembly, Part, refuse_aux
from nas_engine.blueprint.blueprint import Blueprint
from nas_engine.blueprint.draft import Draft, Shape
from nas_engine.blueprint.supernet import Piece, draft_piece
from nas_engine.cell import Node
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import GraphCell
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_spaces.enas_macro import OPERATIONS

NORM_EPS = 1e-5
INIT = "he_normal"


def reduction_layers(layers: int) -> tuple[int, int]:
    """The layers (from 0) after which the resolution is halved."""
    return layers // 3 - 1, 2 * (layers // 3) - 1


def draft_enas_macro(
    cells: Sequence[GraphCell], skeleton: SkeletonConfig, image_shape: Shape, classes: int, aux: bool = False
) -> Blueprint:
    """The fixed network of one graph (:class:`nas_engine.search_spaces.enas_macro.ENASMacroSpace`) with
    ``skeleton.filters`` filters at first. Raises ConfigError for an auxiliary head, which is not offered."""
    refuse_aux(aux)
    if len(cells) != 1:
        raise ConfigError("An ENAS network is one graph.", "cells")
    return _Network(cells[0], skeleton, image_shape, classes).blueprint()


class _Network:
    def __init__(self, cell: GraphCell, skeleton: SkeletonConfig, image_shape: Shape, classes: int):
        self.cell, self.skeleton, self.filters = cell, skeleton, skeleton.filters
        self.network = Assembly(image_shape, classes)
        self.draft = self.network.draft
        self.maps: dict[str, int] = {}

    def blueprint(self) -> Blueprint:
        network, draft = self.network, self.draft
        with network.part("stem", 0) as part:
            part.output = draft.norm(draft.conv(0, "stem.conv", self.filters, (3, 3)), "stem.norm")
        stored = {"s0": part.output}
        operations = [node for node in self.cell.nodes if node.kind == "op"]
        halved = {operations[at].id for at in reduction_layers(len(operations)) if at >= 0}
        with network.part("network", part.output, name="network") as part:
            part.free("s0", part.output)
            self._layers(part, stored, halved)
        logits = network.head(part.output, self.skeleton, bias=False)
        return network.blueprint(logits, self.skeleton, norm_eps=NORM_EPS, init=INIT)

    def _layers(self, part: Part, stored: dict[str, int], halved: set[str]) -> None:
        """``stored`` maps the nodes that skips and layers may read to what they are at the present resolution."""
        due = False
        for node in self.cell.nodes:
            if node.kind == "input":
                continue
            if node.kind == "op":
                if due:
                    self._halve(stored)
                    due = False
                with part.node(node.id, stored[node.inputs[0]]) as made:
                    made.output = self._operation(node, stored[node.inputs[0]])
                result, ends = made.output, node.id
            elif node.kind == "cat":
                with part.node(node.id, result) as made:
                    inputs = tuple(result if one == ends else stored[one] for one in node.inputs)
                    joined = self.draft.concat(inputs, f"network.{node.id}")
                    made.output = self.draft.conv_norm(joined, f"network.{node.id}", self.filters)
                result = made.output
            else:
                part.output = stored[node.inputs[0]]
                part.free(node.id, part.output)
                continue
            stored[node.id] = result
            due = due or ends in halved

    def _halve(self, stored: dict[str, int]) -> None:
        """All stored maps, once the layer's own is among them; an operation that was joined is not stored itself."""
        self.filters *= 2
        joined = {source for node in self.cell.nodes if node.kind == "cat" for source in node.inputs[-1:]}
        for name in [one for one in stored if one not in joined]:
            scope = f"network.{name}.halved.{self.filters}"
            stored[name] = self.draft.factorized_reduction(stored[name], scope, self.filters, relu=False)

    def _operation(self, node: Node, source: int) -> int:
        draft, scope, (side, _) = self.draft, f"network.{node.id}", node.option("kernel")
        index = draft.conv_norm(source, f"{scope}.before", self.filters)
        if node.operation in ("avg_pool", "max_pool"):
            return draft.pool(index, node.operation[:3], side, 1, scope)
        if node.operation not in ("conv", "separable"):
            raise ConfigError(f"ENAS has no operation {node.operation!r}.", f"{self.cell.kind}.{node.id}")
        index = draft.relu(index, scope)
        if node.operation == "conv" or self.cell.option("dense_separable", False):
            return draft.norm(draft.conv(index, f"{scope}.conv", self.filters, (side, side)), f"{scope}.norm")
        index = draft.conv(index, f"{scope}.depthwise", self.filters, (side, side), depthwise=True)
        return draft.norm(draft.conv(index, f"{scope}.pointwise", self.filters), f"{scope}.norm")


# The supernet


@dataclass(frozen=True)
class MacroPlan:
    """Every layer with all its operations: ``layers[n][operation]``; ``joins[n]`` the norm behind its skips (None for the
    first); ``halvings[n]`` the factorized reductions of all maps stored after layer n, in order, if it is followed by any.
    """

    skeleton: SkeletonConfig
    image_shape: Shape
    classes: int
    stem: Piece
    layers: tuple[dict[str, Piece], ...]
    joins: tuple[Piece | None, ...]
    halvings: dict[int, tuple[Piece, ...]]
    head: Piece
    norm_eps: float = NORM_EPS
    init: str = INIT

    @cached_property
    def params(self) -> int:
        return self._total("params")

    @cached_property
    def macs(self) -> int:
        """Of one image through everything."""
        return self._total("macs")

    def _total(self, cost: str) -> int:
        pieces = [self.stem, self.head, *(one for one in self.joins if one)]
        pieces += [piece for layer in self.layers for piece in layer.values()]
        pieces += [piece for halving in self.halvings.values() for piece in halving]
        return sum(getattr(piece, cost) for piece in pieces)


def draft_macro_supernet(skeleton: SkeletonConfig, layers: int, image_shape: Shape, classes: int) -> MacroPlan:
    """The supernet of ``layers`` layers with ``skeleton.filters`` filters throughout."""
    filters, shape = skeleton.filters, (skeleton.filters, *image_shape[1:])
    stem = draft_piece(image_shape, lambda draft: draft.norm(draft.conv(0, "stem.conv", filters, (3, 3)), "stem.norm"))
    made, joins, halvings = [], [], {}
    for layer in range(layers):
        made.append({name: draft_piece(shape, lambda draft, name=name: _branch(draft, name)) for name in OPERATIONS})
        joins.append(draft_piece(shape, lambda draft: draft.norm(0, "join.norm")) if layer else None)
        if layer in reduction_layers(layers):
            halving = draft_piece(shape, lambda draft: draft.factorized_reduction(0, "halve", filters, relu=False))
            halvings[layer] = (halving,) * (layer + 2)
            shape = halving.shape

    def head(draft: Draft) -> int:
        index = draft.global_pool(0, "head")
        if skeleton.dropout:
            index = draft.dropout(index, skeleton.dropout, "head")
        return draft.linear(index, "head.linear", classes, bias=False)

    return MacroPlan(
        skeleton, image_shape, classes, stem, tuple(made), tuple(joins), halvings, draft_piece(shape, head)
    )


def _branch(draft: Draft, name: str) -> int:
    """1x1 convolution, norm, ReLU; then the operation, with norm and ReLU unless it is a pooling."""
    operation, side = OPERATIONS[name]
    channels = draft.shapes[0][0]
    index = draft.relu(draft.conv_norm(0, f"{name}.before", channels, relu=False), f"{name}.before")
    if operation.endswith("pool"):
        return draft.pool(index, operation[:3], side, 1, name)
    if operation == "conv":
        index = draft.conv(index, f"{name}.conv_2", channels, (side, side))
    else:
        index = draft.conv(index, f"{name}.depthwise", channels, (side, side), depthwise=True)
        index = draft.conv(index, f"{name}.pointwise", channels)
    return draft.relu(draft.norm(index, f"{name}.norm_2"), name)
