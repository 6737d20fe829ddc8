"""What is known of a wiring as an undirected graph: the quantities a sweep plots accuracy against. Torch-free."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nas_engine.search_spaces.random_graphs import Wiring


@dataclass(frozen=True)
class GraphStatistics:
    """``path_length`` is the mean distance between nodes over the pairs that are connected, ``clustering`` the mean local
    clustering coefficient (Watts and Strogatz 1998), ``degree`` the mean degree, ``connectivity`` the second smallest
    eigenvalue of the Laplacian (Fiedler 1973; 0 where the graph falls apart), ``depth`` the longest path along the flow, in
    edges. ``inputs`` and ``outputs`` count the nodes that meet the stage's input and output."""

    edges: int
    degree: float
    path_length: float
    clustering: float
    connectivity: float
    depth: int
    inputs: int
    outputs: int


# What the statistics are called, for pages and files.
LABELS = {
    "edges": "Edges",
    "degree": "Mean degree",
    "path_length": "Average path length",
    "clustering": "Clustering coefficient",
    "connectivity": "Algebraic connectivity",
    "depth": "Depth",
    "inputs": "Input nodes",
    "outputs": "Output nodes",
}


@lru_cache(maxsize=4096)
def statistics(wiring: Wiring) -> GraphStatistics:
    """All of them, in well under a millisecond for 32 nodes."""
    size = wiring.nodes
    linked = np.zeros((size, size))
    for source, target in wiring.edges:
        linked[source, target] = linked[target, source] = 1
    degrees = linked.sum(0)
    laplacian = np.diag(degrees) - linked
    return GraphStatistics(
        edges=len(wiring.edges),
        degree=float(degrees.mean()),
        path_length=_path_length(linked),
        clustering=_clustering(linked, degrees),
        connectivity=max(0.0, round(float(np.linalg.eigvalsh(laplacian)[1]), 9)) if size > 1 else 0.0,
        depth=_depth(wiring),
        inputs=len(wiring.inputs),
        outputs=len(wiring.outputs),
    )


def mean_statistics(wirings: tuple[Wiring, ...]) -> dict[str, float]:
    """The mean of each statistic over the stages of a network, by name."""
    found = [statistics(wiring) for wiring in wirings]
    return {name: sum(getattr(one, name) for one in found) / len(found) for name in LABELS}


def _path_length(linked: np.ndarray) -> float:
    """By breadth-first search from all nodes at once; 0 for a graph without edges."""
    seen = np.eye(len(linked), dtype=bool)
    front, total, pairs = seen, 0, 0
    for distance in range(1, len(linked)):
        front = (front @ linked > 0) & ~seen
        if not front.any():
            break
        seen = seen | front
        total, pairs = total + distance * int(front.sum()), pairs + int(front.sum())
    return total / pairs if pairs else 0.0


def _clustering(linked: np.ndarray, degrees: np.ndarray) -> float:
    """A node with fewer than two neighbours counts as 0."""
    triangles = ((linked @ linked) * linked).sum(1) / 2
    possible = degrees * (degrees - 1) / 2
    return float(np.divide(triangles, possible, out=np.zeros(len(linked)), where=possible > 0).mean())


def _depth(wiring: Wiring) -> int:
    longest = [0] * wiring.nodes
    for node, before in enumerate(wiring.before):
        longest[node] = max((longest[other] + 1 for other in before), default=0)
    return max(longest, default=0)
