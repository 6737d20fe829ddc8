"""Where the nodes of a drawn cell stand. The server decides order (ranks and lanes); the browser decides distances."""

import re
from functools import lru_cache

from nas_engine.cell import Cell, Node
from nas_engine.graph_cell import AnyCell, GraphCell
from nas_engine.operations import drawn
from nas_engine.search_spaces import randwire
from webapp.diagrams.layered import TRIES, Arrangement, arrange, mirrored


@lru_cache(maxsize=4096)
def layout(cell: AnyCell) -> dict:
    """``{"nodes": [...], "edges": [...], "crossings": n}``: plain data for ``static/js/cell-diagram.js``, not to be changed.

    A node has ``id`` and ``kind`` (see :class:`nas_engine.cell.Node`), ``rank`` along the flow, ``lane`` across it, and
    where they apply ``operation label family block side from older``. A node of a cell that is given by its graph also has
    a ``name``, by which others speak of it, and an operation its ``options``, [name, value] pairs, and where dozens are all
    alike a ``dot``: the number that is drawn in place of what they do. An edge has ``from``,
    ``to``, ``via`` (the [rank, lane] points it passes) and ``older`` where it leaves the output of the cell before last.
    """
    numbers = {node.id: number for number, node in enumerate(cell.nodes)}
    edges = [(numbers[source], numbers[node.id]) for node in cell.nodes for source in node.inputs]
    placed = place(list(dict.fromkeys(edges)), numbers[cell.nodes[-1].id])
    nodes = [_describe(node, *placed.places[numbers[node.id]]) for node in cell.nodes]
    if isinstance(cell, GraphCell):
        nodes = [_named(node, entry) for node, entry in zip(cell.nodes, nodes, strict=True)]
        if _alike(cell):
            nodes = [_dotted(entry) for entry in nodes]
    names = {number: name for name, number in numbers.items()}
    lines = [
        {"from": names[source], "to": names[target], "via": [list(point) for point in placed.routes[source, target]]}
        | ({"older": True} if isinstance(cell, Cell) and source == 0 else {})
        for source, target in edges
    ]
    return {"nodes": nodes, "edges": lines, "crossings": placed.crossings}


def place(edges: list[tuple[int, int]], output: int, tries: int = TRIES) -> Arrangement:
    """Arrange a cell's graph whose inputs are 0 (older) and 1. An unused input, and a state that leads nowhere or comes from
    nowhere, is tied to the output by an edge nobody sees; the older input stands above the newer one."""
    sources = {source for source, _ in edges}
    targets = {target for _, target in edges}
    loose = ({0, 1} | targets) - sources - {output}
    placed = arrange(edges, [(node, output) for node in sorted(loose)], tries)
    return mirrored(placed) if placed.places[0][1] > placed.places[1][1] else placed


def _describe(node: Node, rank: int, lane: float) -> dict:
    entry = {"id": node.id, "kind": node.kind, "rank": rank, "lane": lane}
    if node.kind == "op":
        row = drawn(node.operation)
        entry |= {"operation": row.name, "family": row.family, "side": node.side}
        entry["label"] = row.titled(dict(node.options))
        entry["from"] = node.inputs[0] if node.inputs else ""
    if node.block:
        entry["block"] = node.block
    if node.id == "s0":
        entry["older"] = True
    return entry


def _alike(cell: GraphCell) -> bool:
    """Whether all operations are the same one: then their numbers say more than their names, as in RandWire's stages."""
    operations = [(node.operation, node.options) for node in cell.nodes if node.kind == "op"]
    return len(operations) > 1 and len(set(operations)) == 1 and cell.family == randwire.FAMILY


def _dotted(entry: dict) -> dict:
    if entry["kind"] != "op":
        return entry
    number = entry["id"].removeprefix("n")
    return entry | {"dot": number, "label": f"node {number}"}


OPTIONS = {"squeeze": "Squeeze-and-excitation"}  # options that are not called as they are written


def _named(node: Node, entry: dict) -> dict:
    """The description of a graph's node, with what the ids of a block's nodes say by themselves."""
    entry.pop("older", None)
    entry["name"] = (
        node.kind if node.kind in ("input", "output") else re.sub(r"(?<=[a-z])(?=\d)", "\N{NO-BREAK SPACE}", node.id)
    )
    if node.options:
        entry["options"] = [[OPTIONS.get(name, name.capitalize()), _value(value)] for name, value in node.options]
    return entry


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return " × ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
