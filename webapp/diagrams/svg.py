"""A cell, or both cells of an architecture, as an SVG file that needs nothing else: literal colours, no styles, no scripts.

The drawing is the one of ``static/js/cell-geometry.js`` and ``cell-parts.js`` with all the room it wants.
"""

from xml.sax.saxutils import escape, quoteattr

from nas_engine.graph_cell import AnyCell
from webapp.diagrams.colours import palette
from webapp.diagrams.glyphs import GLYPHS
from webapp.diagrams.picture import CAP, PAD, SIGNS, TITLE, Curve, Picture, PlacedNode, heading

SANS = "-apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Helvetica Neue', Arial, sans-serif"
MATH = "'STIX Two Text', 'Cambria Math', Cambria, 'Times New Roman', 'Liberation Serif', serif"


def cell_svg(cells: tuple[AnyCell, ...], name: str, theme: str = "light") -> str:
    """One or more cells one below another, under their kinds. ``name`` goes into the file's title."""
    drawings = [_Drawing(cell, palette(theme)) for cell in cells]
    width = max(drawing.width for drawing in drawings) + 2 * PAD
    parts, top = [], 0.0
    for cell, drawing in zip(cells, drawings, strict=True):
        parts.append(
            f'<text x="{PAD}" y="{_n(top + 24)}" font-size="13" font-weight="600" fill="{drawing.colour["ink"]}">'
            f"{escape(heading(cell))}</text>"
        )
        parts.append(f'<g transform="translate({PAD} {_n(top + TITLE + PAD)})">{drawing.draw()}</g>')
        top += TITLE + drawing.height + 2 * PAD
    size = f'width="{_n(width)}" height="{_n(top)}" viewBox="0 0 {_n(width)} {_n(top)}"'
    title = f"{name}: {', '.join(heading(cell).lower() for cell in cells)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family={quoteattr(SANS)}>'
        f"<title>{escape(title)}</title>"
        f'<rect width="100%" height="100%" fill="{palette(theme)["surface"]}"/>{"".join(parts)}</svg>\n'
    )


class _Drawing:
    def __init__(self, cell: AnyCell, colour: dict[str, str]):
        self.colour, self.picture = colour, Picture(cell)
        self.width, self.height = self.picture.width, self.picture.height

    def draw(self) -> str:
        curves = "".join(map(self._curve, self.picture.curves))
        return curves + "".join(map(self._node, self.picture.nodes.values()))

    def _curve(self, curve: Curve) -> str:
        path = f"M{_p(curve.start)}" + "".join(_step(step) for step in curve.steps)
        dash = ' stroke-dasharray="5 4"' if curve.older else ""
        drawn = f'<path d="{path}" fill="none" stroke="{self.colour["edge"]}" stroke-width="{curve.weight}"{dash}/>'
        if curve.arrow:
            points = "L".join(_p(point) for point in curve.arrow)
            drawn += f'<path d="M{points}z" fill="{self.colour["edge"]}"/>'
        return drawn

    def _node(self, node: PlacedNode) -> str:
        kind = node.about["kind"]
        draw = self._operation if kind == "op" else self._state if kind in ("input", "output") else self._join
        return f'<g transform="translate({_n(node.x)} {_n(node.y)})">{draw(node.about, *node.size)}</g>'

    def _operation(self, node: dict, w: int, h: int) -> str:
        x, y, colour = -w / 2, -h / 2, self.colour[f"op-{node['family']}"]
        box = f'x="{_n(x)}" y="{_n(y)}" width="{_n(w)}" height="{h}" rx="{10 if "dot" in node else 6}"'
        if "dot" in node:
            return (
                f'<rect {box} fill="{self.colour["surface"]}"/>'
                f'<rect {box} fill="{colour}" fill-opacity=".09" stroke="{colour}" stroke-width="1.25"/>'
                f'<text y="4" text-anchor="middle" font-size="11" fill="{self.colour["ink"]}">{escape(node["dot"])}</text>'
            )
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
        dash = ' stroke-dasharray="4 3"' if node.get("older") else ""
        sub = "i+1" if node["kind"] == "output" else "i−1" if node.get("older") else "i"
        box = (
            f'<rect x="{-w / 2:g}" y="{-h / 2:g}" width="{w}" height="{h}" rx="{h / 2:g}" '
            f'fill="{self.colour["surface"]}" stroke="{self.colour["ink-2"]}" stroke-width="1.25"{dash}/>'
        )
        if node.get("name"):
            words = f'<text y="4.5" text-anchor="middle" font-size="12.5" fill="{self.colour["ink"]}">'
            return f"{box}{words}{escape(node['name'])}</text>"
        return (
            f'{box}<text y="4" text-anchor="middle" font-family={quoteattr(MATH)} font-size="17" font-style="italic" '
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


def _step(step: tuple) -> str:
    return ("L" if len(step) == 1 else "C") + " ".join(map(_p, step))


def _p(point: tuple[float, float]) -> str:
    return f"{_n(point[0])} {_n(point[1])}"


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
