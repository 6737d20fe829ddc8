import itertools
import math
import random

import pytest

from nas_engine import pareto


def cloud(count: int, dimensions: int, seed: int = 0) -> list[tuple[float, ...]]:
    rng = random.Random(seed)
    return [tuple(rng.randrange(12) / 12 for _ in range(dimensions)) for _ in range(count)]


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4])
def test_the_front_is_what_nothing_dominates_each_point_once(dimensions):
    points = cloud(80, dimensions)
    chosen = pareto.front(points)
    best = {p for p in points if not any(pareto.dominates(other, p) for other in points)}
    assert {points[at] for at in chosen} == best and len(chosen) == len(best)
    assert chosen == sorted(chosen)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_ranks_peel_front_after_front(dimensions):
    points, left, level = cloud(50, dimensions), set(range(50)), 0
    ranks = pareto.ranks(points)
    while left:
        now = {a for a in left if not any(pareto.dominates(points[b], points[a]) for b in left)}
        assert {at for at in range(50) if ranks[at] == level} == now
        left, level = left - now, level + 1
    assert pareto.ranks([]) == []


def test_the_ends_of_a_front_are_most_alone():
    points = [(0.0, 1.0), (0.1, 0.9), (0.2, 0.8), (0.9, 0.05), (1.0, 0.0)]
    distance = pareto.crowding(points)
    assert distance[0] == distance[-1] == math.inf
    assert distance[1:4] == pytest.approx([0.2 + 0.2, 0.8 + 0.85, 0.8 + 0.8])


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4])
def test_hypervolume_counts_the_dominated_cells_of_a_grid(dimensions):
    points, side = cloud(12, dimensions, seed=dimensions), 12
    cells = itertools.product(range(side), repeat=dimensions)
    inside = sum(any(all(p[d] * side <= c[d] + 1e-9 for d in range(dimensions)) for p in points) for c in cells)
    assert pareto.hypervolume(points, [1.0] * dimensions) == pytest.approx(inside / side**dimensions)


def test_points_beyond_the_reference_add_nothing():
    assert pareto.hypervolume([(2.0, 0.1)], (1.0, 1.0)) == 0.0
    assert pareto.hypervolume([(0.5, 0.5), (0.1, 3.0)], (1.0, 1.0)) == pytest.approx(0.25)
