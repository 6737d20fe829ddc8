"""The operation tables: one row says what an operation is called, how it is drawn and which layers it is made of.

Adding an operation is adding a row. The forms, diagrams, search spaces, networks, parameter counts and exported models
read these tables and nothing else. Sources: Zoph et al. 2018 (NASNet) section 3.2 and figure; Liu et al. 2019 (DARTS);
Real et al. 2019 (AmoebaNet) for the bottleneck convolutions; Tan et al. 2019 (MnasNet) section 4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FAMILIES = {
    "skip": "identity",
    "avg": "average pooling",
    "max": "max pooling",
    "conv": "convolution",
    "fact": "factorized convolution",
    "sep": "separable convolution",
    "inv": "inverted bottleneck",
    "dil": "dilated convolution",
    "none": "none",
}


@dataclass(frozen=True)
class Step:
    """One convolution inside an operation. ReLU comes before it and batch norm after it unless said otherwise.

    ``kernel`` is (height, width). ``depthwise`` adds a pointwise convolution behind it with nothing in between.
    ``width`` is the output channels as a fraction of the operation's filters. Without ``relu`` or ``norm`` a step is
    chained to its neighbour with nothing in between.
    """

    kernel: tuple[int, int]
    depthwise: bool = False
    dilation: int = 1
    width: float = 1.0
    relu: bool = True
    norm: bool = True


@dataclass(frozen=True)
class Operation:
    """A row of the table. ``steps`` are its convolutions; a pooling has ``pool`` (its window) instead; identity neither."""

    name: str
    label: str
    family: str
    about: str
    steps: tuple[Step, ...] = ()
    pool: int = 0

    def titled(self, options: Mapping[str, Any]) -> str:
        """The label with a node's options in it: "MB{expansion} {kernel}" as "MB6 3×3". Missing options leave a gap."""
        if not options:
            return self.label if "{" not in self.label else self.name.replace("_", " ")
        return " ".join(self.label.format_map(_Words(options)).split())

    @property
    def kernel(self) -> int:
        """Largest side of the neighbourhood it looks at, in pixels, dilation aside."""
        return max([self.pool, *(side for step in self.steps for side in step.kernel)], default=1) or 1


class _Words(dict):
    """Options as they are written: (3, 5) as 3×5, any squeeze-and-excitation as SE."""

    def __getitem__(self, name: str) -> str:
        value = self.get(name, "")
        if name == "squeeze":
            return "SE" if value else ""
        return "×".join(map(str, value)) if isinstance(value, tuple) else str(value)

    def __missing__(self, name: str) -> str:
        return ""


def _pooling(kind: str, size: int) -> Operation:
    about = {
        "avg": "Mean of each neighbourhood, padding left out. No parameters.",
        "max": "Largest value of each neighbourhood. No parameters.",
    }[kind]
    return Operation(f"{kind}_pool_{size}x{size}", f"{kind} {size}×{size}", kind, about, pool=size)


def _convolution(size: int) -> Operation:
    return Operation(
        f"conv_{size}x{size}", f"conv {size}×{size}", "conv", "ReLU, convolution, batch norm.", (Step((size, size)),)
    )


def _factorized(size: int) -> Operation:
    steps = (Step((1, size), norm=False), Step((size, 1), relu=False))
    about = "ReLU, a wide kernel, then a tall one, batch norm: most of the large kernel for far fewer weights."
    return Operation(f"conv_1x{size}_{size}x1", f"1×{size} {size}×1", "fact", about, steps)


def _separable(size: int) -> Operation:
    about = "ReLU, depthwise, pointwise, batch norm: applied twice."
    step = Step((size, size), depthwise=True)
    return Operation(f"sep_conv_{size}x{size}", f"sep {size}×{size}", "sep", about, (step, step))


def _dilated(size: int) -> Operation:
    about = "ReLU, depthwise with gaps, pointwise, batch norm: sees further at the same cost."
    steps = (Step((size, size), depthwise=True, dilation=2),)
    return Operation(f"dil_conv_{size}x{size}", f"dil {size}×{size}", "dil", about, steps)


def _bottleneck(name: str, label: str, family: str, *middle: Step, width: float = 0.25) -> Operation:
    steps = (Step((1, 1), width=width), *middle, Step((1, 1)))
    return Operation(
        name, label, family, "Narrow 1×1, the kernel, 1×1 back to full width; each with ReLU and norm.", steps
    )


