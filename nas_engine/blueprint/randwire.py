"""RandWire's networks: random graphs as stages between a stem and a head (Xie et al. 2019, sections 3.2 and 3.4, table 1).

A node sums its inputs, each times the sigmoid of a learned weight, and applies ReLU, a 3x3 depthwise and a 1x1 convolution
with nothing in between, and batch norm. A sum of one input has no weight. Nodes that read the stage's input have its
stride and change the channels. The "imagenet" skeleton is the paper's, of the small regime for three stages and of the
regular one for four; its first convolutions are plain and without bias, which is what the published costs come to. The
"cifar" skeleton is ours, for small images: the first stage keeps the resolution, and the last block is as wide as C asks.
"""

from collections.abc import Sequence

from nas_engine.blueprint.assembly import Assembly, Part, refuse_aux
from nas_engine.blueprint.blueprint import Blueprint
from nas_engine.blueprint.draft import Shape
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import GraphCell
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_spaces.randwire import OPERATION, STAGES

HEAD = 1280
HEAD_SHARE = 16  # 1280 channels at C = 78 are about as many times C


def draft_randwire(
    cells: Sequence[GraphCell], skeleton: SkeletonConfig, image_shape: Shape, classes: int, aux: bool = False
) -> Blueprint:
    """The network of RandWire ``cells``, one for each stage: C, 2C, 4C (and 8C) channels wide, C being
    ``skeleton.filters``. Raises ConfigError for an auxiliary head, which it has none of."""
    refuse_aux(aux)
    if len(cells) not in STAGES.values():
        raise ConfigError("A RandWire network has 3 random stages, or 4 in the regular regime.", "cells")
    network = Assembly(image_shape, classes, same_padding=False)
    imagenet, channels = skeleton.kind == "imagenet", skeleton.filters
    with network.part("stem", 0) as part:
        part.output = _stem(network, channels, imagenet, plain=len(cells) == STAGES["small"])
    for number, cell in enumerate(cells, start=1):
        stride = 2 if imagenet or number > 1 else 1
        with network.part(cell.kind, part.output, name=f"stages.{number}") as part:
            part.output = _stage(network, part, cell, channels, stride, f"stages.{number}")
        channels *= 2
    wide = HEAD if imagenet else HEAD_SHARE * skeleton.filters
    logits = network.head(part.output, skeleton, wide, before=True)
    return network.blueprint(logits, skeleton, norm_eps=1e-5, init="torch")


def _stem(network: Assembly, channels: int, imagenet: bool, plain: bool) -> int:
    """conv1 and, in the small regime, conv2."""
    draft, half = network.draft, max(1, channels // 2)
    if not imagenet:
        return draft.norm(draft.conv(0, "stem.conv_1", channels, (3, 3)), "stem.norm_1")
    index = draft.norm(draft.conv(0, "stem.conv_1", half, (3, 3), (2, 2)), "stem.norm_1")
    if plain:
        index = draft.conv(draft.relu(index, "stem"), "stem.conv_2", channels, (3, 3), (2, 2))
        index = draft.norm(index, "stem.norm_2")
    return index


def _stage(network: Assembly, part: Part, cell: GraphCell, channels: int, stride: int, scope: str) -> int:
    draft, layers, edge_drop = network.draft, {"s0": part.output}, cell.option("edge_drop", 0.0)
    part.free("s0", part.output)
    for node in cell.nodes:
        inputs = tuple(layers[one] for one in node.inputs)
        if node.kind == "op" and node.operation == OPERATION:
            at, step = f"{scope}.{node.id}", stride if node.inputs == ("s0",) else 1
            with part.node(node.id, inputs[0], step) as made:
                index = draft.weighted_sum(inputs, f"{at}.sum", edge_drop) if len(inputs) > 1 else inputs[0]
                index = draft.relu(index, at)
                before = draft.shapes[index][0]
                index = draft.conv(index, f"{at}.depthwise", before, (3, 3), (step, step), depthwise=True)
                made.output = draft.norm(draft.conv(index, f"{at}.pointwise", channels), f"{at}.norm")
            layers[node.id] = made.output
        elif node.kind == "output":
            layers[node.id] = draft.mean(inputs, f"{scope}.{node.id}")
            part.free(node.id, layers[node.id])
        elif node.kind != "input" or node.id not in layers:
            raise ConfigError(f"{node.id} is no node of a RandWire stage.", f"{cell.kind}.{node.id}")
    return layers["out"]
