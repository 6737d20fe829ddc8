"""What a network loses without one node or edge, against degrees (Xie et al. 2019, "graph damage")."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import mean

from webapp.figures.base import LARGE, figure, hover_text, line, points, thin, word

NODES, EDGES = "nodes", "edges"
AXES = {NODES: "output degree of the removed node", EDGES: "input degree of the removed edge’s target"}


def removal_damage(rows: Sequence[Sequence], what: str) -> dict:
    """Each removal and the mean loss at each degree. ``rows`` are the study's (stage, node, source, degree, lost)."""
    chosen = [row for row in rows if bool(row[2]) == (what == EDGES)]
    by_degree = defaultdict(list)
    for _, _, _, degree, lost in chosen:
        by_degree[degree].append(100 * lost)
    degrees = sorted(by_degree)
    means = [round(mean(by_degree[degree]), 3) for degree in degrees]
    shown = thin(chosen, 2000)
    each = points(
        [degree for _, _, _, degree, _ in shown],
        [round(100 * lost, 3) for *_, lost in shown],
        hover=[_called(stage, node, source) for stage, node, source, _, _ in shown],
        template=hover_text("%{text}", "degree %{x}", "%{y:.2f}\u00a0points lost"),
        size=5,
        opacity=0.35,
    )
    texts = [
        hover_text(
            f"degree {degree}", f"{value:.2f}\u00a0points lost on average", f"of {len(by_degree[degree])} {what}"
        )
        for degree, value in zip(degrees, means, strict=True)
    ]
    through = line(degrees, means, hover=texts, color="var:--accent", width=2)
    through |= {"mode": "lines+markers", "marker": {"size": 7, "color": "var:--accent"}}
    ends = f"from {means[0]:.2f} points at degree {degrees[0]} to {means[-1]:.2f} at {degrees[-1]}" if degrees else ""
    return figure(
        [each, through],
        label=f"Valid accuracy lost without one of {len(chosen)} {what}, against the {AXES[what]}: mean {ends}",
        x=AXES[what],
        y="valid accuracy lost, points",
        height=LARGE,
        notes=[word("mean", degrees[-1], means[-1], color="var:--accent-ink", anchor="right", yshift=9)]
        if degrees
        else [],
        xaxis={"hoverformat": "d"} | ({"dtick": 1} if degrees and degrees[-1] <= 16 else {}),
    )


def _called(stage: int, node: str, source: str) -> str:
    number = node.removeprefix("n")
    return (
        f"stage {stage}, node {number}" if not source else f"stage {stage}, edge {source.removeprefix('n')} → {number}"
    )
