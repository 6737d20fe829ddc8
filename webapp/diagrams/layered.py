"""Layered (Sugiyama) layout of a small directed acyclic graph: a rank along the flow and a lane across it for every node."""

import logging
import random
from collections import Counter, defaultdict
from dataclasses import dataclass

from fast_sugiyama import from_edges

for chatty in ("rust-sugiyama", "connected_components"):
    logging.getLogger(chatty).setLevel(logging.WARNING)  # the library narrates every step at INFO

Edge = tuple[int, int]
METHODS = tuple((crossing, transpose) for crossing in ("barycenter", "median") for transpose in (True, False))
TRIES = 5  # orders of the edges, to which the method is sensitive; more than five gain almost nothing
THIN = 0.2  # lanes that an edge takes where it passes a rank, a node taking one


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
    only hold a node in place and are not drawn. The result depends on the arguments alone. Raises ValueError for a
    self-loop, which the layout library would not survive, and for a graph in several pieces.
    """
    if any(source == target for source, target in (*edges, *tied)):
        raise ValueError("A node cannot be its own input")
    shuffled, rng, best = [*edges, *tied], random.Random(0), None
    for _ in range(tries):
        for crossing, transpose in METHODS:
            candidate = _attempt(shuffled, crossing, transpose, edges)
            if best is None or _cost(candidate) < _cost(best):
                best = candidate
        if best.crossings == 0:
            break
        rng.shuffle(shuffled)
    return best


def _attempt(shuffled: list[Edge], crossing: str, transpose: bool, edges: list[Edge]) -> Arrangement:
    pieces = from_edges(
        shuffled,
        dummy_vertices=True,
        vertex_spacing=1,
        minimum_length=1,
        dummy_size=THIN,
        ranking_type="up",  # sources first, and every node right behind its latest input
        crossing_minimization=crossing,
        transpose=transpose,
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
    return sum(
        (a - c) * (b - d) < 0
        for segments in by_rank.values()
        for index, (a, b) in enumerate(segments)
        for c, d in segments[:index]
    )


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
