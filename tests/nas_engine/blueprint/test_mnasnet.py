"""MnasNet's networks, against the counts of the released code."""

import random

import pytest

from nas_engine.blueprint import Blueprint, build_blueprint
from nas_engine.errors import ConfigError
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_spaces.mnasnet import MnasNetConfig, MnasNetSpace

WHOLE = SkeletonConfig(whole=True)


def sampled(number: int, **config) -> tuple:
    space = MnasNetSpace(MnasNetConfig(**config))
    return space.cells(space.sample(random.Random(number)))


@pytest.mark.parametrize("number", range(4))
def test_totals_are_the_sums_of_parts_and_nodes(number):
    cells = sampled(number)
    made = build_blueprint(cells, WHOLE, (3, 64, 64), 10)
    assert made.params == sum(part.params for part in made.placements)
    assert made.macs == sum(part.macs for part in made.placements)
    assert [part.kind for part in made.placements] == ["stem", *(cell.kind for cell in cells), "head"]
    for part, cell in zip(made.placements[1:-1], cells, strict=True):
        assert set(part.nodes) == {node.id for node in cell.nodes}
        assert part.params == sum(node.params for node in part.nodes.values())
        assert part.macs == sum(node.macs for node in part.nodes.values())


def test_json_and_back():
    made = build_blueprint(sampled(1), WHOLE, (1, 28, 20), 7)
    again = Blueprint.from_json(made.as_json())
    assert again.as_json() == made.as_json() and again.layers == made.layers


def test_features_are_the_last_maps_of_every_resolution():
    made = build_blueprint(sampled(2), WHOLE, (3, 224, 224), 10)
    assert [feature.stride for feature in made.graph.features] == [2, 4, 8, 16, 32]
    assert made.graph.features[-1].channels == made.placements[-2].shape[0] == 320


def test_there_is_no_auxiliary_head():
    with pytest.raises(ConfigError, match="no auxiliary head"):
        build_blueprint(sampled(0), WHOLE, (3, 32, 32), 10, aux=True)


def test_cells_of_two_families_make_no_network():
    from nas_engine import zoo

    with pytest.raises(ConfigError, match="mnasnet"):
        build_blueprint((*sampled(0), zoo.get("nasnet-a").cells[0]), WHOLE, (3, 32, 32), 10)
