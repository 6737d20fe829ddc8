"""Published cells, with where they were released and what their papers report.

Concat lists are the released ones: they depart from the papers' rule "all unused states", and only they reproduce the
published sizes (NASNet-A stacks the used state 0; the AmoebaNets stack used states too).
"""

from dataclasses import dataclass
from functools import lru_cache

from nas_engine.blueprint import Blueprint, build_blueprint
from nas_engine.cell import Block, Cell, cells_key
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import AnyCell
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_spaces.mnasnet_notation import from_notation

_SHORT = {
    "id": "identity",
    "a3": "avg_pool_3x3",
    "m2": "max_pool_2x2",
    "m3": "max_pool_3x3",
    "s3": "sep_conv_3x3",
    "s5": "sep_conv_5x5",
    "s7": "sep_conv_7x7",
    "d3": "dil_conv_3x3",
    "d5": "dil_conv_5x5",
    "c1": "conv_1x1",
    "c3n": "conv_3x3_bottleneck",
    "f7": "conv_1x7_7x1",
    "f7n": "conv_1x7_7x1_bottleneck",
}


@dataclass(frozen=True)
class Size:
    """The network a figure is about, as we build it: its skeleton, and images of ``side`` × ``side`` pixels."""

    skeleton: SkeletonConfig
    side: int
    classes: int


@dataclass(frozen=True)
class Figure:
    """A network of the paper's tables, as printed there. ``params`` and ``macs`` in millions, ``error`` in per cent.

    ``size`` says how to build it; None where the paper and its code do not.
    """

    network: str
    params: float | None = None
    macs: float | None = None
    error: float | None = None
    size: Size | None = None

    @property
    def dataset(self) -> str:
        """What it was trained on: "CIFAR-10" or "ImageNet"."""
        return "ImageNet" if self.network.startswith("ImageNet") else "CIFAR-10"


@dataclass(frozen=True)
class ZooEntry:
    """A published architecture. ``dialect`` names the building rules of its released code, "" where the family of its
    cells leaves nothing to choose; ``single`` says that it has
    one type of cell, whose strided form reduces: its networks have 3N cells, with none in between (PNASNet)."""

    name: str
    label: str
    cells: tuple[AnyCell, ...]
    dialect: str
    paper: str
    source: str
    figures: tuple[Figure, ...]
    single: bool = False


def _cell(kind: str, text: str) -> Cell:
    """From "1 s5 0 s3, 0 s5 0 s3 > 0 2 3": blocks of input, operation, input, operation; then the concat list."""
    blocks, concat = text.split(">")
    parts = [block.split() for block in blocks.split(",")]
    made = tuple(Block(int(a), _SHORT[p], int(b), _SHORT[q]) for a, p, b, q in parts)
    return Cell(kind, made, tuple(int(state) for state in concat.split()))


def _cifar(filters: int, repeats: int = 6, dialect: str = "tf", **more) -> Size:
    return Size(SkeletonConfig("cifar", repeats, filters, dialect=dialect, **more), 32, 10)


def _imagenet(filters: int, repeats: int = 4, side: int = 224, stem: int = 32, **more) -> Size:
    return Size(SkeletonConfig("imagenet", repeats, filters, stem_filters=stem, **more), side, 1000)


