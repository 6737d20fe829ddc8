"""A cell as a picture the size of a word: one pill a block, a coloured half for each operation, edges between blocks.

At 74 x 30 px ten separate operations are a smear, so a thumbnail draws the graph of blocks. It keeps what one tells cells
apart by: the operations, which state feeds which, how deep the cell is, and which states reach the output.
"""

from functools import lru_cache

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from nas_engine.cell import Cell
from nas_engine.graph_cell import AnyCell, GraphCell
from nas_engine.operations import OPERATIONS
from webapp.diagrams.graph_thumbnail import curve, graph_thumbnail, number
from webapp.diagrams.layered import Arrangement, in_rank
from webapp.diagrams.layout import place
from webapp.diagrams.mix import describe_mix

DOT = 1.7  # radius of an input
END = 3.0  # width of the output's bar


@lru_cache(maxsize=8192)
def thumbnail(cell: AnyCell, width: int = 74, height: int = 30) -> SafeString:
    """The cell as an inline ``<svg class="thumb">`` of about 1 kB; its text alternative lists the operations' families."""
    if isinstance(cell, GraphCell):
        return graph_thumbnail(cell, width, height)
    placed = _arrange(cell)
    frame = _Frame(cell, placed, width, height)
    curves = "".join(frame.edge(*edge) for edge in _edges(cell))
    marks = "".join((*frame.inputs(), *map(frame.block, range(len(cell.blocks))), frame.output()))
    return format_html(
        '<svg class="thumb" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" aria-label="{2}">'
        '<path d="{3}"/>{4}</svg>',
        width, height, describe(cell), mark_safe(curves), mark_safe(marks),
    )  # fmt: skip


def describe(cell: Cell) -> str:
    """What the picture shows, for those who cannot see it: "normal cell, 5 blocks: 8 separable convolution, 2 identity"."""
    return f"{cell.kind} cell, {len(cell.blocks)} blocks: {describe_mix((cell,))}"


def _edges(cell: Cell) -> list[tuple[int, int, int]]:
    """(source, target, half) over states, the output being the one after the last. Halves: -1 left, 1 right, 0 none."""
    output = len(cell.blocks) + 2
    edges = [(state, output, 0) for state in cell.concat]
    for target, block in enumerate(cell.blocks, start=2):
        edges += [(block.left_input, target, -1), (block.right_input, target, 1)]
    return edges


def _arrange(cell: Cell) -> Arrangement:
    return place(sorted({(source, target) for source, target, _ in _edges(cell)}), len(cell.blocks) + 2, tries=2)


class _Frame:
    """Turns ranks and lanes into pixels and draws with as few characters as it can."""

    def __init__(self, cell: Cell, placed: Arrangement, width: int, height: int):
        self.cell, self.placed, self.height = cell, placed, height
        ranks = max(rank for rank, _ in placed.places.values())
        most = max(in_rank(placed).values())
        # Between the first rank (a dot) and the last (a bar) every rank is a pill; the gaps are equal.
        inner = width - 2 * DOT - END
        step = inner / ranks
        self.pitch = min(12.0, height / max(placed.lanes + 1, 1))
        thick = min(height / max(most, placed.lanes + 0.75), 11.0)
        self.side_by_side = min(step * 0.58 / 2, thick * 0.86) >= min(step * 0.58, thick * 0.86 / 2)
        self.wide = min(step * 0.62, 22.0 if self.side_by_side else 11.0)
        self.high = min(thick * 0.84, self.wide / 2 * 1.15 if self.side_by_side else 11.0)
        self.middle = (height - placed.lanes * self.pitch) / 2
        gap = (inner - (ranks - 1) * self.wide) / ranks
        self.at = [DOT, *(2 * DOT + rank * gap + (rank - 1) * self.wide for rank in range(1, ranks)), width - END]

    def y(self, lane: float) -> float:
        return self.middle + lane * self.pitch

    def edge(self, source: int, target: int, half: int) -> str:
        """A smooth path from the right of the source through its way points to the middle or one half of the target."""
        rank, lane = self.placed.places[source]
        here = (self.at[rank] + (DOT if source < 2 else self.wide), self.y(lane))
        text = f"M{number(here[0])} {number(here[1])}"
        for rank, lane in self.placed.routes[source, target]:
            text += curve(here, (self.at[rank], self.y(lane))) + f"h{number(self.wide)}"
            here = (self.at[rank] + self.wide, self.y(lane))
        rank, lane = self.placed.places[target]
        enter = self.high / 4 * half if not self.side_by_side else 0
        return text + curve(here, (self.at[rank], self.y(lane) + enter))

    def inputs(self) -> list[str]:
        dots = []
        for state in (0, 1):
            _, lane = self.placed.places[state]
            hollow = ' class="older"' if state == 0 else ""
            dots.append(f'<circle{hollow} cx="{number(DOT)}" cy="{number(self.y(lane))}" r="{DOT}"/>')
        return dots

    def block(self, index: int) -> str:
        block = self.cell.blocks[index]
        rank, lane = self.placed.places[index + 2]
        x, y = self.at[rank], self.y(lane) - self.high / 2
        families = [OPERATIONS[name].family for name in (block.left_operation, block.right_operation)]
        if self.side_by_side:
            w, h, move = self.wide / 2, self.high, (self.wide / 2, 0)
        else:
            w, h, move = self.wide, self.high / 2, (0, self.high / 2)
        seam = 0.35
        w, h = (w - seam, h) if self.side_by_side else (w, h - seam)
        return "".join(
            f'<rect class="op-{escape(family)}" x="{number(x + move[0] * i)}" y="{number(y + move[1] * i)}" '
            f'width="{number(w)}" height="{number(h)}"/>'
            for i, family in enumerate(families)
        )

    def output(self) -> str:
        _, lane = self.placed.places[len(self.cell.blocks) + 2]
        high = min(self.height * 0.4, 12.0)
        y = self.y(lane) - high / 2
        return f'<rect class="out" x="{number(self.at[-1])}" y="{number(y)}" width="{number(END)}" height="{number(high)}"/>'
