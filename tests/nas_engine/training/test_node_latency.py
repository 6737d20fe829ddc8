"""Latency by node: every layer is charged to the node it belongs to, and looking on changes nothing."""

import time
from types import SimpleNamespace

import pytest
import torch

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.errors import SearchCancelled
from nas_engine.latency import LatencyConfig
from nas_engine.networks import build
from nas_engine.networks.wrapping import wrap_layers
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_spaces.randwire import parse_cells
from nas_engine.training import node_latency
from nas_engine.training.node_latency import measure_nodes

CPU = torch.device("cpu")
QUICK = LatencyConfig(latency_runs=4, latency_warm_up=2)
NETWORKS = {
    "nasnet-a": (zoo.get("nasnet-a").cells, SkeletonConfig(repeats=1, filters=4), (1, 8, 8)),
    "darts-v2": (zoo.get("darts-v2").cells, SkeletonConfig(repeats=1, filters=4, dialect="darts"), (3, 16, 16)),
    "enas-micro": (zoo.get("enas-micro").cells, SkeletonConfig(repeats=1, filters=4, dialect="enas"), (3, 16, 16)),
    "randwire": (parse_cells("ws(4,0.75):nodes=6:seed=1"), SkeletonConfig(filters=4, whole=True), (3, 32, 32)),
    "mnasnet-a1": (zoo.get("mnasnet-a1").cells, SkeletonConfig(whole=True), (3, 64, 64)),
}


@pytest.fixture(params=NETWORKS)
def blueprint(request):
    cells, skeleton, shape = NETWORKS[request.param]
    return build_blueprint(cells, skeleton, shape, 10)


def layers_of(blueprint) -> list[tuple[int, str]]:
    """(placement, node) of every layer that computes, found by the placements' own node ids."""
    found = []
    for layer in blueprint.layers[1:]:
        if layer.kind == "drop_path":
            continue
        for place, placed in enumerate(blueprint.placements):
            if layer.name.startswith(f"{placed.name}."):
                node = layer.name[len(placed.name) + 1 :].split(".")[0]
                found.append((place, node if node in placed.nodes else ""))
    return found


def test_every_layer_is_charged_to_its_node(blueprint, monkeypatch):
    """The clock ticks once a reading, so that every layer takes one second."""
    ticks = iter(range(10**9))
    monkeypatch.setattr(
        node_latency, "time", SimpleNamespace(perf_counter=lambda: next(ticks), monotonic=time.monotonic)
    )
    result = measure_nodes(blueprint, CPU, QUICK)
    expected = layers_of(blueprint)
    assert len(expected) == sum(layer.kind != "drop_path" for layer in blueprint.layers[1:])
    assert len(result["nodes"]) == len(blueprint.placements)
    for place, nodes in enumerate(result["nodes"]):
        assert nodes == {node: expected.count((place, node)) for at, node in expected if at == place}
    assert result["together"] == len(expected) and result["runs"] == 4
    costly = {
        (place, node) for place, one in enumerate(blueprint.placements) for node, cost in one.nodes.items() if cost.macs
    }
    assert costly <= {(place, node) for place, nodes in enumerate(result["nodes"]) for node in nodes}


def test_looking_on_changes_no_output(blueprint):
    network = build(blueprint).eval()
    images = torch.randn(2, *blueprint.image_shape)
    with torch.inference_mode():
        plain, seen = network(images), []

        def wrap(index, run):
            return lambda *maps: seen.append(index) or run(*maps)

        wrap_layers(network, wrap)
        assert torch.equal(network(images), plain)
    assert seen == sorted(set(seen)) and len(seen) == len(layers_of(blueprint))


def test_the_result_says_how_it_was_measured(blueprint):
    result = measure_nodes(blueprint, CPU, QUICK)
    assert (result["runs"], result["batch"], result["warm_up"], result["device"]["kind"]) == (4, 1, 2, "cpu")
    assert result["median"] > 0 and all(value > 0 for nodes in result["nodes"] for value in nodes.values())
    assert result["together"] == pytest.approx(sum(sum(nodes.values()) for nodes in result["nodes"]))


def test_it_gives_up_between_two_runs(blueprint):
    asked = iter([False, False, True])
    with pytest.raises(SearchCancelled):
        measure_nodes(blueprint, CPU, QUICK, lambda: next(asked))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_layers_are_timed_by_its_own_clock(blueprint):
    result = measure_nodes(blueprint, torch.device("cuda"), QUICK)
    assert result["device"]["kind"] == "cuda" and result["together"] > 0
