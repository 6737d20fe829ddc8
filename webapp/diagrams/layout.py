"""Where the nodes of a drawn cell stand. The server decides order (ranks and lanes); the browser decides distances."""

from functools import lru_cache

from nas_engine.cell import Cell
from nas_engine.graph_cell import GraphCell
from nas_engine.operations import drawn
from webapp.diagrams.layered import TRIES, Arrangement, arrange, mirrored


@lru_cache(maxsize=4096)
def layout(cell: Cell | GraphCell) -> dict:
    """``{"nodes": [...], "edges": [...], "crossings": n}``: plain data for ``static/js/cell-diagram.js``, not to be changed.

    A node has ``id`` and ``kind`` (see :class:`nas_engine.cell.Node`), ``rank`` along the flow, ``lane`` across it, and
    where they apply ``operation label family block side from older``. An edge has ``from``, ``to``, ``via`` (the
    [rank, lane] points it passes) and ``older`` where it leaves the output of the cell before last.
    """
    numbers = {node.id: number for number, node in enumerate(cell.nodes)}
    edges = [(numbers[source], numbers[node.id]) for node in cell.nodes for source in node.inputs]
    placed = place(edges, numbers["out"])
    nodes = [_describe(node, *placed.places[numbers[node.id]]) for node in cell.nodes]
    names = {number: name for name, number in numbers.items()}
    drawn = [
        {"from": names[source], "to": names[target], "via": [list(point) for point in placed.routes[source, target]]}
        | ({"older": True} if source == 0 else {})
        for source, target in edges
    ]
    return {"nodes": nodes, "edges": drawn, "crossings": placed.crossings}


def place(edges: list[tuple[int, int]], output: int, tries: int = TRIES) -> Arrangement:
    """Arrange a cell's graph whose inputs are 0 (older) and 1. An unused input, and a state that leads nowhere or comes from
    nowhere, is tied to the output by an edge nobody sees; the older input stands above the newer one."""
    sources = {source for source, _ in edges}
    targets = {target for _, target in edges}
    loose = ({0, 1} | targets) - sources - {output}
    placed = arrange(edges, [(node, output) for node in sorted(loose)], tries)
    return mirrored(placed) if placed.places[0][1] > placed.places[1][1] else placed


def _describe(node, rank: int, lane: float) -> dict:
    entry = {"id": node.id, "kind": node.kind, "rank": rank, "lane": lane}
    if node.kind == "op":
        row = drawn(node.operation)
        entry |= {"operation": row.name, "label": row.label, "family": row.family, "side": node.side}
        entry["from"] = node.inputs[0] if node.inputs else ""
    if node.block:
        entry["block"] = node.block
    if node.id == "s0":
        entry["older"] = True
    return entry
