"""The same weights give the same logits as timm's PNASNet5Large, to the last bit of float64; where timm is installed."""

import re

import pytest
import torch

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.networks import build
from nas_engine.protocol import SkeletonConfig

PARTS = {
    "s1.conv": "conv_1x1.conv",
    "s1.norm": "conv_1x1.bn",
    "s0.conv_1": "conv_prev_1x1.path_1.conv",
    "s0.conv_2": "conv_prev_1x1.path_2.conv",
    "s0.conv": "conv_prev_1x1.conv",
}
OPERATIONS = {
    "depthwise": "separable_{}.depthwise_conv2d",
    "pointwise": "separable_{}.pointwise_conv2d",
    "norm": "bn_sep_{}",
}


def their_name(name: str, theirs: dict) -> str:
    """What timm calls a weight of ours."""
    path, _, kind = name.rpartition(".")
    if not path.startswith("cells."):
        return {"stem.conv": "conv_0.conv", "stem.norm": "conv_0.bn", "head.linear": "last_linear"}[path] + "." + kind
    _, number, part = path.split(".", 2)
    cell = f"cell_stem_{number}" if int(number) < 2 else f"cell_{int(number) - 2}"
    if part == "s0.norm":
        factorized = f"{cell}.conv_prev_1x1.final_path_bn.weight" in theirs
        return f"{cell}.conv_prev_1x1.{'final_path_bn' if factorized else 'bn'}.{kind}"
    if part in PARTS:
        return f"{cell}.{PARTS[part]}.{kind}"
    block, side, operation = re.fullmatch(r"b(\d)([lr])\.(.*)", part).groups()
    branch = f"{cell}.comb_iter_{int(block) - 1}_{'left' if side == 'l' else 'right'}"
    if operation in ("conv", "norm"):
        return f"{branch}.{'bn' if operation == 'norm' else 'conv'}.{kind}"
    layer, _, half = operation.rpartition("_")
    return f"{branch}.{OPERATIONS[layer].format(half)}.{kind}"


@pytest.mark.parametrize("side", [75])
def test_pnasnet_5_large_is_timms_bit_for_bit(side):
    pnasnet = pytest.importorskip("timm.models.pnasnet")
    torch.manual_seed(0)
    reference = pnasnet.PNASNet5Large(num_classes=10, dtype=torch.float64).eval()
    for name, buffer in reference.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    skeleton = SkeletonConfig("imagenet", 4, 216, stem_filters=96, layers=12, skip_reduction=True)
    made = build_blueprint(zoo.get("pnasnet-5").cells, skeleton, (3, side, side), 10)
    with torch.device("meta"):
        network = build(made).double()
    theirs = reference.state_dict()
    ours = {name: theirs[their_name(name, theirs)] for name in network.state_dict()}
    assert len(ours) == sum(not name.endswith("num_batches_tracked") for name in theirs)
    network.load_state_dict(ours, assign=True)
    images = torch.randn(1, 3, side, side, dtype=torch.float64)
    with torch.inference_mode():
        assert (network.eval()(images) - reference(images)).abs().max() == 0.0
