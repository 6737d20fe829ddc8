"""A cell, or both cells of an architecture, as an SVG file that needs nothing else: literal colours, no styles, no scripts.

The drawing is the one of ``static/js/cell-geometry.js`` and ``cell-parts.js`` with all the room it wants.
"""

from dataclasses import dataclass
from math import sqrt
from xml.sax.saxutils import escape, quoteattr

from nas_engine.graph_cell import AnyCell
from webapp.diagrams.colours import palette
from webapp.diagrams.glyphs import GLYPHS
from webapp.diagrams.layout import layout

SIZE = {"input": (44, 28), "op": (92, 28), "add": (18, 18), "cat": (18, 18), "concat": (26, 26), "output": (44, 28)}
PITCH, CAP, PAD, TITLE = 36, 24, 16, 30
SANS = "-apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Helvetica Neue', Arial, sans-serif"
MATH = "'STIX Two Text', 'Cambria Math', Cambria, 'Times New Roman', 'Liberation Serif', serif"
SIGNS = {"add": "M-4 0h8M0-4v8", "cat": "M-3-3.5v7M3-3.5v7", "concat": "M-5-5v10M0-5v10M5-5v10"}


def cell_svg(cells: tuple[AnyCell, ...], name: str, theme: str = "light") -> str:
    """One or more cells one below another, under their kinds. ``name`` goes into the file's title."""
    drawings = [_Drawing(cell, palette(theme)) for cell in cells]
    width = max(drawing.width for drawing in drawings) + 2 * PAD
    parts, top = [], 0.0
    for cell, drawing in zip(cells, drawings, strict=True):
        heading = _heading(cell)
        parts.append(
            f'<text x="{PAD}" y="{_n(top + 24)}" font-size="13" font-weight="600" fill="{drawing.colour["ink"]}">'
            f"{escape(heading)}</text>"
        )
        parts.append(f'<g transform="translate({PAD} {_n(top + TITLE + PAD)})">{drawing.draw()}</g>')
        top += TITLE + drawing.height + 2 * PAD
    size = f'width="{_n(width)}" height="{_n(top)}" viewBox="0 0 {_n(width)} {_n(top)}"'
    title = f"{name}: {', '.join(_heading(cell).lower() for cell in cells)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family={quoteattr(SANS)}>'
        f"<title>{escape(title)}</title>"
        f'<rect width="100%" height="100%" fill="{palette(theme)["surface"]}"/>{"".join(parts)}</svg>\n'
    )


def _heading(cell: AnyCell) -> str:
    """ "Normal cell"; "Block 3" of cells that are a whole network together."""
    return cell.kind.capitalize() if cell.family not in ("", "nasnet") else f"{cell.kind.capitalize()} cell"


@dataclass
class _Node:
    about: dict
    x: float
    y: float

    @property
    def size(self) -> tuple[float, int]:
        return _size(self.about)


def _size(node: dict) -> tuple[float, int]:
    """An operation of a graph says more than one of a block: its box is as wide as its label wants."""
    width, height = SIZE[node["kind"]]
    if node["kind"] == "op" and "name" in node:
        width = max(width, 40 + 7.2 * len(node["label"]))
    return width, height


