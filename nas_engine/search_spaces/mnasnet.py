"""MnasNet's factorized hierarchical search space (Tan et al. 2019, section 4): a network is a few blocks, the layers of a
block are equal, and every block takes its own decisions."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas_engine.architecture import Architecture, Choice
from nas_engine.cell import Node, frozen_options
from nas_engine.config import setting
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import GraphCell
from nas_engine.search_spaces.base import SearchSpace

DIVISOR = 8  # filters are multiples of it, as in MobileNetV2


@dataclass(frozen=True)
class Stage:
    """A block of the base network: what the decisions scale. A block that is not ``searched`` is built as it is."""

    filters: int
    layers: int
    stride: int
    expansion: int = 6
    searched: bool = True


@dataclass(frozen=True)
class Base:
    """The network that filters and layers are relative to. ``head`` are the channels before the classifier."""

    stem: int
    stem_stride: int
    stages: tuple[Stage, ...]
    head: int


BASES = {
    # MobileNetV2 (Sandler et al. 2018, table 2). Its first and last block are those of every published MnasNet.
    "mobilenet_v2": Base(
        32,
        2,
        (
            Stage(16, 1, 1, expansion=1, searched=False),
            Stage(24, 2, 2),
            Stage(32, 3, 2),
            Stage(64, 4, 2),
            Stage(96, 3, 1),
            Stage(160, 3, 2),
            Stage(320, 1, 1, searched=False),
        ),
        1280,
    ),
    "small": Base(
        16, 1, (Stage(16, 1, 1, expansion=1, searched=False), Stage(24, 2, 1), Stage(40, 2, 2), Stage(80, 2, 2)), 320
    ),
}
OPERATIONS = {
    "conv": ("conv", 1),
    "separable": ("separable", 1),
    "mbconv3": ("inverted_bottleneck", 3),
    "mbconv6": ("inverted_bottleneck", 6),
}


# Decision of a block -> the field of the configuration that holds its options.
DECISIONS = {
    "operation": "operations", "kernel": "kernels", "squeeze": "squeeze", "skip": "skips", "filters": "filters",
    "layers": "layers",
}  # fmt: skip


@dataclass(frozen=True)
class MnasNetConfig:
    """The options of every block; the defaults are the paper's: 432 a block, five blocks."""

    base: str = setting(
        "mobilenet_v2",
        "Relative to",
        options=tuple(BASES),
        labels=("MobileNetV2", "Small images"),
        help="MobileNetV2: five blocks, made for 224 pixels. Small: three, for under 64 pixels.",
    )
    width: float = setting(1.0, "Width", minimum=0.1, maximum=4, help="Times the base network’s filters.")
    operations: tuple[str, ...] = setting(
        tuple(OPERATIONS),
        "Convolutions",
        options=tuple(OPERATIONS),
        labels=("plain", "separable", "bottleneck ×3", "bottleneck ×6"),
    )
    kernels: tuple[str, ...] = setting(("3", "5"), "Kernels", options=("3", "5", "7"), labels=("3×3", "5×5", "7×7"))
    squeeze: tuple[str, ...] = setting(
        ("0", "0.25"), "Squeeze-and-excitation", options=("0", "0.25", "0.5"), labels=("none", "¼", "½")
    )
    skips: tuple[str, ...] = setting(
        ("none", "identity", "pool"),
        "Skip",
        options=("none", "identity", "pool"),
        labels=("none", "identity", "average pooling"),
    )
    filters: tuple[str, ...] = setting(
        ("0.75", "1", "1.25"), "Filters", options=("0.5", "0.75", "1", "1.25", "1.5"),
        labels=("×½", "×¾", "×1", "×1¼", "×1½"),
    )  # fmt: skip
    layers: tuple[str, ...] = setting(
        ("-1", "0", "1"), "Layers", options=("-1", "0", "1", "2"), labels=("−1", "as many", "+1", "+2")
    )

    def __post_init__(self):
        empty = [field for field in DECISIONS.values() if not getattr(self, field)]
        if empty:
            raise ConfigError(dict.fromkeys(empty, "Choose at least one."))


