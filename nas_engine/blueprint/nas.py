"""The networks of the layer-wise space: convolution, batch norm, ReLU in every layer, wired as the graph says (Zoph and Le
2017, section 3.3)."""

from collections.abc import Sequence

from nas_engine.blueprint.assembly import Assembly, refuse_aux
from nas_engine.blueprint.blueprint import Blueprint
from nas_engine.blueprint.draft import Draft, Shape
from nas_engine.cell import Node
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import GraphCell
from nas_engine.protocol import SkeletonConfig


def draft_nas(
    cells: Sequence[GraphCell], skeleton: SkeletonConfig, image_shape: Shape, classes: int, aux: bool = False
) -> Blueprint:
    """The network of the one graph in ``cells``. Raises ConfigError for an auxiliary head, which it has none of."""
    refuse_aux(aux)
    network = Assembly(image_shape, classes)
    draft = network.draft
    (cell,) = cells
    layers: dict[str, int] = {}
    with network.part(cell.kind, 0) as part:
        for node in cell.nodes:
            if node.kind == "input":
                layers[node.id] = 0
                part.free(node.id, 0)
                continue
            source = _joined(draft, [layers[one] for one in node.inputs], node.id)
            if node.kind == "op":
                with part.node(node.id, source, node.option("stride", 1)) as made:
                    made.output = _operation(draft, node, source, cell.kind)
                source = made.output
            else:
                part.free(node.id, source)
            layers[node.id] = part.output = source
    logits = network.head(part.output, skeleton)
    return network.blueprint(logits, skeleton, norm_eps=1e-5, init="he_fan_out")


def _joined(draft: Draft, sources: list[int], scope: str) -> int:
    """Concatenated along the channels, smaller maps with zeros around them."""
    size = tuple(max(draft.shapes[source][axis] for source in sources) for axis in (1, 2))
    return draft.concat(tuple(draft.pad(source, size, f"{scope}.{source}") for source in sources), scope)


def _operation(draft: Draft, node: Node, source: int, kind: str) -> int:
    stride = node.option("stride", 1)
    if node.operation == "max_pool":
        return draft.pool(source, "max", node.option("kernel")[0], stride, node.id)
    if node.operation != "conv":
        raise ConfigError(f"The layer-wise space has no operation {node.operation!r}.", f"{kind}.{node.id}")
    index = draft.conv(source, f"{node.id}.conv", node.option("filters"), node.option("kernel"), (stride, stride))
    return draft.relu(draft.norm(index, f"{node.id}.norm"), node.id)
