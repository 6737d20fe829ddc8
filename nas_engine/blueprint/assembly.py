"""Assembling a network part by part, with the costs of each part and of each node of its cell: for families whose cells
follow one another without NASNet's stacking rules."""

from collections.abc import Iterator
from contextlib import contextmanager

from nas_engine.blueprint.blueprint import Blueprint, Feature, Graph, NodeCost, Placement
from nas_engine.blueprint.draft import Draft, Layer, Shape
from nas_engine.errors import ConfigError
from nas_engine.protocol import SkeletonConfig


class Part:
    """One placement while it is drafted. ``output`` is the layer it ends in; set it before the part ends."""

    def __init__(self, draft: Draft, source: int):
        self.draft, self.output = draft, source
        self.nodes: dict[str, NodeCost] = {}

    @contextmanager
    def node(self, name: str, source: int, stride: int = 1) -> Iterator["Node"]:
        """Books what is drafted inside on the node ``name``, which reads layer ``source``; its result must be set as
        ``output``."""
        draft, node = self.draft, Node(source)
        params, macs = draft.params, draft.macs
        yield node
        shapes = draft.shapes[source], draft.shapes[node.output]
        self.nodes[name] = NodeCost(draft.params - params, draft.macs - macs, *shapes, stride)

    def free(self, name: str, layer: int) -> None:
        """A node that costs nothing: an input, an output, a sum."""
        shape = self.draft.shapes[layer]
        self.nodes[name] = NodeCost(0, 0, shape, shape)


class Node:
    """What a node gives: the index of a layer."""

    def __init__(self, output: int):
        self.output = output


class Assembly:
    """A network on images of ``image_shape`` (channels, height, width), drafted in one piece: layer 0 is the image.

    Raises ConfigError where there is no image or no class.
    """

    def __init__(self, image_shape: Shape, classes: int, *, same_padding: bool = True):
        if min(image_shape) < 1:
            raise ConfigError("Images need a channel and a pixel at least.", "image_shape")
        if classes < 1:
            raise ConfigError("There must be a class.", "classes")
        self.image_shape, self.classes = tuple(image_shape), classes
        self.draft = Draft((self.image_shape,), same_padding)
        self.placements: list[Placement] = []
        self._maps: list[int] = []

    @contextmanager
    def part(self, kind: str, source: int, *, name: str = "") -> Iterator[Part]:
        """A placement that reads layer ``source``. ``kind`` is stem, head or the kind of its cell."""
        draft, part = self.draft, Part(self.draft, source)
        params, macs = draft.params, draft.macs
        yield part
        shape = draft.shapes[part.output]
        number = 1 + sum(placed.kind == kind for placed in self.placements)
        self.placements.append(
            Placement(
                kind, number, draft.shapes[part.output if kind != "head" else source][0], (draft.shapes[source],), shape,
                draft.params - params, draft.macs - macs, part.nodes, name or kind,
            )
        )  # fmt: skip
        if kind != "head":
            self._maps.append(part.output)

    def head(
        self, source: int, skeleton: SkeletonConfig, channels: int = 0, *, before: bool = False, bias: bool = True
    ) -> int:
        """The classifier: with ``channels``, a 1x1 convolution to as many, batch norm and ReLU (the ReLU first with
        ``before``); global pooling, dropout, linear. Returns the layer of the logits."""
        draft = self.draft
        with self.part("head", source) as part:
            index = source
            if channels and before:
                index = draft.conv_norm(index, "head", channels)
            elif channels:
                index = draft.relu(draft.conv_norm(index, "head", channels, relu=False), "head")
            index = draft.global_pool(index, "head")
            if skeleton.dropout:
                index = draft.dropout(index, skeleton.dropout, "head")
            part.output = draft.linear(index, "head.linear", self.classes, bias)
        return part.output

    def blueprint(self, logits: int, skeleton: SkeletonConfig, *, norm_eps: float, init: str) -> Blueprint:
        draft = self.draft
        layers = (Layer("image", "image", (), self.image_shape, {}), *draft.layers)
        graph = Graph(layers, logits, None, self._features())
        return Blueprint(
            self.image_shape, self.classes, draft.params, draft.macs, 0, tuple(self.placements), norm_eps,
            round(1 - skeleton.norm_decay, 6), init, lambda: graph,
        )  # fmt: skip

    def _features(self) -> tuple[Feature, ...]:
        """The last map of each resolution."""
        last = {}
        for index in self._maps:
            channels, *size = self.draft.shapes[index]
            last[tuple(size)] = Feature(index, channels, round(self.image_shape[1] / size[0]))
        return tuple(last.values())


def refuse_aux(aux: bool) -> None:
    """Raises ConfigError where an auxiliary head is asked of a family that has none."""
    if aux:
        raise ConfigError("Networks of this space have no auxiliary head; switch it off.", "aux")
