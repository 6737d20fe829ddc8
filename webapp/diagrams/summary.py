"""What stands for an architecture where there is room for one small picture."""

from dataclasses import replace
from functools import lru_cache

from nas_engine.cell import Node
from nas_engine.graph_cell import AnyCell, GraphCell

MOST = 40  # operations that still can be told apart in a row


@lru_cache(maxsize=4096)
def summary(cells: tuple[AnyCell, ...]) -> AnyCell:
    """Of stacked cells the first; of cells that follow one another all of them in a row, or where they hold too many
    operations the last, which sees the most."""
    if cells[0].family == "nasnet" or len(cells) == 1:
        return cells[0]
    if sum(node.kind == "op" for cell in cells for node in cell.nodes) > MOST:
        return cells[-1]
    nodes: list[Node] = [Node("s0", "input")]
    last = "s0"
    for number, cell in enumerate(cells, start=1):
        names = {}
        for node in cell.nodes:
            if node.kind == "input":
                names[node.id] = last
            elif node.kind == "output":
                last = names[node.inputs[0]]
            else:
                names[node.id] = f"{number}.{node.id}"
                nodes.append(replace(node, id=names[node.id], inputs=tuple(names[source] for source in node.inputs)))
    return GraphCell("network", (*nodes, Node("out", "output", (last,))), cells[0].family)
