import random

import pytest

from nas_engine import zoo
from nas_engine.architecture import Architecture
from nas_engine.config import read
from nas_engine.errors import ConfigError
from nas_engine.search_spaces.mnasnet import MnasNetConfig, MnasNetSpace
from nas_engine.search_spaces.mnasnet_notation import from_notation

SPACE = MnasNetSpace(MnasNetConfig())


def decided(space=SPACE, **wanted):
    """The cells with these options wherever a block decides on them, and the first option everywhere else."""
    taken = tuple(
        choice.options.index(wanted.get(choice.name.split(".")[1], choice.options[0])) for choice in space.choices
    )
    return space.cells(Architecture(space.name, taken))


def test_the_papers_space_has_432_blocks_and_five_of_them_are_searched():
    assert SPACE.size() == 432**5
    assert [choice.name.split(".")[1] for choice in SPACE.choices[:6]] == [
        "operation", "kernel", "squeeze", "skip", "filters", "layers",
    ]  # fmt: skip


def test_blocks_are_scaled_from_mobilenet_v2_in_multiples_of_eight():
    for scale, expected in (
        ("0.75", [24, 24, 48, 72, 120]),
        ("1", [24, 32, 64, 96, 160]),
        ("1.25", [32, 40, 80, 120, 200]),
    ):
        cells = decided(filters=scale)
        assert [cell.nodes[1].option("filters") for cell in cells] == [16, *expected, 320]
    depths = [sum(node.operation != "avg_pool" and node.kind == "op" for node in c.nodes) for c in decided(layers="1")]
    assert depths == [1, 3, 4, 5, 4, 4, 1]
    assert [cell.nodes[1].option("stride") for cell in decided()] == [1, 2, 2, 2, 1, 2, 1]


def test_skips_stand_where_shapes_allow_them():
    cells = decided(skip="identity", layers="0", filters="1")
    assert [sum(node.kind == "add" for node in cell.nodes) for cell in cells] == [0, 1, 2, 3, 2, 2, 0]
    pooled = decided(skip="pool", layers="0", filters="1")[2]
    assert [node.id for node in pooled.nodes if node.operation == "avg_pool"] == ["skip2", "skip3"]
    assert not any(node.kind == "add" for cell in decided(skip="none", layers="1") for node in cell.nodes)


def test_a_block_says_everything_of_its_layers():
    layer = decided(operation="mbconv3", kernel="5", squeeze="0.25", filters="1")[1].nodes[1]
    assert (layer.operation, dict(layer.options)) == (
        "inverted_bottleneck",
        {"expansion": 3, "filters": 24, "kernel": (5, 5), "squeeze": 0.25, "stride": 2},
    )


def test_the_small_base_keeps_small_images_and_width_scales_everything():
    space = MnasNetSpace(MnasNetConfig(base="small", width=0.5))
    cells = space.cells(space.sample(random.Random(0)))
    assert cells[0].option("stem") == 8 and cells[0].option("stem_stride") == 1 and len(cells) == 4
    assert [cell.nodes[1].option("stride") for cell in cells] == [1, 1, 2, 2]


def test_a_decision_without_options_is_refused():
    with pytest.raises(ConfigError) as caught:
        read(MnasNetConfig, {"kernels": [], "skips": []}, "space_config")
    assert set(caught.value.problems) == {"space_config.kernels", "space_config.skips"}


def test_the_released_notation_is_read():
    cells = from_notation("r1_k3_s11_e1_i32_o16_noskip r2_k5_s22_e6_i16_o24_se0.25", stem=32)
    assert [cell.kind for cell in cells] == ["block 1", "block 2"]
    assert cells == from_notation("k3_o16_noskip  r2_k5_s2_e6_o24_se0.25")
    assert cells[1].nodes[2].option("squeeze") == 0.25 and cells[1].nodes[3].kind == "add"


@pytest.mark.parametrize("text", ["", "r1_k3", "r1_o8", "r1_k3_o8_what", "r1_k3.5_o8"])
def test_what_is_no_notation_is_refused(text):
    with pytest.raises(ConfigError):
        from_notation(text)


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [
        ("mnasnet-a1", 3_887_038, 311_579_072),
        ("mnasnet-b1", 4_383_312, 314_415_872),
        ("mnasnet-small", 2_030_264, 68_339_184),
    ],
)
def test_published_networks_have_their_exact_size(name, params, macs):
    entry = zoo.get(name)
    network = zoo.measured(name, entry.figures[0].size)
    assert (network.params, network.macs, network.aux_params) == (params, macs, 0)
