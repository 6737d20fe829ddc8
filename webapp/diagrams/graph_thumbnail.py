"""A cell that is given by its graph (a table's, say) as a picture the size of a word: a coloured pill an operation, a dot a
sum, edges between them."""

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from nas_engine.graph_cell import GraphCell
from nas_engine.operations import drawn
from webapp.diagrams.layered import Arrangement
from webapp.diagrams.layout import place
from webapp.diagrams.mix import describe_mix

DOT = 1.7  # radius of an input and of a sum
END = 3.0  # width of the output's bar


def graph_thumbnail(cell: GraphCell, width: int, height: int) -> SafeString:
    """The graph as an inline ``<svg class="thumb">``."""
    numbers = {node.id: number for number, node in enumerate(cell.nodes)}
    edges = [(numbers[source], numbers[node.id]) for node in cell.nodes for source in node.inputs]
    frame = _Frame(place(edges, len(cell.nodes) - 1, tries=1), width, height)
    marks = "".join(frame.mark(number, node) for number, node in enumerate(cell.nodes))
    operations = sum(node.kind == "op" for node in cell.nodes)
    said = f"{cell.kind} cell, {operations} operation{'' if operations == 1 else 's'}: {describe_mix((cell,))}"
    return format_html(
        '<svg class="thumb" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" aria-label="{2}">'
        '<path d="{3}"/>{4}</svg>',
        width, height, said, mark_safe("".join(frame.edge(*edge) for edge in edges)), mark_safe(marks),
    )  # fmt: skip


class _Frame:
    def __init__(self, placed: Arrangement, width: int, height: int):
        self.placed = placed
        self.ranks = max(rank for rank, _ in placed.places.values())
        self.step = (width - 2 * DOT - END) / max(self.ranks, 1)
        self.pitch = min(0.4 * height, height / max(placed.lanes + 1, 1))
        self.middle = (height - placed.lanes * self.pitch) / 2
        self.wide, self.high = min(self.step * 0.62, 22.0), min(self.pitch * 0.72, 11.0)

    def at(self, rank: float, lane: float) -> tuple[float, float]:
        return DOT + rank * self.step, self.middle + lane * self.pitch

    def edge(self, source: int, target: int) -> str:
        stops = [self.placed.places[source], *self.placed.routes[source, target], self.placed.places[target]]
        here, *others = [self.at(*stop) for stop in stops]
        text = f"M{number(here[0])} {number(here[1])}"
        for there in others:
            text, here = text + curve(here, there), there
        return text

    def mark(self, index: int, node) -> str:
        if index not in self.placed.places:
            return ""
        x, y = self.at(*self.placed.places[index])
        if node.kind == "op":
            box = f'x="{number(x - self.wide / 2)}" y="{number(y - self.high / 2)}"'
            size = f'width="{number(self.wide)}" height="{number(self.high)}"'
            return f'<rect class="op-{drawn(node.operation).family}" {box} {size}/>'
        if node.kind == "output":
            return f'<rect class="out" x="{number(x)}" y="{number(y - 6)}" width="{number(END)}" height="12"/>'
        older = ' class="older"' if node.id == "s0" else ""
        return f'<circle{older} cx="{number(x)}" cy="{number(y)}" r="{DOT if node.kind == "input" else 1.2}"/>'


def curve(here: tuple[float, float], there: tuple[float, float]) -> str:
    """A smooth step of a path, relative, level at both ends."""
    dx, dy = there[0] - here[0], there[1] - here[1]
    if abs(dy) < 0.05:
        return f"h{number(dx)}"
    return f"c{number(dx / 2)} 0 {number(dx / 2)} {number(dy)} {number(dx)} {number(dy)}"


def number(value: float) -> str:
    """At most one decimal, no needless characters."""
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text
