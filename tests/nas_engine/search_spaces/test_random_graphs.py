"""The generators of Xie et al. 2019, section 3.2, and the graphs they give."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from nas_engine.errors import ConfigError
from nas_engine.search_spaces.graph_statistics import mean_statistics, statistics
from nas_engine.search_spaces.random_graphs import Generator, Wiring

PAPER = ("er(0.2)", "ba(5)", "ws(4,0.75)")
SEEDS = range(30)


def wirings(text: str, nodes: int = 32):
    return [Generator.parse(text).wiring(nodes, seed) for seed in SEEDS]


@pytest.mark.parametrize("text", PAPER)
def test_edges_lead_forwards_and_stand_once(text):
    for wiring in wirings(text):
        assert len(set(wiring.edges)) == len(wiring.edges)
        assert all(0 <= source < target < 32 for source, target in wiring.edges)
        assert wiring.inputs and wiring.outputs
        assert sum(map(len, wiring.before)) == sum(map(len, wiring.after)) == len(wiring.edges)


@pytest.mark.parametrize("text", PAPER)
def test_the_seed_decides(text):
    generator = Generator.parse(text)
    assert generator.wiring(32, 1) == generator.wiring(32, 1)
    assert len({wiring.edges for wiring in wirings(text)}) == len(SEEDS)


def test_graphs_do_not_depend_on_the_process():
    """The hash seed of a process must not reach the graphs: a search goes on in another one."""
    code = (
        "from nas_engine.search_spaces.random_graphs import Generator as G;"
        f"print([G.parse(t).wiring(32, 7).edges for t in {PAPER!r}])"
    )
    printed = {
        subprocess.check_output([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, text=True)
        for seed in ("0", "1")
    }
    assert len(printed) == 1
    assert str(Generator.parse("ws(4,0.75)").wiring(32, 7).edges) in printed.pop()


def test_erdos_renyi_takes_each_pair_alike():
    assert Generator.parse("er(0)").wiring(32, 0).edges == ()
    assert len(Generator.parse("er(1)").wiring(32, 0).edges) == 32 * 31 // 2
    counts = [len(wiring.edges) for wiring in wirings("er(0.2)")]
    # 496 pairs: the mean of 30 graphs has a standard deviation of 1.6.
    assert abs(sum(counts) / len(counts) - 99.2) < 8


@pytest.mark.parametrize("m", [1, 3, 5, 7])
def test_barabasi_albert_starts_with_m_nodes_without_edges(m):
    for wiring in wirings(f"ba({m})"):
        assert len(wiring.edges) == m * (32 - m)
        assert wiring.inputs == tuple(range(m))
        assert wiring.before[m] == tuple(range(m))
        assert all(len(before) == m for before in wiring.before[m:])


def test_barabasi_albert_prefers_nodes_with_many_edges():
    """Of the nodes that could be met, those met first end up with the most edges."""
    degrees = Counter(end for wiring in wirings("ba(2)", 64) for edge in wiring.edges for end in edge)
    assert sum(degrees[node] for node in range(8)) > 3 * sum(degrees[node] for node in range(48, 56))


def test_watts_strogatz_without_bends_is_a_ring():
    wiring = Generator.parse("ws(4,0)").wiring(32, 3)
    ring = {tuple(sorted((node, (node + step) % 32))) for node in range(32) for step in (1, 2)}
    assert set(wiring.edges) == ring
    found = statistics(wiring)
    assert found.degree == 4 and found.clustering == pytest.approx(0.5)
    # Distances on the ring: 4 nodes at each of 1 .. 7, and 3 at 8.
    assert found.path_length == pytest.approx((4 * sum(range(1, 8)) + 3 * 8) / 31)


@pytest.mark.parametrize("p", [0.25, 0.75, 1.0])
def test_watts_strogatz_keeps_its_edges_in_number(p):
    for wiring in wirings(f"ws(4,{p})"):
        assert len(wiring.edges) == 64


def test_watts_strogatz_bends_as_often_as_it_says():
    ring = set(Generator.parse("ws(4,0)").wiring(32, 0).edges)
    kept = [len(ring & set(wiring.edges)) for wiring in wirings("ws(4,1)")]
    # Every edge is bent; about 64 x 4/28 happen to come back to a place on the ring.
    assert sum(kept) / len(kept) < 16
    half = [len(ring & set(wiring.edges)) for wiring in wirings("ws(4,0.5)")]
    assert 30 < sum(half) / len(half) < 45


def test_watts_strogatz_where_everybody_knows_everybody():
    assert len(Generator.parse("ws(6,1)").wiring(7, 0).edges) == 21


@pytest.mark.parametrize("text", [*PAPER, "er(0)", "er(1)", "ba(1)", "ws(2,1)"])
def test_text_and_back(text):
    assert str(Generator.parse(text)) == text
    assert Generator.parse(f" {text.upper()} ") == Generator.parse(text)


@pytest.mark.parametrize(
    "text", ["", "er", "er()", "er(1.5)", "ba(0)", "ba(2.5)", "ws(3,0.5)", "ws(4)", "sw(4,0.5)", "er(nan)"]
)
def test_what_is_no_generator_is_said_so(text):
    with pytest.raises(ConfigError):
        Generator.parse(text)


@pytest.mark.parametrize("text", ["ba(8)", "ws(8,0.5)"])
def test_too_few_nodes_are_said_so(text):
    with pytest.raises(ConfigError, match="9 nodes or more, not 8"):
        Generator.parse(text).wiring(8, 0)


def test_a_backward_edge_is_refused():
    with pytest.raises(ConfigError):
        Wiring(3, ((2, 1),))


def test_statistics_of_graphs_one_can_reckon():
    path = statistics(Wiring(4, ((0, 1), (1, 2), (2, 3))))
    assert (path.edges, path.depth, path.inputs, path.outputs) == (3, 3, 1, 1)
    assert path.path_length == pytest.approx(10 / 6) and path.clustering == 0
    assert path.connectivity == pytest.approx(2 - 2**0.5)
    whole = statistics(Generator.parse("er(1)").wiring(6, 0))
    assert (whole.path_length, whole.clustering, whole.connectivity) == (1, 1, pytest.approx(6))
    apart = statistics(Wiring(4, ((0, 1), (2, 3))))
    assert (apart.path_length, apart.connectivity, apart.outputs) == (1, 0, 2)
    alone = statistics(Wiring(1, ()))
    assert (alone.path_length, alone.clustering, alone.degree, alone.depth) == (0, 0, 0, 0)
    assert mean_statistics((Wiring(4, ((0, 1), (2, 3))), Wiring(4, ((0, 1), (1, 2), (2, 3)))))["edges"] == 2.5
