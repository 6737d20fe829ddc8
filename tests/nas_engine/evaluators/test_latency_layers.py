"""Latency tables: which layers they need, what is measured of each, and that a search can read what is written."""

import csv
import io

import pytest
import torch

from nas_engine.blueprint import build_blueprint
from nas_engine.errors import ConfigError
from nas_engine.evaluators.latency_layers import COLUMNS, knows, layers_of, measure_layer, sample_cells, write_table
from nas_engine.evaluators.latency_table import COUNTED, layer_key, table_latency
from nas_engine.latency import LatencyConfig
from nas_engine.networks import build
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_spaces.mnasnet import MnasNetConfig, MnasNetSpace
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace

CPU = torch.device("cpu")
TINY = NASNetSpace(NASNetConfig(1, ("identity", "conv_3x3", "sep_conv_3x3", "avg_pool_3x3", "max_pool_3x3")))


def draft(cells):
    return build_blueprint(cells, SkeletonConfig(repeats=1, filters=4), (3, 8, 8), 10)


@pytest.fixture(scope="module")
def found():
    return layers_of(TINY, draft, 120)


def test_the_layers_of_all_samples_are_found_once(found):
    expected = set()
    for number in range(1, 121):
        blueprint = draft(sample_cells(TINY, number))
        expected |= {layer_key(layer, blueprint) for layer in blueprint.layers if layer.kind in COUNTED}
        assert knows(found.alone, blueprint)
    assert set(found.alone) == expected and found.drafted == 120 and 1 < found.last_new <= 120
    before = layers_of(TINY, draft, found.last_new - 1).alone
    assert len(before) < len(expected) and len(layers_of(TINY, draft, found.last_new).alone) == len(expected)


def test_a_layer_by_itself_is_the_layer(found):
    for key, alone in found.alone.items():
        network = build(alone)
        images = torch.randn(2, *alone.image_shape)
        assert layer_key(alone.layers[1], alone) == key
        assert tuple(network(images).shape[1:]) in (tuple(alone.layers[1].shape), (alone.classes,))
    assert {key.split()[0] for key in found.alone} == {"conv", "avg_pool", "max_pool", "linear"}


def test_a_written_table_answers_for_networks_it_was_not_made_from(found, tmp_path):
    way = LatencyConfig(latency_runs=1, latency_warm_up=0, latency_batch=2)
    measured = {key: measure_layer(alone, CPU, way) for key, alone in found.alone.items()}
    path = tmp_path / "table.csv"
    with path.open("w", newline="") as file:
        write_table(file, measured)
    cells = sample_cells(TINY, 1000)
    blueprint = draft(cells)
    keys = [layer_key(layer, blueprint) for layer in blueprint.layers if layer.kind in COUNTED]
    expected = sum(measured[key]["median"] for key in keys)
    assert table_latency(str(path), cells, blueprint) == pytest.approx(expected, rel=1e-4)
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert tuple(rows[0]) == COLUMNS and len(rows) == len(measured)
    assert {(row["batch"], row["runs"], row["precision"]) for row in rows} == {("2", "1", "float32")}


def test_layers_of_whole_networks_too():
    space = MnasNetSpace(MnasNetConfig())
    found = layers_of(
        space, lambda cells: build_blueprint(cells, SkeletonConfig(whole=True), (3, 32, 32), 10), samples=3
    )
    for alone in found.alone.values():
        build(alone)(torch.zeros(1, *alone.image_shape))


def test_where_no_network_can_be_built_the_reason_is_given():
    def refuse(cells):
        raise ConfigError("Too small for this image.", "skeleton")

    with pytest.raises(ConfigError, match="Too small"):
        layers_of(TINY, refuse, 3)
