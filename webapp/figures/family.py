"""The family tree of an evolution: every trial with a line from its parents, the ancestors of the best one in orange."""

from collections.abc import Mapping, Sequence

from webapp.figures.base import LARGE, MOST_POINTS, figure, hover_text, line, points

MOST_EDGES = 1_500


def family_tree(measured: Sequence, parents: Mapping[int, Sequence[int]]) -> dict | None:
    """``measured`` are points with ``number``, ``cell_id`` and ``valid_accuracy``; ``parents`` gives each child's parents by
    trial number. None where nothing descends from anything. Of a large family the latest trials are drawn, the best's
    line whole."""
    known = {point.number: point for point in measured}
    edges = [(parent, child) for child in parents for parent in parents[child] if child in known and parent in known]
    if not edges:
        return None
    best = max(measured, key=lambda point: (point.valid_accuracy, -point.number))
    ancestors = _ancestors(best.number, parents, known)
    shown = measured[-MOST_POINTS // 2 :]
    marks = [
        _lines(edges[-MOST_EDGES:], known, "var:--ink-3/0.25", 1),
        points(**_at(shown), size=4),
        _lines([(p, c) for p, c in edges if c in ancestors and p in ancestors], known, "var:--accent", 2),
        points(**_at([known[number] for number in sorted(ancestors)]), size=7, color="var:--accent", opacity=1),
    ]
    aside = f"; {len(shown)} of {len(measured)} drawn" if len(shown) < len(measured) else ""
    return figure(
        marks,
        label=f"Family tree of {len(measured)} trials; trial {best.number}, the best, "
        f"has {len(ancestors) - 1} ancestors{aside}",
        x="trial",
        y="valid accuracy, %",
        height=LARGE,
    )


def _ancestors(number: int, parents: Mapping[int, Sequence[int]], known: Mapping) -> set[int]:
    found, open_ = set(), [number]
    while open_:
        one = open_.pop()
        if one in known and one not in found:
            found.add(one)
            open_ += parents.get(one, ())
    return found


def _lines(edges: Sequence[tuple[int, int]], known: Mapping, color: str, width: float) -> dict:
    """All edges as one trace: gaps stand between them."""
    x, y = [], []
    for parent, child in edges:
        x += [parent, child, None]
        y += [_percent(known[parent]), _percent(known[child]), None]
    return line(x, y, color=color, width=width)


def _at(some: Sequence) -> dict:
    return {
        "x": [point.number for point in some],
        "y": [_percent(point) for point in some],
        "ids": [point.cell_id[:12] for point in some],
        "hover": [point.cell_id[:7] for point in some],
        "template": hover_text("%{text}", "valid %{y:.2f}\u00a0%", "trial %{x}"),
    }


def _percent(point) -> float:
    return round(100 * point.valid_accuracy, 3)
