"""The whole-network space of ENAS' macro search (Pham et al. 2018, section 2.3; details from its released code)."""

from dataclasses import dataclass

from nas_engine.architecture import Architecture, Choice
from nas_engine.cell import Node, frozen_options
from nas_engine.config import setting
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import GraphCell
from nas_engine.search_spaces.base import SearchSpace

FAMILY = "enas_macro"
# Name in the space -> (operation of the graph, side of its kernel), in the order of the released code's ids.
OPERATIONS = {
    "conv_3x3": ("conv", 3),
    "sep_conv_3x3": ("separable", 3),
    "conv_5x5": ("conv", 5),
    "sep_conv_5x5": ("separable", 5),
    "avg_pool_3x3": ("avg_pool", 3),
    "max_pool_3x3": ("max_pool", 3),
}
_SKIPS = ("no", "yes")


@dataclass(frozen=True)
class ENASMacroConfig:
    """The knobs of the space."""

    layers: int = setting(
        12, "Layers", minimum=3, maximum=48, help="12 in the released search, 24 in its final network."
    )
    dense_separable: bool = setting(
        False,
        "Dense for separable",
        advanced=True,
        help="Build separable convolutions as dense ones, as the released final network does.",
    )


@dataclass(frozen=True)
class Layer:
    """``operation`` names one of the space; ``skips`` are the stored maps that are joined to its result: 0 is the stem's,
    n that of layer n."""

    operation: str
    skips: tuple[int, ...]


class ENASMacroSpace(SearchSpace):
    """For each layer an operation, then for each map stored before its input (the stem's and all layers' but the last)
    whether it is joined to the result: L + L (L - 1) / 2 decisions, 1.6e29 networks of 12 layers."""

    name = "enas_macro"
    family = FAMILY
    skeleton_fields = ("filters", "dropout", "norm_decay")

    def __init__(self, config: ENASMacroConfig):
        self.config = config
        self.choices = tuple(choice for layer in range(config.layers) for choice in _layer_choices(layer))

    def part_of(self, node: str) -> str:
        """ "l7" and "j7", a layer's operation and what is joined to it, are its layer 7."""
        return f"layer{node[1:]}" if node[:1] in "lj" and node[1:].isdecimal() else node

    def layers(self, architecture: Architecture) -> tuple[Layer, ...]:
        """Layer by layer. Raises ConfigError if the architecture is not of this space."""
        self.check(architecture)
        layers, at, names = [], 0, tuple(OPERATIONS)
        for layer in range(self.config.layers):
            operation, skips = architecture.choices[at], architecture.choices[at + 1 : at + 1 + layer]
            layers.append(Layer(names[operation], tuple(stored for stored, taken in enumerate(skips) if taken)))
            at += 1 + layer
        return tuple(layers)

    def cells(self, architecture: Architecture) -> tuple[GraphCell, ...]:
        """One graph, the whole network. Raises ConfigError if the architecture is not of this space."""
        nodes, stored = [Node("s0", "input")], ["s0"]
        for number, layer in enumerate(self.layers(architecture), start=1):
            operation, side = OPERATIONS[layer.operation]
            options = frozen_options({"kernel": [side, side]})
            nodes.append(Node(f"l{number}", "op", (stored[-1],), operation, options=options))
            if number > 1:
                nodes.append(Node(f"j{number}", "cat", (*(stored[at] for at in layer.skips), f"l{number}")))
            stored.append(nodes[-1].id)
        nodes.append(Node("out", "output", (stored[-1],)))
        options = frozen_options({"dense_separable": True} if self.config.dense_separable else {})
        return (GraphCell("network", tuple(nodes), FAMILY, options),)

    def architecture(self, lines: str) -> Architecture:
        """From the released code's notation: for each layer its operation's id, then a 0 or 1 for each stored map."""
        try:
            numbers = tuple(int(word) for word in lines.split())
        except ValueError:
            raise ConfigError("An ENAS network is written in whole numbers.", "cell") from None
        architecture = Architecture(self.name, numbers)
        self.check(architecture)
        return architecture


def _layer_choices(layer: int) -> tuple[Choice, ...]:
    at = f"layer.{layer + 1}"
    skips = (Choice(f"{at}.skip.{stored or 'stem'}", _SKIPS) for stored in range(layer))
    return (Choice(f"{at}.operation", tuple(OPERATIONS)), *skips)
