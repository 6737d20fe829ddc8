"""The layer-wise space of the first NAS paper (Zoph and Le 2017, section 3): a convolutional network described layer by
layer, any earlier layer a possible input of a later one."""

from dataclasses import dataclass

from nas_engine.architecture import ANCHOR, GIVEN, Architecture, Choice
from nas_engine.cell import Node, frozen_options
from nas_engine.config import setting
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import GraphCell
from nas_engine.search_spaces.base import SearchSpace

SIDES = ("1", "3", "5", "7")
POOL = 2
NO_YES = ("no", "yes")


@dataclass(frozen=True)
class NASConfig:
    """What every layer chooses from; the defaults are the paper's, with the depth its search starts at."""

    layers: int = setting(6, "Layers", minimum=2, maximum=40, help="Of convolutions, at most.")
    pools: int = setting(
        0,
        "Pooling layers",
        minimum=0,
        maximum=4,
        help="2×2, spread evenly, each halves the map.",
    )
    skips: bool = setting(True, "Skip connections", help="Any earlier layer may be an input. Off: a chain.")
    heights: tuple[str, ...] = setting(SIDES, "Filter heights", options=SIDES)
    widths: tuple[str, ...] = setting(SIDES, "Filter widths", options=SIDES)
    filters: tuple[str, ...] = setting(
        ("24", "36", "48", "64"), "Filters", options=("4", "8", "16", "24", "36", "48", "64", "96", "128")
    )
    strides: tuple[str, ...] = setting(
        ("1",), "Strides", options=("1", "2", "3"), help="1 in the paper’s first and last search, all three in another."
    )
    start: int = setting(
        0,
        "Layers at first",
        minimum=0,
        maximum=40,
        advanced=True,
        help="0: all from the start. The paper begins with 6.",
    )
    grow_by: int = setting(2, "Layers added", minimum=1, maximum=40, advanced=True, help="Each time the depth grows.")
    grow_every: int = setting(
        1600, "Grow every", minimum=1, maximum=1_000_000, unit="trials", advanced=True, help="1,600 in the paper."
    )

    def __post_init__(self):
        empty = [name for name in ("heights", "widths", "filters", "strides") if not getattr(self, name)]
        if empty:
            raise ConfigError(dict.fromkeys(empty, "Choose at least one."))
        if self.pools >= self.layers:
            raise ConfigError(f"{self.layers} layers have room for {self.layers - 1} pooling layers between.", "pools")
        if self.start == 1 or self.start > self.layers:
            raise ConfigError(f"Begin with 2 to {self.layers} layers, or 0 for all of them.", "start")

    @property
    def depths(self) -> tuple[int, ...]:
        """The depths that are searched, one after another."""
        if not self.start:
            return (self.layers,)
        return (*range(self.start, self.layers, self.grow_by), self.layers)


