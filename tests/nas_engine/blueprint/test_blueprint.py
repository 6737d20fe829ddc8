"""What a blueprint says of a network, whatever its cells."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from nas_engine import zoo
from nas_engine.blueprint import Blueprint, build_blueprint
from nas_engine.cell import Block, Cell
from nas_engine.errors import ConfigError
from nas_engine.operations import NASNET_ALL
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace

ROOT = Path(__file__).parents[3]


def sampled(number):
    space = NASNetSpace(NASNetConfig(operations=NASNET_ALL))
    return space.cells(space.sample(random.Random(number)))


def twice(*blocks, concat=(2,)):
    return Cell("normal", blocks, concat), Cell("reduction", blocks, concat)


def convolutions(made):
    return {layer.name: layer for layer in made.layers if layer.kind == "conv"}


@pytest.mark.parametrize("dialect", ["tf", "darts", "enas"])
def test_totals_are_the_sums_of_parts_and_nodes(dialect):
    for number in range(10):
        made = build_blueprint(sampled(number), SkeletonConfig(repeats=1, filters=8, dialect=dialect), (3, 28, 28), 10)
        assert made.params == sum(part.params for part in made.placements)
        assert made.macs == sum(part.macs for part in made.placements)
        for part in made.placements[1:-1]:
            assert part.params == sum(node.params for node in part.nodes.values())
            assert part.macs == sum(node.macs for node in part.nodes.values())


def test_every_node_of_a_cell_has_a_cost():
    cells = sampled(3)
    made = build_blueprint(cells, SkeletonConfig(), (3, 32, 32), 10)
    for part in made.placements[1:-1]:
        cell = cells[0 if part.kind == "normal" else 1]
        assert set(part.nodes) == {node.id for node in cell.nodes}


def test_placements_name_shapes_and_order():
    made = build_blueprint(zoo.get("nasnet-a").cells, SkeletonConfig(repeats=1, filters=8), (1, 28, 28), 7)
    assert [(part.kind, part.number) for part in made.placements] == [
        ("stem", 1), ("normal", 1), ("reduction", 1), ("normal", 2), ("reduction", 2), ("normal", 3), ("head", 1),
    ]  # fmt: skip
    normal = made.placements[3]
    assert normal.inputs == ((48, 28, 28), (64, 14, 14)) and normal.shape == (96, 14, 14) and normal.filters == 16
    assert made.placements[-1].shape == (7, 1, 1)
    strided = made.placements[2].nodes["b1l"]
    assert (strided.stride, strided.in_shape, strided.shape) == (2, (16, 28, 28), (16, 14, 14))


def test_json_round_trip():
    made = build_blueprint(sampled(5), SkeletonConfig(repeats=1, filters=8), (3, 32, 32), 10, aux=True)
    again = Blueprint.from_json(json.loads(json.dumps(made.as_json())))
    assert again == made and again.graph == made.graph
    assert again.as_json() == made.as_json()


@pytest.mark.parametrize("data", [None, {}, {"format": 99}, {"format": 1}, {"format": 1, "layers": 3}])
def test_damaged_json_is_refused(data):
    with pytest.raises(ConfigError):
        Blueprint.from_json(data)


def test_concatenating_blocks_have_twice_the_channels_and_are_narrowed_where_read():
    cells = twice(Block(0, "identity", 1, "identity", "concat"), Block(2, "identity", 2, "avg_pool_3x3"), concat=(2, 3))
    made = build_blueprint(cells, SkeletonConfig(repeats=1, filters=8), (3, 32, 32), 10)
    cell = made.placements[-2]
    assert cell.nodes["s2"].shape[0] == 64 and cell.nodes["s3"].shape[0] == 32 and cell.shape[0] == 96
    assert cell.nodes["s2"].params == 64 * 32 + 2 * 32
    assert cell.nodes["b2l"].params == cell.nodes["b2r"].params == 0
    fits = [name for name in convolutions(made) if name.startswith(f"{cell.name}.s2.")]
    assert fits == [f"{cell.name}.s2.conv"]


def test_what_reaches_no_output_is_not_built():
    """A cell that never reads its newer input splits the network into two chains, and the classifier sees one."""
    cells = twice(Block(0, "sep_conv_3x3", 0, "identity"), Block(0, "conv_1x1", 0, "conv_3x3"))
    made = build_blueprint(cells, SkeletonConfig(repeats=2, filters=8), (3, 32, 32), 10)
    built = {name.split(".")[1] for name in convolutions(made) if name.startswith("cells.")}
    assert built == {"1", "3", "5", "7"}
    for part in made.placements[1:-1]:
        assert part.nodes["s1"].params == part.nodes["b2l"].params == 0
        assert (part.params > 0) == (part.name.split(".")[1] in built)
    names = [layer.name for layer in made.layers if layer.kind in ("conv", "norm", "linear")]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("dialect", ["tf", "darts", "enas"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 11), (1, 28, 28), (2, 33, 8)])
def test_any_image_size_from_8_and_any_channels(dialect, shape):
    for number in range(5):
        made = build_blueprint(sampled(number), SkeletonConfig(repeats=1, filters=4, dialect=dialect), shape, 3)
        halved = [(-(-side // 4)) for side in shape[1:]]
        assert list(made.placements[-2].shape[1:]) == halved


@pytest.mark.parametrize(("layers", "reductions"), [(3, [1, 2]), (8, [2, 5]), (9, [3, 6]), (20, [6, 13])])
def test_cells_in_all_decide_where_reductions_sit(layers, reductions):
    made = build_blueprint(sampled(1), SkeletonConfig(layers=layers, filters=4), (3, 32, 32), 10)
    kinds = [part.kind for part in made.placements[1:-1]]
    assert [at for at, kind in enumerate(kinds) if kind == "reduction"] == reductions and len(kinds) == layers


def test_settings_of_the_skeleton_do_what_they_say():
    cells = sampled(2)

    def made(**settings):
        return build_blueprint(cells, SkeletonConfig(repeats=1, filters=8, **settings), (3, 32, 32), 10)

    assert made().placements[0].shape[0] == 24
    assert made(stem_multiplier=1).placements[0].shape[0] == 8
    assert made(stem_filters=20).placements[0].shape[0] == 20
    assert made(norm_decay=0.99).norm_momentum == 0.01
    assert [layer.options for layer in made(dropout=0.5).layers if layer.kind == "dropout"] == [{"rate": 0.5}]
    assert made(kind="imagenet").norm_eps == 1e-3 and made().norm_eps == 1e-5


def test_stage_features_halve_from_stage_to_stage():
    made = build_blueprint(sampled(2), SkeletonConfig(repeats=1, filters=8), (3, 28, 28), 10)
    assert [feature.stride for feature in made.graph.features] == [1, 2, 4]
    imagenet = build_blueprint(sampled(2), SkeletonConfig("imagenet", repeats=1, filters=8), (3, 224, 224), 10)
    assert [feature.stride for feature in imagenet.graph.features] == [2, 4, 8, 16, 32]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"layers": 2}, "layers"),
        ({"kind": "imagenet", "dialect": "enas"}, "dialect"),
    ],
)
def test_impossible_skeletons_are_refused_at_their_field(settings, field):
    with pytest.raises(ConfigError) as caught:
        SkeletonConfig(**settings)
    assert list(caught.value.problems) == [field]


def test_cells_cannot_be_stacked_with_odd_filters():
    with pytest.raises(ConfigError) as caught:
        build_blueprint(sampled(1), SkeletonConfig(filters=31), (3, 32, 32), 10)
    assert list(caught.value.problems) == ["skeleton.filters"]


def test_impossible_images_and_cells_are_refused():
    cells = sampled(1)
    for arguments in (
        (cells, SkeletonConfig(), (3, 7, 32), 10),
        (cells, SkeletonConfig(), (0, 32, 32), 10),
        (cells, SkeletonConfig(), (3, 32, 32), 0),
        (cells[:1], SkeletonConfig(), (3, 32, 32), 10),
    ):
        with pytest.raises(ConfigError):
            build_blueprint(*arguments)


def test_costs_and_notations_do_without_torch():
    program = (
        "import sys\n"
        "from nas_engine import zoo, notation\n"
        "from nas_engine.blueprint import build_blueprint\n"
        "from nas_engine.export import bundle, weights\n"
        "from nas_engine.protocol import SkeletonConfig\n"
        "cells = notation.from_text(notation.to_darts(zoo.get('darts-v2').cells))\n"
        "build_blueprint(cells, SkeletonConfig(), (3, 32, 32), 10).as_json()\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
