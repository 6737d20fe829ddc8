"""The path encoding: which sequences of operations lead from an input of a cell to its output (White et al. 2021)."""

from collections import Counter
from collections.abc import Iterable, Sequence

from nas_engine.graph_cell import AnyCell

MOST = 5000  # paths followed through a node; networks of dozens of layers would have millions


def paths(cells: Sequence[AnyCell]) -> frozenset[tuple[str, ...]]:
    """All paths of all cells, each as (kind of cell, input, operation, operation, ...) from the input on. Torch-free."""
    return frozenset((cell.kind, *path) for cell in cells for path in _paths_of(cell))


def _paths_of(cell: AnyCell) -> set[tuple[str, ...]]:
    leading: dict[str, set[tuple[str, ...]]] = {}
    for node in cell.nodes:
        if node.kind == "input":
            leading[node.id] = {(node.id,)}
            continue
        arriving = set().union(*(leading[source] for source in node.inputs))
        if len(arriving) > MOST:  # the long ones say little, see vocabulary
            arriving = set(sorted(arriving, key=lambda path: (len(path), path))[:MOST])
        leading[node.id] = {(*path, node.operation) for path in arriving} if node.kind == "op" else arriving
    return leading[cell.nodes[-1].id]


def vocabulary(seen: Iterable[frozenset[tuple[str, ...]]], size: int) -> list[tuple[str, ...]]:
    """The ``size`` paths worth a feature: the shortest, and among those the most frequent. Long paths are rare, and say
    little (the paper's truncation)."""
    counts = Counter(path for one in seen for path in one)
    return sorted(counts, key=lambda path: (len(path), -counts[path], path))[:size]