def _gpipe(cells: int, filters: int) -> Size:
    return _imagenet(filters, cells // 3, stem=0, dialect="gpipe")


# Huang et al. 2019, GPipe: Efficient Training of Giant Neural Networks, table 1: normal cells, F, millions of parameters.
_GPIPE = ((18, 208, 82), (18, 416, 318), (18, 544, 542), (36, 544, 1050), (72, 512, 1800))

# What the DARTS authors' code builds, and their successors with it: 20 cells for CIFAR-10, 14 for ImageNet.
_DARTS_CIFAR = _cifar(36, dialect="darts", layers=20)
_DARTS_IMAGENET = _imagenet(48, stem=0, dialect="darts", layers=14)


def _entry(
    name: str, label: str, dialect: str, paper: str, source: str, normal: str, reduction: str, *figures: Figure
) -> ZooEntry:
    cells = (_cell("normal", normal), _cell("reduction", reduction or normal))
    return ZooEntry(name, label, cells, dialect, paper, source, figures, single=not reduction)


def _mnasnet(name: str, label: str, blocks: str, *figures: Figure, stem: int = 32) -> ZooEntry:
    return ZooEntry(name, label, from_notation(blocks, stem), "", _TAN, _MNASNET, figures)


# Whole networks have one size; what is left to say are the images.
_WHOLE = Size(SkeletonConfig(whole=True), 224, 1000)

_SLIM = "tensorflow/models research/slim/nets/nasnet"
_TPU = "tensorflow/tpu models/official/amoeba_net/model_specs.py"
_QUARK0 = "quark0/darts cnn/genotypes.py at f276dd3"
_DXY = "D-X-Y/AutoDL-Projects nas_infer_model/DXYs/genotypes.py at f46486e"
_ZOPH = "Zoph et al. 2018, Learning Transferable Architectures for Scalable Image Recognition"
_REAL = "Real et al. 2019, Regularized Evolution for Image Classifier Architecture Search"
_PNAS = "Liu et al. 2018, Progressive Neural Architecture Search"
_DARTS = "Liu et al. 2019, DARTS: Differentiable Architecture Search"
_TAN = "Tan et al. 2019, MnasNet: Platform-Aware Neural Architecture Search for Mobile"
_MNASNET = "tensorflow/tpu models/official/mnasnet/mnasnet_models.py"

_NASNET_NORMAL = "1 s5 0 s3, 0 s5 0 s3, 1 a3 0 id, 0 a3 0 a3, 1 s3 1 id >"
_NASNET_REDUCTION = "1 s5 0 s7, 1 m3 0 s7, 1 a3 0 s5, 3 id 2 a3, 2 s3 1 m3 >"
_PNASNET = "0 s5 0 m3, 1 s7 1 m3, 1 s5 1 s3, 4 s3 1 m3, 0 s3 1 id > 2 3 4 5 6"

_ENTRIES = (
    _entry(
        "nasnet-a", "NASNet-A", "tf", _ZOPH, f"{_SLIM}/nasnet_utils.py at 08eebbc",
        _NASNET_NORMAL + "0 2 3 4 5 6", _NASNET_REDUCTION + "3 4 5 6",
        Figure("CIFAR-10 6@768", 3.3, None, 3.41, _cifar(32)), Figure("CIFAR-10 6@768, cutout", 3.3, None, 2.65, _cifar(32)),
        Figure("ImageNet 4@1056", 5.3, 564, 26.0, _imagenet(44)),
        Figure("ImageNet 6@4032", 88.9, 23800, 17.3, _imagenet(168, 6, 331, 96, skip_reduction=True)),
    ),
    _entry(
        "pnasnet-5", "PNASNet-5", "tf", _PNAS, f"{_SLIM}/pnasnet.py at 03cdc5f",
        _PNASNET, "",
        Figure("CIFAR-10 N 3, F 48", 3.2, None, 3.41, _cifar(48, 3, layers=9, skip_reduction=True)),
        Figure("ImageNet N 3, F 54", 5.1, 588, 25.8, _imagenet(54, 3, layers=9, skip_reduction=True)),
    ),
    _entry(
        "amoebanet-a", "AmoebaNet-A", "tf", _REAL, _TPU,
        "1 a3 1 m3, 0 s3 0 id, 1 id 0 a3, 1 s3 2 s5, 5 a3 1 s3 > 0 3 4 6",
        "0 s3 1 a3, 1 m3 2 s7, 0 m3 1 m3, 4 s3 1 f7n, 0 a3 1 s7 > 2 3 4 5 6",
        Figure("CIFAR-10 N 6, F 32", 2.6, None, 3.40, _cifar(32)), Figure("CIFAR-10 N 6, F 36", 3.2, None, 3.34, _cifar(36)),
        Figure("ImageNet N 4, F 50", 5.1, 555, 25.5, _imagenet(50)),
        Figure("ImageNet N 6, F 448", 469, 104_000, 16.1, _imagenet(448, 6, 299)),
    ),
    _entry(
        "amoebanet-b", "AmoebaNet-B", "tf", _REAL, _TPU,
        "0 c1 0 m3, 0 id 1 s3, 0 c1 1 s3, 2 c1 2 id, 0 a3 5 c1 > 1 3 4 6",
        "1 m2 1 m3, 2 id 0 c3n, 2 s5 2 m3, 3 id 0 s3, 4 a3 3 c1 > 5 6",
        Figure("CIFAR-10, cutout", 2.8, None, 2.55),
    ),
    _entry(
        "amoebanet-c", "AmoebaNet-C", "tf", _REAL, _TPU,
        "1 a3 1 s3, 1 id 1 s3, 2 a3 0 s3, 1 id 0 s3, 3 a3 1 s3 > 0 2 4 5 6",
        "1 m3 1 m3, 2 s7 1 s3, 1 s7 0 m3, 4 s5 4 s5, 0 m3 0 s3 > 1 2 3 4 5 6",
        Figure("ImageNet N 4, F 44", 5.1, 535, 24.9, _imagenet(44)),
    ),
    _entry(
        "amoebanet-d", "AmoebaNet-D", "tf", _REAL, _TPU,
        "0 c1 0 m3, 0 id 1 f7n, 1 c1 1 f7n, 2 m3 2 id, 0 a3 5 c1 > 1 3 4 6",
        "1 m2 1 m3, 2 id 0 c3n, 2 f7n 2 m3, 3 id 0 m2, 2 a3 3 c1 > 4 5 6",
        *(Figure(f"ImageNet {length} cells, F {filters} (GPipe)", params, None, None, _gpipe(length, filters))
          for length, filters, params in _GPIPE),
    ),
    _entry(
        "enas-micro", "ENAS micro", "enas", "Pham et al. 2018, Efficient Neural Architecture Search via Parameter Sharing",
        "melodyguan/enas scripts/cifar10_micro_final.sh at 4bcfd73",
        "0 a3 0 s3, 0 id 0 s5, 0 id 1 s5, 1 s3 0 s5, 0 a3 1 s5 > 2 3 4 5 6",
        "1 s3 1 s3, 0 m3 0 a3, 1 s5 3 s5, 1 s3 0 id, 0 m3 1 s5 > 2 4 5 6",
        Figure("CIFAR-10", 4.6, None, 3.54, _cifar(36, 5, "enas")),
        Figure("CIFAR-10, cutout", 4.6, None, 2.89, _cifar(36, 5, "enas")),
    ),
    _entry(
        "darts-v1", "DARTS, first order", "darts", _DARTS, _QUARK0,
        "1 s3 0 s3, 0 id 1 s3, 0 id 1 s3, 0 s3 2 id > 2 3 4 5",
        "0 m3 1 m3, 2 id 0 m3, 0 m3 2 id, 2 id 0 a3 > 2 3 4 5",
        Figure("CIFAR-10, cutout", 3.3, None, 3.00, _DARTS_CIFAR),
    ),
    _entry(
        "darts-v2", "DARTS, second order", "darts", _DARTS, _QUARK0,
        "0 s3 1 s3, 0 s3 1 s3, 1 s3 0 id, 0 id 2 d3 > 2 3 4 5",
        "0 m3 1 m3, 2 id 1 m3, 0 m3 2 id, 2 id 1 m3 > 2 3 4 5",
        Figure("CIFAR-10, cutout", 3.3, None, 2.76, _DARTS_CIFAR),
        Figure("ImageNet", 4.7, 574, 26.7, _DARTS_IMAGENET),
    ),
    _entry(
        "snas-mild", "SNAS, mild", "darts", "Xie et al. 2019, SNAS: Stochastic Neural Architecture Search",
        "public collections of genotypes; some end the reduction cell in a 3x3 instead",
        "0 s3 1 s3, 0 id 1 d3, 1 id 0 id, 0 id 1 s3 > 2 3 4 5",
        "0 m3 1 m3, 1 m3 2 id, 2 id 1 m3, 0 m3 2 d5 > 2 3 4 5",
        Figure("CIFAR-10, cutout", 2.8, None, 2.85, _DARTS_CIFAR),
        Figure("ImageNet", None, 522, 27.3, _DARTS_IMAGENET),
    ),
    _entry(
        "p-darts", "P-DARTS", "darts", "Chen et al. 2019, Progressive Differentiable Architecture Search",
        "public collections of genotypes, first in chenxin061/pdarts",
        "0 id 1 d3, 0 id 1 s3, 1 s3 3 s3, 0 s3 4 d5 > 2 3 4 5",
        "0 a3 1 s5, 0 s3 2 d5, 0 m3 1 d3, 1 d3 3 d5 > 2 3 4 5",
        Figure("ImageNet", None, 557, None, _DARTS_IMAGENET),
    ),
    _entry(
        "pc-darts-cifar", "PC-DARTS, CIFAR-10", "darts", "Xu et al. 2020, PC-DARTS: Partial Channel Connections",
        "yuhuixu1993/PC-DARTS genotypes.py at b74702f",
        "1 s3 0 id, 0 s3 1 d3, 0 s5 1 s3, 0 a3 1 d3 > 2 3 4 5",
        "1 s5 0 m3, 1 s5 2 s5, 0 s3 3 s3, 1 s3 2 s3 > 2 3 4 5",
        Figure("CIFAR-10, cutout", 3.6, None, 2.57, _DARTS_CIFAR),
    ),
    _entry(
        "pc-darts-imagenet", "PC-DARTS, ImageNet", "darts", "Xu et al. 2020, PC-DARTS: Partial Channel Connections",
        "yuhuixu1993/PC-DARTS genotypes.py at b74702f",
        "1 id 0 s3, 0 s3 1 id, 1 s3 3 s3, 1 s3 4 d5 > 2 3 4 5",
        "0 s3 1 id, 2 d5 1 m3, 2 s3 1 s3, 0 s5 3 s3 > 2 3 4 5",
        Figure("ImageNet", None, 597, 24.2, _DARTS_IMAGENET),
    ),
    _entry(
        "gdas-v1", "GDAS", "darts", "Dong and Yang 2019, Searching for a Robust Neural Architecture in Four GPU Hours",
        f"{_DXY}; elsewhere the last reduction block reads 2 s5 instead of 1 s5",
        "0 id 1 id, 0 id 2 s5, 3 s3 0 id, 4 s5 3 s3 > 2 3 4 5",
        "0 s5 1 s3, 2 s5 1 s5, 2 d5 1 s3, 0 s5 1 s5 > 2 3 4 5",
    ),
    _entry(
        "nasnet-a-darts", "NASNet-A, DARTS form", "darts", _ZOPH, _QUARK0,
        _NASNET_NORMAL + "2 3 4 5 6", _NASNET_REDUCTION + "4 5 6",
        Figure(
            "CIFAR-10 F 32, cutout, as the DARTS authors trained it", 3.1, None, 2.83, _cifar(32, dialect="darts", layers=20)
        ),
    ),
    _entry(
        "amoebanet-a-darts", "AmoebaNet-A, DARTS form", "darts", _REAL,
        f"{_QUARK0}; its inputs 0 and 1 keep the figure's numbering",
        "0 a3 1 m3, 0 s3 2 s5, 0 s3 3 a3, 1 s3 1 id, 0 id 1 a3 > 4 5 6",
        "0 a3 1 s3, 0 m3 2 s7, 0 s7 1 a3, 0 m3 1 m3, 0 f7 5 s3 > 3 4 6",
        Figure("CIFAR-10, cutout, as the DARTS authors trained it", 3.1, None, 3.12, _DARTS_CIFAR),
    ),
    _entry(
        "pnasnet-5-darts", "PNASNet-5, DARTS form", "darts", _PNAS, _DXY,
        _PNASNET, _PNASNET,
    ),
    _mnasnet(
        "mnasnet-a1", "MnasNet-A1",
        "r1_k3_s11_e1_i32_o16_noskip r2_k3_s22_e6_i16_o24 r3_k5_s22_e3_i24_o40_se0.25 r4_k3_s22_e6_i40_o80 "
        "r2_k3_s11_e6_i80_o112_se0.25 r3_k5_s22_e6_i112_o160_se0.25 r1_k3_s11_e6_i160_o320",
        Figure("ImageNet", 3.9, 312, 24.8, _WHOLE),
    ),
    _mnasnet(
        "mnasnet-b1", "MnasNet-B1",
        "r1_k3_s11_e1_i32_o16_noskip r3_k3_s22_e3_i16_o24 r3_k5_s22_e3_i24_o40 r3_k5_s22_e6_i40_o80 r2_k3_s11_e6_i80_o96 "
        "r4_k5_s22_e6_i96_o192 r1_k3_s11_e6_i192_o320",
        Figure("ImageNet", size=_WHOLE),
    ),
    _mnasnet(
        "mnasnet-small", "MnasNet-small",
        "r1_k3_s11_e1_i8_o8 r1_k3_s22_e3_i8_o16 r2_k3_s22_e6_i16_o16 r4_k5_s22_e6_i16_o32_se0.25 "
        "r3_k3_s11_e6_i32_o32_se0.25 r3_k5_s22_e6_i32_o88_se0.25 r1_k3_s11_e6_i88_o144",
        Figure("ImageNet", size=_WHOLE), stem=8,
    ),
)  # fmt: skip

_BY_NAME = {entry.name: entry for entry in _ENTRIES}
_BY_KEY = {cells_key(entry.cells): entry for entry in reversed(_ENTRIES)}

# Cells that no text, code or table gives: their papers only draw them, and a drawing read by eye would be an invention.
DRAWN_ONLY = (
    ("NASNet-B", _ZOPH, (Figure("CIFAR-10 4@1152", 2.6, None, 3.73), Figure("ImageNet 4@1536", 5.3, 488, 27.2))),
    ("NASNet-C", _ZOPH, (Figure("CIFAR-10 4@640", 3.1, None, 3.59), Figure("ImageNet 3@960", 4.9, 558, 27.5))),
)


def names() -> tuple[str, ...]:
    return tuple(_BY_NAME)


def get(name: str) -> ZooEntry:
    """The named architecture. Raises ConfigError listing what there is."""
    if name not in _BY_NAME:
        raise ConfigError(f"There is no cell {name!r}. Published cells: {', '.join(_BY_NAME)}.", "cell")
    return _BY_NAME[name]


def of_key(key: str) -> ZooEntry | None:
    """The published architecture whose cells have this key, if there is one."""
    return _BY_KEY.get(key)


@lru_cache(maxsize=128)
def measured(name: str, size: Size) -> Blueprint:
    """The network of a published cell as we build it, with its exact parameters and multiply-accumulates."""
    return build_blueprint(get(name).cells, size.skeleton, (3, size.side, size.side), size.classes)
