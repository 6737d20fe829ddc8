"""The drawing of :mod:`webapp.diagrams.svg` as a PDF file of one page: vectors and the fonts that every reader has."""

import io
import re

from reportlab.lib.colors import HexColor
from reportlab.pdfgen.canvas import Canvas

from nas_engine.graph_cell import AnyCell
from webapp.diagrams.colours import palette
from webapp.diagrams.glyphs import GLYPHS
from webapp.diagrams.picture import CAP, PAD, SIGNS, TITLE, Curve, Picture, PlacedNode, heading

SANS, BOLD, MATH, ROMAN = "Helvetica", "Helvetica-Bold", "Times-Italic", "Times-Roman"
# The standard fonts know no minus sign and no narrow space.
_PLAIN = str.maketrans({"−": "–", "\u202f": " ", "\u00a0": " ", "→": ">"})
_NUMBER = re.compile(r"[a-zA-Z]|-?\d*\.?\d+")
ROUND = 0.5523  # a quarter of a circle as a cubic


def cell_pdf(cells: tuple[AnyCell, ...], name: str, theme: str = "light") -> bytes:
    """One or more cells one below another, under their kinds. ``name`` goes into the file's title."""
    pictures, colour = [Picture(cell) for cell in cells], palette(theme)
    width = max(picture.width for picture in pictures) + 2 * PAD
    height = sum(TITLE + picture.height + 2 * PAD for picture in pictures)
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(width, height), invariant=1)
    canvas.setTitle(f"{name}: {', '.join(map(heading, cells))}")
    canvas.setCreator("Nasturtium")
    pen = _Pen(canvas, colour)
    canvas.setFillColor(pen.colour("surface"))
    canvas.rect(0, 0, width, height, stroke=0, fill=1)
    canvas.translate(0, height)
    canvas.scale(1, -1)  # as in the other drawings, y grows downwards
    top = 0.0
    for cell, picture in zip(cells, pictures, strict=True):
        pen.text(PAD, top + 24, heading(cell), BOLD, 13, "ink")
        canvas.saveState()
        canvas.translate(PAD, top + TITLE + PAD)
        pen.draw(picture)
        canvas.restoreState()
        top += TITLE + picture.height + 2 * PAD
    canvas.showPage()
    canvas.save()
    return file.getvalue()