_ROWS = (
    Operation(
        "identity", "skip", "skip", "Passes its input on. In a reduction cell a strided 1×1 makes the sizes meet."
    ),
    _pooling("avg", 3),
    _pooling("avg", 5),
    _pooling("max", 2),
    _pooling("max", 3),
    _pooling("max", 5),
    _pooling("max", 7),
    _convolution(1),
    _convolution(3),
    _factorized(3),
    _factorized(7),
    _separable(3),
    _separable(5),
    _separable(7),
    _dilated(3),
    _dilated(5),
    _bottleneck("conv_3x3_bottleneck", "3×3 narrow", "conv", Step((3, 3), width=0.25)),
    _bottleneck("conv_1x7_7x1_bottleneck", "1×7 narrow", "fact", Step((1, 7), width=0.25), Step((7, 1), width=0.25)),
    _bottleneck(
        "conv_1x3_3x1_bottleneck",
        "1×3 narrow",
        "fact",
        Step((1, 3), width=0.375),
        Step((3, 1), width=0.375),
        width=0.375,
    ),
)

OPERATIONS = {row.name: row for row in _ROWS}

# Operations of published tables under the names they have there: drawn and counted, not built.
_DRAWN = {
    row.name: row
    for row in (
        Operation("none", "none", "none", "Passes nothing on."),
        Operation("skip_connect", "skip", "skip", "Passes its input on."),
        Operation("nor_conv_1x1", "conv 1×1", "conv", "ReLU, convolution, batch norm."),
        Operation("nor_conv_3x3", "conv 3×3", "conv", "ReLU, convolution, batch norm."),
        Operation("conv1x1-bn-relu", "conv 1×1", "conv", "Convolution, batch norm, ReLU."),
        Operation("conv3x3-bn-relu", "conv 3×3", "conv", "Convolution, batch norm, ReLU."),
        Operation("maxpool3x3", "max 3×3", "max", "Largest value of each neighbourhood."),
        Operation("mb3_k3", "MB3 3×3", "inv", "Inverted bottleneck, expansion 3, kernel 3."),
        Operation("mb6_k5", "MB6 5×5", "inv", "Inverted bottleneck, expansion 6, kernel 5."),
    )
}


def is_known(name: str) -> bool:
    """Whether it is an operation of ours or of a published table."""
    return name in OPERATIONS or name in GRAPH_OPERATIONS or name in _DRAWN


def drawn(name: str) -> Operation:
    """How an operation is drawn, also one that is known from a table alone; an unknown one goes by its own name."""
    known = OPERATIONS.get(name) or GRAPH_OPERATIONS.get(name) or _DRAWN.get(name)
    return known or Operation(name, name, "conv", "Of the table.")


# The union of the operation lists published for the NASNet search space: the 13 of the paper, the 5x5 average pooling
# that secondary accounts list, and the 5x5 dilated convolution of its successors.
NASNET_PAPER = (
    "identity", "conv_1x3_3x1", "conv_1x7_7x1", "dil_conv_3x3", "avg_pool_3x3", "max_pool_3x3", "max_pool_5x5",
    "max_pool_7x7", "conv_1x1", "conv_3x3", "sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7",
)  # fmt: skip
NASNET_ALL = (*NASNET_PAPER, "avg_pool_5x5", "dil_conv_5x5")
# Of ENAS' micro search (Pham et al. 2018), in the order of the released code's ids.
ENAS_OPERATIONS = ("sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3", "identity")
# Of DARTS (Liu et al. 2019) without "none", in the released code's order.
DARTS_OPERATIONS = (
    "max_pool_3x3", "avg_pool_3x3", "identity", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5",
)  # fmt: skip

# The operations of cells that are graphs: their kernels and filters are options of the node. How each is built is said by
# the rules of the cell's family.
_GRAPH_ROWS = (
    Operation("conv", "conv {kernel} {squeeze}", "conv", "Convolution, batch norm, ReLU."),
    Operation(
        "separable",
        "sep {kernel} {squeeze}",
        "sep",
        "Depthwise convolution, batch norm, ReLU; 1×1 convolution, batch norm.",
    ),
    Operation(
        "inverted_bottleneck",
        "MB{expansion} {kernel} {squeeze}",
        "inv",
        "1×1 convolution to more channels, depthwise convolution, 1×1 convolution back; batch norm after each, ReLU after "
        "the first two. With squeeze-and-excitation, the channels are weighed by what the whole map holds.",
    ),
    Operation("avg_pool", "avg {kernel}", "avg", "Mean of each neighbourhood, padding left out. No parameters."),
    Operation(
        "randwire",
        "sep 3×3",
        "sep",
        "Its inputs, each times the sigmoid of a learned weight, are summed; then ReLU, 3×3 depthwise and 1×1 convolution, "
        "batch norm.",
        (Step((3, 3), depthwise=True),),
    ),
    Operation("max_pool", "max {kernel}", "max", "Largest value of each neighbourhood. No parameters."),
)

GRAPH_OPERATIONS = {row.name: row for row in _GRAPH_ROWS}
