import random

import pytest
import torch

from nas_engine.blueprint import build_blueprint
from nas_engine.blueprint.enas_macro import draft_macro_supernet, reduction_layers
from nas_engine.errors import ConfigError
from nas_engine.networks import build
from nas_engine.networks.supernet import MacroSupernet
from nas_engine.networks.supernet.banks import Source
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_spaces.enas_macro import ENASMacroConfig, ENASMacroSpace

# scripts/cifar10_macro_final.sh of the released code.
RELEASED = """
0
3 0
0 1 0
2 0 0 1
2 0 0 0 0
3 1 1 0 1 0
2 0 0 0 0 0 1
2 0 1 1 0 1 1 1
1 0 1 1 1 0 1 0 1
0 0 0 0 0 0 0 0 0 0
2 0 0 0 0 0 1 0 0 0 0
0 1 0 0 1 1 0 0 0 0 1 1
2 0 1 0 0 0 0 0 1 0 1 1 0
1 0 0 1 0 0 0 1 1 1 0 1 0 1
0 1 1 0 1 0 1 0 0 0 0 0 1 0 0
2 0 0 1 0 0 0 0 0 0 0 1 0 1 0 1
2 0 1 0 0 0 1 0 0 1 1 1 1 0 0 1 0
2 0 0 0 0 1 0 1 0 1 0 0 1 0 1 0 0 1
3 0 1 1 0 1 0 0 0 0 0 1 0 1 0 1 0 0 0
3 0 1 1 0 0 0 0 0 0 0 0 0 1 1 0 0 0 0 1
0 1 0 0 1 0 1 1 0 0 0 1 0 0 0 0 0 1 1 0 0
3 0 1 0 1 1 0 0 1 0 1 1 0 1 1 0 1 0 0 1 0 0
0 1 0 1 0 1 0 0 0 0 0 0 0 0 1 0 1 0 0 1 0 0 0
0 1 1 0 0 0 1 1 1 0 1 0 0 0 1 0 1 0 0 1 1 0 0 0
"""
SHAPE = (3, 16, 16)


def test_the_released_network_has_the_size_that_its_code_builds():
    space = ENASMacroSpace(ENASMacroConfig(24, dense_separable=True))
    cells = space.cells(space.architecture(RELEASED))
    network = build_blueprint(cells, SkeletonConfig(filters=96), (3, 32, 32), 10)
    assert (network.params, network.macs) == (42_559_392, 5_646_094_080)


def test_the_space_has_the_published_size():
    space = ENASMacroSpace(ENASMacroConfig())
    assert len(space.choices) == 12 + 66
    assert space.size() == 6**12 * 2**66


def test_a_network_runs_and_its_parts_add_up():
    space = ENASMacroSpace(ENASMacroConfig(6))
    rng = random.Random(0)
    for _ in range(5):
        blueprint = build_blueprint(space.cells(space.sample(rng)), SkeletonConfig(filters=8), SHAPE, 10)
        network = build(blueprint)
        assert network(torch.randn(2, *SHAPE)).shape == (2, 10)
        assert sum(one.numel() for one in network.parameters()) == blueprint.params
        assert sum(part.params for part in blueprint.placements) == blueprint.params
        assert [map_.stride for map_ in blueprint.graph.features] == [1, 4]


def test_an_auxiliary_head_is_refused():
    space = ENASMacroSpace(ENASMacroConfig(6))
    with pytest.raises(ConfigError):
        build_blueprint(space.cells(space.sample(random.Random(0))), SkeletonConfig(), SHAPE, 10, aux=True)


def test_the_supernet_has_the_drafted_size_and_keeps_its_filters():
    plan = draft_macro_supernet(SkeletonConfig(filters=8), 7, SHAPE, 10)
    assert sum(one.numel() for one in MacroSupernet(plan).parameters()) == plan.params
    assert reduction_layers(12) == (3, 7) and set(plan.halvings) == {1, 3}
    assert [len(plan.halvings[at]) for at in (1, 3)] == [3, 5]
    assert [layer["conv_3x3"].shape for layer in plan.layers][-1] == (8, 4, 4)


def test_a_path_through_the_supernet_is_what_the_released_code_computes():
    """One layer after another: stored maps are halved together, skips are added, and their sum is normed."""
    torch.manual_seed(0)
    space = ENASMacroSpace(ENASMacroConfig(6))
    net = MacroSupernet(draft_macro_supernet(SkeletonConfig(filters=4), 6, SHAPE, 10)).double().eval()
    images = torch.randn(3, *SHAPE, dtype=torch.float64)
    for seed in range(4):
        layers = space.layers(space.sample(random.Random(seed)))
        stored = [net.stem(Source(images), (0,))]
        for at, layer in enumerate(layers):
            value = net.layers[at][layer.operation](Source(stored[-1]), (0,))
            if at:
                total = sum([stored[skip] for skip in layer.skips], value)
                value = torch.nn.functional.batch_norm(total, None, None, training=True, eps=1e-5)
            stored.append(value)
            if at in (1, 3):
                stored = [bank(Source(one), (0,)) for bank, one in zip(net.halvings[str(at)], stored, strict=True)]
        logits = stored[-1].mean((2, 3)) @ net.classifier.weight.T
        torch.testing.assert_close(net.forward_layers(images, layers), logits, rtol=1e-9, atol=1e-11)


def test_a_line_that_is_no_network_is_refused():
    space = ENASMacroSpace(ENASMacroConfig(3))
    assert space.architecture("0  1 1  2 0 1").choices == (0, 1, 1, 2, 0, 1)
    for lines in ("0 1 1 2 0", "0 1 1 9 0 1", "0 1 one 2 0 1"):
        with pytest.raises(ConfigError):
            space.architecture(lines)
