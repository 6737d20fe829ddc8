"""MnasNet's networks: a stem, blocks of equal layers one after another, a head (Tan et al. 2019, sections 4 and 5; released
code of the authors, tensorflow/tpu models/official/mnasnet).

The first cell's options name the stem's filters and stride, the last one's the channels before the classifier.
"""

from collections.abc import Sequence

from nas_engine.blueprint.assembly import Assembly, Part, refuse_aux
from nas_engine.blueprint.blueprint import Blueprint
from nas_engine.blueprint.draft import Shape
from nas_engine.cell import Node
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import GraphCell
from nas_engine.protocol import SkeletonConfig

NORM_EPS = 1e-3


def draft_mnasnet(
    cells: Sequence[GraphCell], skeleton: SkeletonConfig, image_shape: Shape, classes: int, aux: bool = False
) -> Blueprint:
    """The network of MnasNet ``cells``, a block each. Raises ConfigError for an auxiliary head, which it has none of."""
    refuse_aux(aux)
    network = Assembly(image_shape, classes)
    draft = network.draft
    with network.part("stem", 0) as part:
        stride = cells[0].option("stem_stride", 2)
        conv = draft.conv(0, "stem.conv", cells[0].option("stem", 32), (3, 3), (stride, stride))
        part.output = draft.relu(draft.norm(conv, "stem.norm"), "stem")
    for number, cell in enumerate(cells, start=1):
        with network.part(cell.kind, part.output, name=f"blocks.{number}") as part:
            part.output = _Block(network, part, cell, f"blocks.{number}").output()
    logits = network.head(part.output, skeleton, cells[-1].option("head", 1280))
    return network.blueprint(logits, skeleton, norm_eps=NORM_EPS, init="he_fan_out")


class _Block:
    def __init__(self, network: Assembly, part: Part, cell: GraphCell, scope: str):
        self.draft, self.part, self.cell, self.scope = network.draft, part, cell, scope
        self.layers: dict[str, int] = {}

    def output(self) -> int:
        source = self.part.output
        for node in self.cell.nodes:
            if node.kind == "op":
                self.layers[node.id] = self._operation(node)
                continue
            if node.kind == "input":
                index = source
            elif node.kind == "add":
                index = self.draft.add(*(self.layers[one] for one in node.inputs), f"{self.scope}.{node.id}")
            else:
                index = self.layers[node.inputs[0]]
            self.layers[node.id] = index
            self.part.free(node.id, index)
        return index

    def _operation(self, node: Node) -> int:
        source, stride = self.layers[node.inputs[0]], node.option("stride", 1)
        build = {
            "conv": self._conv,
            "separable": self._bottleneck,
            "inverted_bottleneck": self._bottleneck,
            "avg_pool": self._pool,
        }.get(node.operation)
        if build is None:
            raise ConfigError(f"MnasNet has no operation {node.operation!r}.", f"{self.cell.kind}.{node.id}")
        with self.part.node(node.id, source, stride) as made:
            made.output = build(node, source, f"{self.scope}.{node.id}")
        return made.output

    def _pool(self, node: Node, source: int, scope: str) -> int:
        return self.draft.pool(source, "avg", node.option("kernel")[0], node.option("stride", 1), scope)

    def _conv(self, node: Node, source: int, scope: str) -> int:
        stride = node.option("stride", 1)
        index = self.draft.conv(
            source, f"{scope}.conv", node.option("filters"), node.option("kernel"), (stride, stride)
        )
        index = self.draft.relu(self.draft.norm(index, f"{scope}.norm"), scope)
        return self._squeezed(node, source, index, scope)

    def _bottleneck(self, node: Node, source: int, scope: str) -> int:
        """(1x1 to more channels, norm, ReLU,) depthwise, norm, ReLU, (squeeze-and-excitation,) 1x1, norm."""
        draft, index, stride = self.draft, source, node.option("stride", 1)
        channels = draft.shapes[source][0]
        expansion = node.option("expansion", 1)
        if expansion != 1:
            index = draft.conv(index, f"{scope}.expand", channels * expansion)
            index = draft.relu(draft.norm(index, f"{scope}.expand_norm"), scope)
        channels = draft.shapes[index][0]
        index = draft.conv(
            index, f"{scope}.depthwise", channels, node.option("kernel"), (stride, stride), depthwise=True
        )
        index = draft.relu(draft.norm(index, f"{scope}.depthwise_norm"), scope)
        index = self._squeezed(node, source, index, scope)
        index = draft.conv(index, f"{scope}.project", node.option("filters"))
        return draft.norm(index, f"{scope}.project_norm")

    def _squeezed(self, node: Node, source: int, index: int, scope: str) -> int:
        """Squeeze-and-excitation (Hu et al. 2018): narrowed to a share of the channels that the layer was given."""
        ratio = node.option("squeeze", 0)
        if not ratio:
            return index
        draft = self.draft
        narrow = max(1, int(draft.shapes[source][0] * ratio))
        factors = draft.conv(draft.global_pool(index, scope), f"{scope}.squeeze", narrow, bias=True)
        factors = draft.conv(draft.relu(factors, scope), f"{scope}.excite", draft.shapes[index][0], bias=True)
        return draft.scale(index, draft.sigmoid(factors, scope), scope)
