"""Pareto fronts: which points no other beats. Every objective is to be as small as possible."""

import math
from collections.abc import Sequence

Point = Sequence[float]


def dominates(first: Point, second: Point) -> bool:
    """Whether ``first`` is nowhere worse and somewhere better."""
    return all(a <= b for a, b in zip(first, second, strict=True)) and any(
        a < b for a, b in zip(first, second, strict=True)
    )


def front(points: Sequence[Point]) -> list[int]:
    """Indices of the points that no other dominates; of equal points the first. In the order given."""
    order = sorted(range(len(points)), key=lambda index: (*points[index], index))
    chosen: list[int] = []
    seen: set[tuple[float, ...]] = set()
    for index in order:  # lexicographically: nothing later can dominate what was chosen
        point = tuple(points[index])
        if point not in seen and not any(dominates(points[other], point) for other in chosen):
            chosen.append(index)
        seen.add(point)
    return sorted(chosen)


def ranks(points: Sequence[Point]) -> list[int]:
    """0 for the first front, 1 for the front without it, and so on (Deb et al. 2002, section III-A)."""
    better = [[dominates(a, b) for b in points] for a in points]
    waiting = [sum(row[at] for row in better) for at in range(len(points))]
    found, level = [-1] * len(points), 0
    while -1 in found:
        now = [at for at, count in enumerate(waiting) if count == 0 and found[at] < 0]
        for at in now:
            found[at] = level
        for at in now:
            for other, beaten in enumerate(better[at]):
                waiting[other] -= beaten
        level += 1
    return found


def crowding(points: Sequence[Point]) -> list[float]:
    """How alone each point of one front is: the sum over objectives of the gap between its neighbours, as a share of the
    front's extent; infinite at the ends (Deb et al. 2002, section III-B)."""
    distance = [0.0] * len(points)
    for objective in range(len(points[0]) if points else 0):
        order = sorted(range(len(points)), key=lambda index: (points[index][objective], index))
        low, high = points[order[0]][objective], points[order[-1]][objective]
        distance[order[0]] = distance[order[-1]] = math.inf
        if not 0 < high - low < math.inf:
            continue
        for before, here, after in zip(order, order[1:], order[2:], strict=False):
            distance[here] += (points[after][objective] - points[before][objective]) / (high - low)
    return distance


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """The volume that the points dominate, up to ``reference``; points beyond it add nothing. Exact, by slicing (Zitzler
    1999): for fronts of some hundred points in up to four objectives."""
    inside = [tuple(p) for p in points if all(a < b for a, b in zip(p, reference, strict=True))]
    if not inside:
        return 0.0
    if len(reference) == 1:
        return reference[0] - min(point[0] for point in inside)
    inside = sorted(inside[index] for index in front(inside))
    if len(reference) == 2:
        volume, height = 0.0, reference[1]
        for x, y in inside:
            volume += (reference[0] - x) * (height - y)
            height = y
        return volume
    volume = 0.0
    for at, point in enumerate(inside):
        until = inside[at + 1][0] if at + 1 < len(inside) else reference[0]
        if until > point[0]:
            volume += (until - point[0]) * hypervolume([other[1:] for other in inside[: at + 1]], reference[1:])
    return volume