class MnasNetSpace(SearchSpace):
    """Six decisions for every searched block: convolution, kernel, squeeze-and-excitation ratio, skip, filters and layers
    relative to the base network."""

    name = "mnasnet"
    family = "mnasnet"
    skeleton_fields = ("dropout", "norm_decay")

    def __init__(self, config: MnasNetConfig):
        self.config, self.base = config, BASES[config.base]
        self.choices = tuple(
            Choice(f"block {number}.{decision}", tuple(getattr(config, field)))
            for number, stage in enumerate(self.base.stages, start=1)
            if stage.searched
            for decision, field in DECISIONS.items()
        )

    def cells(self, architecture: Architecture) -> tuple[GraphCell, ...]:
        """A cell for every block. Raises ConfigError if the architecture is not of this space."""
        self.check(architecture)
        taken = iter([choice.options[index] for choice, index in zip(self.choices, architecture.choices, strict=True)])
        blocks, before = [], self._rounded(self.base.stem)
        for stage in self.base.stages:
            decided = {name: next(taken) for name in DECISIONS} if stage.searched else None
            blocks.append(self._block(stage, decided, before))
            before = blocks[-1].filters
        return network_cells(blocks, self._rounded(self.base.stem), self.base.stem_stride, self.base.head)

    def _block(self, stage: Stage, decided: dict[str, str] | None, before: int) -> "Block":
        filters = self._rounded(stage.filters)
        if decided is None:
            operation = "separable" if stage.expansion == 1 else "inverted_bottleneck"
            return Block(before, operation, stage.expansion, 3, stage.stride, filters, stage.layers, skip="none")
        operation, expansion = OPERATIONS[decided["operation"]]
        return Block(
            before,
            operation,
            expansion,
            int(decided["kernel"]),
            stage.stride,
            self._rounded(stage.filters * float(decided["filters"])),
            max(1, stage.layers + int(decided["layers"])),
            float(decided["squeeze"]),
            decided["skip"],
        )

    def _rounded(self, filters: float) -> int:
        """To a multiple of eight, and never by more than a tenth down, as MobileNetV2's code does it."""
        wanted = filters * self.config.width
        rounded = max(DIVISOR, int(wanted + DIVISOR / 2) // DIVISOR * DIVISOR)
        return rounded if rounded >= 0.9 * wanted else rounded + DIVISOR


@dataclass(frozen=True)
class Block:
    """A block's layers: the first has the stride and takes ``before`` channels to ``filters``. ``skip`` is "none",
    "identity" or "pool" (a 3x3 average), added wherever the channels, and for the identity the sizes, are the same."""

    before: int
    operation: str
    expansion: int
    kernel: int
    stride: int
    filters: int
    layers: int
    squeeze: float = 0.0
    skip: str = "identity"

    def nodes(self) -> tuple[Node, ...]:
        nodes, last = [Node("s0", "input")], "s0"
        for layer in range(1, self.layers + 1):
            stride = self.stride if layer == 1 else 1
            nodes.append(Node(f"layer{layer}", "op", (last,), self.operation, options=self._options(stride)))
            source, last = last, nodes[-1].id
            if (self.before if layer == 1 else self.filters) != self.filters:
                continue
            if self.skip == "pool":
                options = frozen_options({"kernel": (3, 3), "stride": stride})
                nodes.append(Node(f"skip{layer}", "op", (source,), "avg_pool", options=options))
                source = nodes[-1].id
            if self.skip == "pool" or (self.skip == "identity" and stride == 1):
                nodes.append(Node(f"sum{layer}", "add", (last, source)))
                last = nodes[-1].id
        return (*nodes, Node("out", "output", (last,)))

    def _options(self, stride: int) -> tuple:
        options = {"kernel": (self.kernel, self.kernel), "filters": self.filters, "stride": stride}
        if self.operation == "inverted_bottleneck":
            options["expansion"] = self.expansion
        if self.squeeze:
            options["squeeze"] = self.squeeze
        return frozen_options(options)


def network_cells(blocks: Sequence[Block], stem: int, stem_stride: int, head: int) -> tuple[GraphCell, ...]:
    """The cells of a whole network: a block each, the first with the stem's options, the last with the head's."""
    options: list[dict] = [{} for _ in blocks]
    options[0] |= {"stem": stem, "stem_stride": stem_stride}
    options[-1] |= {"head": head}
    return tuple(
        GraphCell(f"block {number}", block.nodes(), "mnasnet", frozen_options(more))
        for number, (block, more) in enumerate(zip(blocks, options, strict=True), start=1)
    )
