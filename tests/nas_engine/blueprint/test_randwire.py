"""RandWire's networks: the published costs, and the parts they come from."""

from statistics import mean

import pytest

from nas_engine.blueprint import Blueprint, build_blueprint
from nas_engine.errors import ConfigError
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_spaces.random_graphs import Wiring
from nas_engine.search_spaces.randwire import parse_cells, stage_cell


def made(
    text: str, filters: int, kind: str = "imagenet", image: tuple = (3, 224, 224), classes: int = 1000
) -> Blueprint:
    return build_blueprint(parse_cells(text), SkeletonConfig(kind=kind, filters=filters), image, classes)


def costs(text: str, filters: int, seeds: int = 30) -> tuple[list[int], list[int]]:
    found = [made(f"{text}:seed={seed}", filters) for seed in range(seeds)]
    return [one.params for one in found], [one.macs for one in found]


def test_ba_5_costs_the_same_for_every_seed():
    params, macs = costs("ba(5)", 78)
    assert set(params) == {5_677_900} and set(macs) == {583_760_444}
    params, macs = costs("ba(5):regime=regular", 109, seeds=3)
    assert set(params) == {32_522_511} and set(macs) == {3_994_676_708}


@pytest.mark.parametrize(
    ("text", "filters", "params", "macs"),
    [
        ("ws(4,0.75)", 78, (5.6e6, 0.1e6), (583e6, 6.2e6)),
        ("ws(4,0.75):regime=regular", 109, (31.9e6, 0.66e6), (4.0e9, 0.09e9)),
    ],
)
def test_ws_costs_what_the_paper_says_within_its_spread(text, filters, params, macs):
    """Xie et al. 2019, tables 2 and 3."""
    for found, (middle, spread) in zip(costs(text, filters), (params, macs), strict=True):
        assert abs(mean(found) - middle) < spread
        assert all(abs(one - middle) < 4 * spread for one in found)


def test_totals_are_the_sums_of_parts_and_nodes():
    network, cells = made("er(0.2):seed=5", 20), parse_cells("er(0.2):seed=5")
    assert network.params == sum(part.params for part in network.placements)
    assert network.macs == sum(part.macs for part in network.placements)
    assert [part.kind for part in network.placements] == ["stem", "stage 1", "stage 2", "stage 3", "head"]
    for part, cell in zip(network.placements[1:-1], cells, strict=True):
        assert set(part.nodes) == {node.id for node in cell.nodes}
        assert part.params == sum(node.params for node in part.nodes.values())
        assert part.macs == sum(node.macs for node in part.nodes.values())


def test_each_random_stage_halves_the_resolution_and_doubles_the_channels():
    small = made("ws(4,0.75)", 78)
    assert [part.shape for part in small.placements[:-1]] == [
        (78, 56, 56), (78, 28, 28), (156, 14, 14), (312, 7, 7),
    ]  # fmt: skip
    regular = made("ws(4,0.75):regime=regular", 109)
    assert [part.shape[0] for part in regular.placements[:-1]] == [54, 109, 218, 436, 872]
    assert [part.shape[1] for part in regular.placements[:-1]] == [112, 56, 28, 14, 7]


@pytest.mark.parametrize(("size", "shapes"), [(8, [8, 8, 4, 2]), (32, [32, 32, 16, 8])])
def test_small_images_keep_their_resolution_in_the_first_stage(size, shapes):
    network = made("ba(5)", 8, "cifar", (1, size, size), 10)
    assert [part.shape[1] for part in network.placements[:-1]] == shapes
    assert [part.shape[0] for part in network.placements[:-1]] == [8, 8, 16, 32]


def test_a_sum_of_one_input_has_no_weight():
    cells = [stage_cell(number, Wiring(3, ((0, 1), (1, 2)))) for number in (1, 2, 3)]
    chain = build_blueprint(cells, SkeletonConfig(filters=4), (1, 8, 8), 10)
    assert not [layer for layer in chain.layers if layer.kind in ("weighted_sum", "mean")]
    cells = [stage_cell(number, Wiring(3, ((0, 2), (1, 2)))) for number in (1, 2, 3)]
    joined = build_blueprint(cells, SkeletonConfig(filters=4), (1, 8, 8), 10)
    assert [len(layer.inputs) for layer in joined.layers if layer.kind == "weighted_sum"] == [2, 2, 2]


def test_edge_drop_reaches_every_sum_and_costs_nothing():
    wiring = Wiring(3, ((0, 2), (1, 2)))
    plain, dropping = (
        build_blueprint([stage_cell(n, wiring, drop) for n in (1, 2, 3)], SkeletonConfig(filters=4), (1, 8, 8), 10)
        for drop in (0.0, 0.1)
    )
    sums = [layer for layer in dropping.layers if layer.kind == "weighted_sum"]
    assert [layer.options for layer in sums] == [{"edge_drop": 0.1}] * 3
    assert (dropping.params, dropping.macs) == (plain.params, plain.macs)
    assert stage_cell(1, wiring).key() != stage_cell(1, wiring, 0.1).key(), "it trains to other weights"


def test_a_graph_without_edges_is_the_mean_of_its_nodes():
    network = made("er(0):nodes=5", 4, "cifar", (1, 8, 8), 10)
    assert [len(layer.inputs) for layer in network.layers if layer.kind == "mean"] == [5, 5, 5]


def test_what_it_has_none_of_is_said():
    cells = parse_cells("ba(5)")
    with pytest.raises(ConfigError, match="no auxiliary head"):
        build_blueprint(cells, SkeletonConfig(), (3, 32, 32), 10, aux=True)
    with pytest.raises(ConfigError, match="3 random stages"):
        build_blueprint(cells[:2], SkeletonConfig(), (3, 32, 32), 10)