class _Pen:
    def __init__(self, canvas: Canvas, colours: dict[str, str]):
        self.canvas, self._colours = canvas, colours
        canvas.setLineCap(1)

    def colour(self, name: str) -> HexColor:
        return HexColor(self._colours[name])

    def draw(self, picture: Picture) -> None:
        for curve in picture.curves:
            self.curve(curve)
        for node in picture.nodes.values():
            self.canvas.saveState()
            self.canvas.translate(node.x, node.y)
            kind = node.about["kind"]
            (self.operation if kind == "op" else self.state if kind in ("input", "output") else self.join)(node)
            self.canvas.restoreState()

    def curve(self, curve: Curve) -> None:
        canvas, edge = self.canvas, self.colour("edge")
        canvas.setStrokeColor(edge)
        canvas.setFillColor(edge)
        canvas.setLineWidth(curve.weight)
        canvas.setDash(*((5, 4) if curve.older else ()))
        path = canvas.beginPath()
        path.moveTo(*curve.start)
        for step in curve.steps:
            if len(step) == 1:
                path.lineTo(*step[0])
            else:
                path.curveTo(*(number for point in step for number in point))
        canvas.drawPath(path)
        canvas.setDash()
        if curve.arrow:
            head = canvas.beginPath()
            head.moveTo(*curve.arrow[0])
            head.lineTo(*curve.arrow[1])
            head.lineTo(*curve.arrow[2])
            head.close()
            canvas.drawPath(head, stroke=0, fill=1)

    def box(self, node: PlacedNode, radius: float, fill: str, stroke: str = "", tint: float = 1) -> None:
        (w, h), canvas = node.size, self.canvas
        canvas.setFillColor(self.colour(fill), alpha=tint)
        if stroke:
            canvas.setStrokeColor(self.colour(stroke))
            canvas.setLineWidth(1.25)
        canvas.roundRect(-w / 2, -h / 2, w, h, radius, stroke=int(bool(stroke)), fill=1)
        canvas.setFillAlpha(1)

    def operation(self, node: PlacedNode) -> None:
        (w, h), family, canvas = node.size, f"op-{node.about['family']}", self.canvas
        radius = 10 if "dot" in node.about else 6
        self.box(node, radius, "surface")
        self.box(node, radius, family, family, tint=0.09)
        if "dot" in node.about:
            return self.text(0, 4, node.about["dot"], SANS, 11, "ink", centred=True)
        canvas.setFillColor(self.colour(family))
        cap = f"M{CAP - w / 2} {-h / 2}v{h}h{6 - CAP}a6 6 0 0 1-6-6v{12 - h}a6 6 0 0 1 6-6z"
        self.path(cap, fill=True)
        canvas.saveState()
        canvas.translate(CAP / 2 - w / 2 - 5, -5)
        canvas.scale(0.8333, 0.8333)
        canvas.setFillColor(self.colour("on-op"))
        self.path(GLYPHS[node.about["family"]], fill=True)
        canvas.restoreState()
        return self.text(CAP + 8 - w / 2, 4.5, node.about["label"], SANS, 12.5, "ink")

    def state(self, node: PlacedNode) -> None:
        about, canvas = node.about, self.canvas
        canvas.setDash(*((4, 3) if about.get("older") else ()))
        self.box(node, 14, "surface", "ink-2")
        canvas.setDash()
        if about.get("name"):
            return self.text(0, 4, about["name"], SANS, 12, "ink", centred=True)
        sub = "i+1" if about["kind"] == "output" else "i–1" if about.get("older") else "i"
        width = canvas.stringWidth("h", MATH, 17) + 1 + canvas.stringWidth(sub, ROMAN, 11)
        self.text(-width / 2, 4, "h", MATH, 17, "ink")
        return self.text(1 - width / 2 + canvas.stringWidth("h", MATH, 17), 8, sub, ROMAN, 11, "ink")

    def join(self, node: PlacedNode) -> None:
        kind, canvas = node.about["kind"], self.canvas
        self.box(node, 4 if kind == "cat" else node.size[1] / 2, "ink-2")
        canvas.setStrokeColor(self.colour("surface"))
        canvas.setLineWidth(1.75)
        self.path(SIGNS[kind])
        if kind == "concat":
            self.text(0, 26, "concat", SANS, 10.5, "ink-3", centred=True)
        else:
            self.text(9, -8, str(node.about.get("block", "")), SANS, 10.5, "ink-3")

    def text(self, x: float, y: float, words: str, font: str, size: float, colour: str, centred: bool = False) -> None:
        canvas, words = self.canvas, words.translate(_PLAIN)
        canvas.saveState()
        canvas.translate(x, y)
        canvas.scale(1, -1)
        canvas.setFont(font, size)
        canvas.setFillColor(self.colour(colour))
        (canvas.drawCentredString if centred else canvas.drawString)(0, 0, words)
        canvas.restoreState()

    def path(self, data: str, fill: bool = False) -> None:
        path = self.canvas.beginPath()
        _follow(path, data)
        self.canvas.drawPath(path, stroke=int(not fill), fill=int(fill), fillMode=0)


def _follow(path, data: str) -> None:
    """Draw the path commands our glyphs and caps are made of: M, l, L, h, H, v, z, and a for quarters of a circle."""
    words, at, x, y, start = _NUMBER.findall(data), 0, 0.0, 0.0, (0.0, 0.0)
    command = ""

    def take(count: int) -> list[float]:
        nonlocal at
        at += count
        return [float(word) for word in words[at - count : at]]

    while at < len(words):
        if words[at].isalpha():
            command = words[at]
            at += 1
        if command == "M":
            x, y = start = tuple(take(2))
            path.moveTo(x, y)
        elif command in "zZ":
            path.close()
            x, y = start
        elif command == "a":
            _, _, _, _, _, dx, dy = take(7)
            lead, tail = ((dx + dy) / 2, (dy - dx) / 2), ((dx - dy) / 2, (dx + dy) / 2)
            path.curveTo(
                x + ROUND * lead[0],
                y + ROUND * lead[1],
                x + dx - ROUND * tail[0],
                y + dy - ROUND * tail[1],
                x + dx,
                y + dy,
            )
            x, y = x + dx, y + dy
        else:
            x, y = _line(command, x, y, take)
            path.lineTo(x, y)


def _line(command: str, x: float, y: float, take) -> tuple[float, float]:
    if command in "hH":
        (to,) = take(1)
        return (x + to if command == "h" else to), y
    if command in "vV":
        (to,) = take(1)
        return x, (y + to if command == "v" else to)
    a, b = take(2)
    return (x + a, y + b) if command == "l" else (a, b)
