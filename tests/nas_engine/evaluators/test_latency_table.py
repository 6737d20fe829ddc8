import json

import pytest

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.cell import cells_key
from nas_engine.errors import ConfigError, EvaluationFailed
from nas_engine.evaluators.latency_table import COUNTED, layer_key, table_latency
from nas_engine.evaluators.settings import StandaloneConfig
from nas_engine.latency import same_way
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_config import read_search

CELLS = zoo.get("mnasnet-small").cells
BLUEPRINT = build_blueprint(CELLS, SkeletonConfig(whole=True), (3, 32, 32), 10)
LAYERS = [layer_key(layer, BLUEPRINT) for layer in BLUEPRINT.layers if layer.kind in COUNTED]


@pytest.fixture
def table(tmp_path):
    def write(text: str) -> str:
        path = tmp_path / "latency"
        path.write_text(text)
        return str(path)

    return write


def test_layers_are_called_by_what_decides_their_time():
    assert LAYERS[0] == "conv 3x3/2 3>8 at 32x32" and LAYERS[-1] == "linear 1280>10"
    assert "conv 3x3/1 8>8 g8 at 16x16" in LAYERS
    nasnet = build_blueprint(zoo.get("nasnet-a").cells, SkeletonConfig(repeats=1, filters=8), (3, 16, 16), 10)
    keys = {layer_key(layer, nasnet) for layer in nasnet.layers if layer.kind in COUNTED}
    assert "avg_pool 3x3/1 8 at 16x16" in keys


def test_the_layers_of_a_table_are_added_up(table):
    rows = dict.fromkeys(LAYERS, 0.25)
    expected = pytest.approx(0.25e-3 * len(LAYERS))
    assert table_latency(table(json.dumps(rows)), CELLS, BLUEPRINT) == expected
    csv = "key, ms\n" + "".join(f'"{key}", {ms}\n' for key, ms in rows.items())
    assert table_latency(table(csv), CELLS, BLUEPRINT) == expected


def test_a_whole_architecture_counts_before_its_layers(table):
    key = cells_key(CELLS)
    assert table_latency(table(json.dumps({key[:9]: 3.5})), CELLS, BLUEPRINT) == 0.0035
    both = {key: 2.0, key[:7]: 3.5, **dict.fromkeys(LAYERS, 1)}
    assert table_latency(table(json.dumps(both)), CELLS, BLUEPRINT) == 0.002


def test_what_is_missing_is_named(table):
    rows = dict.fromkeys(LAYERS[1:], 1)
    with pytest.raises(EvaluationFailed, match="conv 3x3/2 3>8 at 32x32"):
        table_latency(table(json.dumps(rows)), CELLS, BLUEPRINT)


@pytest.mark.parametrize(
    "text", ["", "{}", "{broken", "a,b\n1,2\n", '{"x": "fast"}', '{"x": -1}', '{"x": [1]}', "[1, 2]"]
)
def test_a_file_that_is_no_table_says_what_a_table_is(table, text):
    with pytest.raises(EvaluationFailed, match="CSV file with the columns key and ms"):
        table_latency(table(text), CELLS, BLUEPRINT)


def test_a_missing_file_is_named():
    with pytest.raises(EvaluationFailed, match="/nowhere/table.csv"):
        table_latency("/nowhere/table.csv", CELLS, BLUEPRINT)


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(ConfigError) as caught:
        read_search({"evaluator_config": {"latency": "table"}})
    assert list(caught.value.problems) == ["evaluator_config.latency_table"]
    steered = {"evaluator_config": {"latency": "none"}, "reward": {"goal": "latency", "target": 5}}
    with pytest.raises(ConfigError, match="needs a latency"):
        read_search(steered)


def test_latencies_compare_only_where_they_were_obtained_alike():
    usual, other = StandaloneConfig(), StandaloneConfig(latency_batch=8)
    assert same_way(usual, {}) and same_way(usual, {"way": usual.way()})
    assert not same_way(other, {}) and not same_way(other, {"way": usual.way()})
    assert same_way(StandaloneConfig(latency_warm_up=50), {"way": usual.way()})
    assert not same_way(usual, {"way": StandaloneConfig(latency="table", latency_table="a.csv").way()})