class _Drawing:
    def __init__(self, cell: AnyCell, colour: dict[str, str]):
        self.colour, self.layout = colour, layout(cell)
        nodes = self.layout["nodes"]
        ranks = 1 + max(node["rank"] for node in nodes)
        self.thick = [max(_size(node)[0] for node in nodes if node["rank"] == rank) for rank in range(ranks)]
        self.start = self._starts(ranks)
        lanes = [node["lane"] for node in nodes] + [lane for edge in self.layout["edges"] for _, lane in edge["via"]]
        self.low = min(lanes)
        self.width = self.start[-1] + self.thick[-1]
        self.height = (max(lanes) - self.low) * PITCH + 28
        self.nodes = {
            node["id"]: _Node(node, self.start[node["rank"]] + self.thick[node["rank"]] / 2, self.lane(node["lane"]))
            for node in nodes
        }

    def _starts(self, ranks: int) -> list[float]:
        reach = [0.3] * (ranks - 1)
        spots = {node["id"]: (node["rank"], node["lane"]) for node in self.layout["nodes"]}
        for edge in self.layout["edges"]:
            stops = [spots[edge["from"]], *edge["via"], spots[edge["to"]]]
            for (rank, a), (_, b) in zip(stops, stops[1:], strict=False):
                reach[rank] = max(reach[rank], abs(a - b))
        starts = [0.0]
        for rank in range(1, ranks):
            starts.append(starts[-1] + self.thick[rank - 1] + 36 + 26 * sqrt(reach[rank - 1]))
        return starts

    def lane(self, lane: float) -> float:
        return 14 + (lane - self.low) * PITCH

    def draw(self) -> str:
        edges = "".join(self._edge(edge) for edge in self.layout["edges"])
        return edges + "".join(self._node(node) for node in self.nodes.values())

    def _edge(self, edge: dict) -> str:
        source, target = self.nodes[edge["from"]], self.nodes[edge["to"]]
        arrow = target.about["kind"] in ("op", "output")
        tip = (target.x - target.size[0] / 2, target.y)
        stops = [(source.x + source.size[0] / 2, source.y)]
        for rank, lane in edge["via"]:
            y = self.lane(lane)
            stops += [(self.start[rank], y), (self.start[rank] + self.thick[rank], y)]
        stops.append((tip[0] - (6 if arrow else 0), tip[1]))
        path = f"M{_p(stops[0])}" + "".join(_step(a, b) for a, b in zip(stops, stops[1:], strict=False))
        dash = ' stroke-dasharray="5 4"' if edge.get("older") else ""
        wide = 2.5 if edge["to"] == "out" else 1.25
        drawn = f'<path d="{path}" fill="none" stroke="{self.colour["edge"]}" stroke-width="{wide}"{dash}/>'
        if arrow:
            wings = f"{_p((tip[0] - 7, tip[1] - 3.5))}L{_p((tip[0] - 7, tip[1] + 3.5))}"
            drawn += f'<path d="M{_p(tip)}L{wings}z" fill="{self.colour["edge"]}"/>'
        return drawn

    def _node(self, node: _Node) -> str:
        kind = node.about["kind"]
        draw = self._operation if kind == "op" else self._state if kind in ("input", "output") else self._join
        return f'<g transform="translate({_n(node.x)} {_n(node.y)})">{draw(node.about, *node.size)}</g>'

    def _operation(self, node: dict, w: int, h: int) -> str:
        x, y, colour = -w / 2, -h / 2, self.colour[f"op-{node['family']}"]
        box = f'x="{_n(x)}" y="{_n(y)}" width="{_n(w)}" height="{h}" rx="6"'
        return (
            f'<rect {box} fill="{self.colour["surface"]}"/>'
            f'<rect {box} fill="{colour}" fill-opacity=".09" stroke="{colour}" stroke-width="1.25"/>'
            f'<path fill="{colour}" d="M{_n(x + CAP)} {_n(y)}v{h}h{6 - CAP}a6 6 0 0 1-6-6v{12 - h}a6 6 0 0 1 6-6z"/>'
            f'<path fill="{self.colour["on-op"]}" fill-rule="evenodd" d="{GLYPHS[node["family"]]}" '
            f'transform="translate({_n(x + CAP / 2 - 5)} -5) scale(.8333)"/>'
            f'<text x="{_n(x + CAP + 8)}" y="4.5" font-size="12.5" font-weight="500" fill="{self.colour["ink"]}">'
            f"{escape(node['label'])}</text>"
        )

    def _state(self, node: dict, w: int, h: int) -> str:
        if "name" in node:
            return (
                f'<rect x="{-w / 2:g}" y="{-h / 2:g}" width="{w}" height="{h}" rx="{h / 2:g}" '
                f'fill="{self.colour["surface"]}" stroke="{self.colour["ink-2"]}" stroke-width="1.25"/>'
                f'<text y="4" text-anchor="middle" font-size="11" fill="{self.colour["ink"]}">{escape(node["name"])}</text>'
            )
        dash = ' stroke-dasharray="4 3"' if node.get("older") else ""
        sub = "i+1" if node["kind"] == "output" else "i−1" if node.get("older") else "i"
        return (
            f'<rect x="{-w / 2:g}" y="{-h / 2:g}" width="{w}" height="{h}" rx="{h / 2:g}" '
            f'fill="{self.colour["surface"]}" stroke="{self.colour["ink-2"]}" stroke-width="1.25"{dash}/>'
            f'<text y="4" text-anchor="middle" font-family={quoteattr(MATH)} font-size="17" font-style="italic" '
            f'fill="{self.colour["ink"]}">h<tspan dx="1" dy="4" font-size="11" font-style="normal">{sub}</tspan></text>'
        )

    def _join(self, node: dict, w: int, h: int) -> str:
        kind, ink, small = node["kind"], self.colour["ink-2"], f'font-size="10.5" fill="{self.colour["ink-3"]}"'
        round_ = 4 if kind == "cat" else h / 2
        text = '<text y="26" text-anchor="middle" ' if kind == "concat" else '<text x="9" y="-8" '
        return (
            f'<rect x="{-w / 2:g}" y="{-h / 2:g}" width="{w}" height="{h}" rx="{round_:g}" fill="{ink}"/>'
            f'<path d="{SIGNS[kind]}" fill="none" stroke="{self.colour["surface"]}" stroke-width="1.75" '
            f'stroke-linecap="round"/>{text}{small}>{"concat" if kind == "concat" else node.get("block", "")}</text>'
        )


def _step(a: tuple[float, float], b: tuple[float, float]) -> str:
    if abs(a[1] - b[1]) < 0.01:
        return f"L{_p(b)}"
    middle = (a[0] + b[0]) / 2
    return f"C{_p((middle, a[1]))} {_p((middle, b[1]))} {_p(b)}"


def _p(point: tuple[float, float]) -> str:
    return f"{_n(point[0])} {_n(point[1])}"


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