class NASSpace(SearchSpace):
    """For each layer: filter height, filter width, number of filters, stride; from the second layer on an anchor point, one
    yes or no for every earlier layer. Where the depth grows, a first decision holds it: it is given, not chosen.

    The paper's repair rules: a layer without input takes the image; inputs are concatenated along the channels, smaller ones
    zero-padded; outputs that nothing reads are concatenated before the classifier.
    """

    name = "nas"
    family = "nas"
    skeleton_fields = ("dropout", "norm_decay")

    def __init__(self, config: NASConfig):
        self.config = config
        choices = [Choice("network.depth", tuple(map(str, config.depths)), GIVEN)] if config.start else []
        for layer in range(1, config.layers + 1):
            choices += self._layer_choices(layer)
        self.choices = tuple(choices)

    def _layer_choices(self, layer: int) -> list[Choice]:
        options = {
            "height": self.config.heights, "width": self.config.widths, "filters": self.config.filters,
            "stride": self.config.strides,
        }  # fmt: skip
        made = [Choice(f"layer {layer}.{name}", values) for name, values in options.items()]
        if self.config.skips:
            made += [Choice(f"layer {layer}.from {earlier}", NO_YES, ANCHOR) for earlier in range(1, layer)]
        return made

    def fitted(self, architecture: Architecture, number: int) -> Architecture:
        """With the depth that trial ``number`` has: two layers more, say, every 1,600 trials."""
        if not self.config.start:
            return architecture
        step = min(number // self.config.grow_every, len(self.config.depths) - 1)
        return Architecture(architecture.space, (step, *architecture.choices[1:]))

    def matters(self, architecture: Architecture) -> tuple[bool, ...]:
        """Whether each decision does: not the depth, which is given, nor those of layers beyond it."""
        if not self.config.start:
            return (True,) * len(self.choices)
        depth = self.config.depths[architecture.choices[0]]
        return (False, *(int(choice.name.split(".")[0].split()[1]) <= depth for choice in self.choices[1:]))

    def cells(self, architecture: Architecture) -> tuple[GraphCell, ...]:
        """The network as one graph. Raises ConfigError if the architecture is not of this space."""
        self.check(architecture)
        pairs = zip(self.choices, architecture.choices, strict=True)
        taken = {choice.name: choice.options[index] for choice, index in pairs}
        depth = int(taken.get("network.depth", self.config.layers))
        pooled = {round(depth * at / (self.config.pools + 1)) for at in range(1, self.config.pools + 1)}
        nodes, outputs = [Node("s0", "input")], {0: "s0"}
        for layer in range(1, depth + 1):
            inputs = tuple(outputs[earlier] for earlier in self._inputs(layer, taken)) or ("s0",)
            nodes.append(Node(f"layer{layer}", "op", inputs, "conv", options=self._options(layer, taken)))
            if layer in pooled:
                options = frozen_options({"kernel": (POOL, POOL), "stride": POOL})
                nodes.append(Node(f"pool{layer}", "op", (nodes[-1].id,), "max_pool", options=options))
            outputs[layer] = nodes[-1].id
        return (GraphCell("network", (*nodes, *_ending(nodes)), self.family),)

    def repairs(self, architecture: Architecture) -> tuple[str, ...]:
        """Where section 3.3's rules come in: no input chosen, outputs that nothing reads, maps of several sizes."""
        nodes = self.cells(architecture)[0].nodes
        said, scales = [], {"s0": 1}
        for node in nodes[1:]:
            name, options = _spoken(node.id), dict(node.options)
            if node.operation == "conv" and node.inputs == ("s0",) and node.id != "layer1" and self.config.skips:
                said.append(f"{name} has no layer as input: it reads the image.")
            if len({scales[source] for source in node.inputs}) > 1:
                reader = "Before the classifier" if node.id == "concat" else f"In front of {name.lower()}"
                said.append(f"{reader} maps of several sizes meet: the smaller ones are padded with zeros.")
            if node.id == "concat":
                loose = [_spoken(source).lower() for source in node.inputs]
                said.append(
                    f"No layer reads {', '.join(loose[:-1])} and {loose[-1]}: their outputs are stacked at the end."
                )
            scales[node.id] = min(scales[source] for source in node.inputs) * options.get("stride", 1)
        return tuple(said)

    def _inputs(self, layer: int, taken: dict[str, str]) -> list[int]:
        if not self.config.skips:
            return [layer - 1]
        return [earlier for earlier in range(1, layer) if taken[f"layer {layer}.from {earlier}"] == "yes"]

    def _options(self, layer: int, taken: dict[str, str]) -> tuple:
        height, width, filters, stride = (
            int(taken[f"layer {layer}.{name}"]) for name in ("height", "width", "filters", "stride")
        )
        return frozen_options({"kernel": (height, width), "filters": filters, "stride": stride})


def _spoken(node: str) -> str:
    """ "Layer 3" of "layer3", "Pool 3" of "pool3"."""
    letters = node.rstrip("0123456789")
    return f"{letters.capitalize()} {node[len(letters) :]}".rstrip()


def _ending(nodes: list[Node]) -> tuple[Node, ...]:
    """What nothing reads is stacked, if there are several, and is the output."""
    read = {source for node in nodes for source in node.inputs}
    loose = tuple(node.id for node in nodes if node.id not in read)
    if len(loose) == 1:
        return (Node("out", "output", loose),)
    return Node("concat", "concat", loose), Node("out", "output", ("concat",))
