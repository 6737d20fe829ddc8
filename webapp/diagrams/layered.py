"""Layered (Sugiyama) layout of a small directed acyclic graph: a rank along the flow and a lane across it for every node."""

import logging
import random
from bisect import bisect_right, insort
from collections import Counter, defaultdict
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from fast_sugiyama import from_edges

for chatty in ("rust-sugiyama", "connected_components"):
    logging.getLogger(chatty).setLevel(logging.WARNING)  # the library narrates every step at INFO

Edge = tuple[int, int]
METHODS = tuple((crossing, transpose) for crossing in ("barycenter", "median") for transpose in (True, False))
TRIES = 5  # orders of the edges, to which the method is sensitive; more than five gain almost nothing


@dataclass(frozen=True)
class Effort:
    """How hard to try, so that a cell is laid out as well as can be and a random graph of 32 nodes within 50 ms.

    ``steps`` is the largest number of ranks, over all edges, that edges may climb. ``ranking`` "up" puts every node right
    behind its latest input, "minimize" makes the edges as short as can be. ``thin`` is how many lanes an edge takes where
    it passes a rank, a node taking one.
    """

    steps: float
    ranking: str
    thin: float
    methods: tuple[tuple[str, bool], ...]
    tries: int


EFFORTS = (
    Effort(160, "up", 0.2, METHODS, TRIES),
    Effort(800, "minimize", 0.1, METHODS, 1),
    Effort(float("inf"), "minimize", 0.05, (("median", False),), 1),
)


@dataclass(frozen=True)
class Arrangement:
    """``places[node]`` is (rank, lane), both from 0; ``routes[edge]`` the (rank, lane) points an edge passes in between.
    Lanes may be fractional. ``crossings`` counts pairs of edges that cross."""

    places: dict[int, tuple[int, float]]
    routes: dict[Edge, tuple[tuple[int, float], ...]]
    crossings: int

    @property
    def lanes(self) -> float:
        points = [*self.places.values(), *(point for route in self.routes.values() for point in route)]
        return max(lane for _, lane in points)


def arrange(edges: list[Edge], tied: list[Edge] = (), tries: int = TRIES) -> Arrangement:
    """The arrangement with the fewest crossings among several tries, then the narrowest, then the shortest edges.

    ``edges`` are distinct (source, target) pairs over non-negative ints that connect everything; ``tied`` are edges that
    only hold a node in place and are not drawn. One try of a large graph takes the quickest method alone, for small
    pictures. The result depends on the arguments alone. Raises ValueError for a
    self-loop, which the layout library would not survive, and for a graph in several pieces.
    """
    if any(source == target for source, target in (*edges, *tied)):
        raise ValueError("A node cannot be its own input")
    shuffled, rng, best = [*edges, *tied], random.Random(0), None
    effort = _effort(shuffled)
    methods = effort.methods if tries > 1 or effort is EFFORTS[0] else effort.methods[-1:]
    for _ in range(min(tries, effort.tries)):
        for method in methods:
            candidate = _attempt(shuffled, effort, method, edges)
            if best is None or _cost(candidate) < _cost(best):
                best = candidate
        if best.crossings == 0:
            break
        rng.shuffle(shuffled)
    return best


def _effort(edges: list[Edge]) -> Effort:
    """What the graph's size allows. Raises ValueError for a cycle."""
    before, rank = defaultdict(list), {}
    for source, target in edges:
        before[target].append(source)
    try:
        for node in TopologicalSorter(before).static_order():
            rank[node] = max((rank[source] + 1 for source in before[node]), default=0)
    except CycleError:
        raise ValueError("The graph has a cycle") from None
    steps = sum(rank[target] - rank[source] for source, target in edges)
    return next(effort for effort in EFFORTS if steps <= effort.steps)


def _attempt(shuffled: list[Edge], effort: Effort, method: tuple[str, bool], edges: list[Edge]) -> Arrangement:
    pieces = from_edges(
        shuffled,
        dummy_vertices=True,
        vertex_spacing=1,
        minimum_length=1,
        dummy_size=effort.thin,
        ranking_type=effort.ranking,
        crossing_minimization=method[0],
        transpose=method[1],
    )
    if len(pieces) != 1:
        raise ValueError("The graph is in several pieces")
    positions, _, _, segments = pieces[0]
    nodes, drawn = {node for edge in shuffled for node in edge}, set(edges)
    routes = {edge: passed for edge, passed in _follow(segments, nodes).items() if edge in drawn}
    seen = nodes.union(*routes.values())
    top, left = max(y for _, (_, y) in positions), min(x for node, (x, _) in positions if node in seen)
    spots = {node: (round(top - y), round(x - left, 3)) for node, (x, y) in positions}
    places = {node: spots[node] for node in nodes}
    routes = {edge: tuple(spots[at] for at in passed) for edge, passed in routes.items()}
    return Arrangement(places, routes, _count_crossings(places, routes))


def _follow(segments: list[Edge], nodes: set[int]) -> dict[Edge, list[int]]:
    """Each edge's dummy vertices in order: start at the source, walk through ids that are not nodes."""
    onwards = defaultdict(list)
    for source, target in segments:
        onwards[source].append(target)
    routes = {}
    for source in nodes:
        for at in onwards[source]:
            passed = []
            while at not in nodes:
                passed.append(at)
                (at,) = onwards[at]
            routes[source, at] = passed
    return routes


def _steps(places: dict, routes: dict) -> list[tuple[tuple[int, float], tuple[int, float]]]:
    steps = []
    for (source, target), passed in routes.items():
        stops = [places[source], *passed, places[target]]
        steps += zip(stops, stops[1:], strict=False)
    return steps


def _count_crossings(places: dict, routes: dict) -> int:
    by_rank = defaultdict(list)
    for (rank, a), (_, b) in _steps(places, routes):
        by_rank[rank].append((a, b))
    return sum(map(_inversions, by_rank.values()))


def _inversions(segments: list[tuple[float, float]]) -> int:
    """Pairs whose ends stand in the other order than their beginnings."""
    found, passed = 0, []
    for _, end in sorted(segments):
        found += len(passed) - bisect_right(passed, end)
        insort(passed, end)
    return found


def _cost(candidate: Arrangement) -> tuple[int, float, float]:
    reach = sum(abs(a - b) for (_, a), (_, b) in _steps(candidate.places, candidate.routes))
    return candidate.crossings, candidate.lanes, round(reach, 3)


def mirrored(arrangement: Arrangement) -> Arrangement:
    """The same arrangement with its lanes counted from the other side."""
    last = arrangement.lanes

    def flip(point: tuple[int, float]) -> tuple[int, float]:
        return point[0], round(last - point[1], 3)

    places = {node: flip(point) for node, point in arrangement.places.items()}
    routes = {edge: tuple(map(flip, route)) for edge, route in arrangement.routes.items()}
    return Arrangement(places, routes, arrangement.crossings)


def in_rank(arrangement: Arrangement) -> Counter:
    """How many nodes stand in each rank."""
    return Counter(rank for rank, _ in arrangement.places.values())
