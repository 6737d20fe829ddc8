"""The layered layout, on graphs of the size of a RandWire stage."""

import itertools
from collections import Counter

import pytest

from nas_engine.search_spaces.random_graphs import Generator
from webapp.diagrams import layered
from webapp.diagrams.layered import arrange


def stage(text: str, seed: int) -> list[tuple[int, int]]:
    """A stage's graph with its input 0 and its output 33."""
    wiring = Generator.parse(text).wiring(32, seed)
    inner = [(source + 1, target + 1) for source, target in wiring.edges]
    return sorted([*inner, *((0, node + 1) for node in wiring.inputs), *((node + 1, 33) for node in wiring.outputs)])


@pytest.mark.parametrize("text", ["ws(4,0.75)", "ba(5)", "er(0.2)", "er(0.8)"])
def test_stages_flow_forward_and_their_nodes_do_not_overlap(text):
    edges = stage(text, 1)
    placed = arrange(edges)
    assert set(placed.places) == set(range(34)) and set(placed.routes) == set(edges)
    for (source, target), route in placed.routes.items():
        ranks = [placed.places[source][0], *(rank for rank, _ in route), placed.places[target][0]]
        assert ranks == list(range(ranks[0], ranks[-1] + 1)) and len(ranks) > 1
    by_rank = {}
    for rank, lane in placed.places.values():
        by_rank.setdefault(rank, []).append(lane)
    for lanes in by_rank.values():
        assert all(b - a >= 0.99 for a, b in itertools.pairwise(sorted(lanes)))


def test_the_larger_the_graph_the_fewer_attempts(monkeypatch):
    """What keeps the layout of any stage within milliseconds: the number of times the library is called."""
    calls, attempt = Counter(), layered._attempt

    def counted(edges, *rest):
        calls[len(edges)] += 1
        return attempt(edges, *rest)

    monkeypatch.setattr(layered, "_attempt", counted)
    small, middle, large = [(0, 1), (0, 2), (1, 3), (2, 3)], stage("ws(4,0.75)", 1), stage("er(0.8)", 1)
    for edges in (small, middle, large):
        arrange(edges)
    assert [calls[len(edges)] for edges in (small, middle, large)] == [4, 4, 1]
    calls.clear()
    arrange(middle, tries=1)
    assert calls[len(middle)] == 1, "a thumbnail is not worth more"


def test_crossings_are_pairs_whose_order_changes():
    for seed in range(5):
        segments = [(edge[0] % 7, edge[1] % 5) for edge in stage("er(0.2)", seed)]
        pairs = itertools.combinations(segments, 2)
        assert layered._inversions(segments) == sum((a - c) * (b - d) < 0 for (a, b), (c, d) in pairs)


def test_a_cycle_is_refused():
    with pytest.raises(ValueError, match="cycle"):
        arrange([(0, 1), (1, 2), (2, 1), (2, 3)])
