"""The primitive layers that NASNet's cells do not use, against the same in plain torch."""

import json
from collections import Counter

import pytest
import torch
from torch.nn import functional as F

from nas_engine.blueprint.assembly import Assembly
from nas_engine.networks import build
from nas_engine.networks.model import WeightedSum
from nas_engine.protocol import SkeletonConfig


def network(draw):
    """The network whose one part is what ``draw(draft, source)`` adds to the image; with its blueprint."""
    made = Assembly((4, 6, 6), 3)
    with made.part("stem", 0) as part:
        part.output = draw(made.draft, 0)
    blueprint = made.blueprint(
        made.head(part.output, SkeletonConfig()), SkeletonConfig(), norm_eps=1e-3, init="he_fan_out"
    )
    assert json.loads(json.dumps(blueprint.as_json()))["params"] == blueprint.params
    return build(blueprint), blueprint


def stem(model, x):
    """What the part gives, and that the counted parameters are all there are."""
    features = model.forward_features(x)
    assert len(features) == 1
    return features[0][0]


def squeeze(draft, source):
    map_ = draft.conv(source, "a", 4, bias=True)
    factors = draft.sigmoid(draft.conv(draft.global_pool(map_, "g"), "b", 4, bias=True), "s")
    return draft.scale(map_, factors, "x")


def branches(draft, source):
    maps = tuple(draft.conv(source, f"c{number}", 5) for number in range(3))
    return draft.mean((draft.weighted_sum(maps, "sum"), maps[0], maps[2]), "m")


def padded(draft, source):
    small = draft.conv(source, "c", 2, (3, 3), (2, 2))
    return draft.concat((draft.pad(small, (6, 6), "p", 3), source), "all")


@pytest.mark.parametrize("draw", [squeeze, branches, padded])
def test_counted_parameters_are_the_networks(draw):
    model, blueprint = network(draw)
    assert sum(parameter.numel() for parameter in model.parameters()) == blueprint.params
    model.train()(torch.randn(3, 4, 6, 6)).sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())


def test_squeeze_and_excitation():
    model, _ = network(squeeze)
    x = torch.randn(2, 4, 6, 6)
    for name in ("a", "b"):
        torch.nn.init.normal_(model.get_submodule(name).bias)
    map_ = F.conv2d(x, model.a.weight, model.a.bias)
    factors = torch.sigmoid(F.conv2d(map_.mean((2, 3), keepdim=True), model.b.weight, model.b.bias))
    assert torch.allclose(stem(model, x), map_ * factors, atol=1e-6)


def test_weighted_sum_and_mean():
    model, _ = network(branches)
    x = torch.randn(2, 4, 6, 6)
    torch.nn.init.normal_(model.get_submodule("sum").weight)
    maps = [F.conv2d(x, model.get_submodule(f"c{number}").weight) for number in range(3)]
    weights = torch.sigmoid(model.get_submodule("sum").weight)
    total = sum(weight * one for weight, one in zip(weights, maps, strict=True))
    assert torch.allclose(stem(model, x), (total + maps[0] + maps[2]) / 3, atol=1e-6)


def test_edge_drop_leaves_out_one_input_of_a_sum_in_training_only():
    summed = WeightedSum(3, edge_drop=0.5)
    maps = [torch.full((1, 1, 1, 1), 2.0 * value) for value in (1, 10, 100)]  # halved by the sigmoid of 0
    torch.manual_seed(0)
    found = Counter(summed(*maps).item() for _ in range(400))
    assert set(found) == {111, 110, 101, 11}
    assert 160 < found[111] < 240 and all(found[one] > 40 for one in (110, 101, 11))
    assert {summed.eval()(*maps).item() for _ in range(20)} == {111}


def test_padding_puts_zeros_around_a_map_and_behind_its_channels():
    model, _ = network(padded)
    x = torch.randn(2, 4, 6, 6)
    small = F.conv2d(F.pad(x, (0, 1, 0, 1)), model.c.weight, stride=2)
    expected = torch.zeros(2, 3, 6, 6)
    expected[:, :2, 1:4, 1:4] = small
    assert torch.allclose(stem(model, x), torch.cat((expected, x), 1), atol=1e-6)
