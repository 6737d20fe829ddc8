"""A cell in Graphviz' language."""

import json

from nas_engine.graph_cell import AnyCell
from webapp.diagrams.colours import palette
from webapp.diagrams.layout import layout
from webapp.diagrams.picture import heading


def cell_dot(cells: tuple[AnyCell, ...], name: str) -> str:
    """One directed graph with a cluster for each cell."""
    colours = palette("light")
    lines = [
        f"digraph {_quoted(name)} {{",
        "  rankdir=LR; node [fontname=Helvetica, fontsize=11]; edge [arrowsize=0.6];",
    ]
    for cell in cells:
        lines += [f"  subgraph {_quoted(f'cluster_{cell.kind}')} {{", f"    label={_quoted(heading(cell))};"]
        drawn = layout(cell)
        lines += [f"    {_id(cell, node['id'])} [{_looks(node, colours)}];" for node in drawn["nodes"]]
        for edge in drawn["edges"]:
            ends = f"{_id(cell, edge['from'])} -> {_id(cell, edge['to'])}"
            lines.append(f"    {ends}{' [style=dashed]' if edge.get('older') else ''};")
        lines.append("  }")
    return "\n".join([*lines, "}", ""])


def _id(cell: AnyCell, node: str) -> str:
    return _quoted(f"{cell.kind}.{node}")


def _looks(node: dict, colours: dict[str, str]) -> str:
    if node["kind"] == "op":
        colour = colours[f"op-{node['family']}"]
        return f'label={_quoted(node["label"])}, shape=box, style="rounded", color="{colour}"'
    if node["kind"] in ("input", "output"):
        words = node.get("name") or (
            "h[i+1]" if node["kind"] == "output" else "h[i-1]" if node.get("older") else "h[i]"
        )
        return f"label={_quoted(words)}, shape=oval"
    sign = {"add": "+", "cat": "||", "concat": "concat"}.get(node["kind"], node["kind"])
    return f"label={_quoted(sign)}, shape=circle"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
