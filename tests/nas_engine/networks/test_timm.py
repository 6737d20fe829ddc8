"""The same weights give the same logits as timm's NASNetALarge and PNASNet5Large, to the last bit of float64; where timm
is installed."""

import re

import pytest
import torch

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.networks import build
from nas_engine.protocol import SkeletonConfig

OPERATIONS = {
    "depthwise": "separable_{}.depthwise_conv2d",
    "pointwise": "separable_{}.pointwise_conv2d",
    "norm": "bn_sep_{}",
}
PNASNET_CELLS = ["cell_stem_0", "cell_stem_1", *(f"cell_{number}" for number in range(12))]
NASNET_CELLS = ["cell_stem_0", "cell_stem_1", *(f"cell_{number}" for number in range(18))]
NASNET_CELLS.insert(8, "reduction_cell_0")
NASNET_CELLS.insert(15, "reduction_cell_1")


def their_name(name: str, cells: list[str], theirs: dict) -> str:
    """What timm calls a weight of ours; ``cells`` are its cells in order."""
    path, _, kind = name.rpartition(".")
    if not path.startswith("cells."):
        return {"stem.conv": "conv_0.conv", "stem.norm": "conv_0.bn", "head.linear": "last_linear"}[path] + "." + kind
    _, number, part = path.split(".", 2)
    cell = cells[int(number)]
    if part.startswith("s1."):
        return f"{cell}.conv_1x1.{'bn' if part == 's1.norm' else 'conv'}.{kind}"
    if part.startswith("s0."):
        return f"{cell}.{_older(part, cell, theirs)}.{kind}"
    block, side, operation = re.fullmatch(r"b(\d)([lr])\.(.*)", part).groups()
    branch = f"{cell}.comb_iter_{int(block) - 1}_{'left' if side == 'l' else 'right'}"
    if operation in ("conv", "norm"):
        return f"{branch}.{'bn' if operation == 'norm' else 'conv'}.{kind}"
    layer, _, half = operation.rpartition("_")
    return f"{branch}.{OPERATIONS[layer].format(half)}.{kind}"


def _older(part: str, cell: str, theirs: dict) -> str:
    """The projection of the older input; where it is factorized, NASNet's cells hold its parts themselves."""
    inside = "" if f"{cell}.path_1.conv.weight" in theirs else "conv_prev_1x1."
    if part in ("s0.conv_1", "s0.conv_2"):
        return f"{inside}path_{part[-1]}.conv"
    if part == "s0.conv":
        return "conv_prev_1x1.conv"
    return f"{inside}final_path_bn" if f"{cell}.{inside}final_path_bn.weight" in theirs else "conv_prev_1x1.bn"


def assert_equal(reference, cell: str, cells: list[str], skeleton: SkeletonConfig, side: int) -> None:
    for name, buffer in reference.eval().named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    made = build_blueprint(zoo.get(cell).cells, skeleton, (3, side, side), 10)
    with torch.device("meta"):
        network = build(made).double()
    theirs = {name.replace("conv0.", "conv_0.", 1): value for name, value in reference.state_dict().items()}
    ours = {name: theirs[their_name(name, cells, theirs)] for name in network.state_dict()}
    assert len(ours) == sum(not name.endswith("num_batches_tracked") for name in theirs)
    network.load_state_dict(ours, assign=True)
    images = torch.randn(1, 3, side, side, dtype=torch.float64)
    with torch.inference_mode():
        assert (network.eval()(images) - reference(images)).abs().max() == 0.0


def test_nasnet_a_large_is_timms_bit_for_bit():
    nasnet = pytest.importorskip("timm.models.nasnet")
    torch.manual_seed(0)
    reference = nasnet.NASNetALarge(num_classes=10, dtype=torch.float64)
    skeleton = SkeletonConfig("imagenet", 6, 168, stem_filters=96, skip_reduction=True)
    assert_equal(reference, "nasnet-a", NASNET_CELLS, skeleton, 75)


def test_pnasnet_5_large_is_timms_bit_for_bit():
    pnasnet = pytest.importorskip("timm.models.pnasnet")
    torch.manual_seed(0)
    reference = pnasnet.PNASNet5Large(num_classes=10, dtype=torch.float64)
    skeleton = SkeletonConfig("imagenet", 4, 216, stem_filters=96, layers=12, skip_reduction=True)
    assert_equal(reference, "pnasnet-5", PNASNET_CELLS, skeleton, 75)
