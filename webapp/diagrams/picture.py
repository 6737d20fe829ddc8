"""Where everything of a drawn cell is, in points: what the SVG, PDF and TikZ files are drawn from.

The geometry is the one of ``static/js/cell-geometry.js`` with all the room it wants.
"""

from dataclasses import dataclass
from math import sqrt

from nas_engine.graph_cell import AnyCell
from webapp.diagrams.layout import layout

SIZE = {"input": (44, 28), "op": (92, 28), "add": (18, 18), "cat": (18, 18), "concat": (26, 26), "output": (44, 28)}
PITCH, CAP, PAD, TITLE = 36, 24, 16, 30
SIGNS = {"add": "M-4 0h8M0-4v8", "cat": "M-3-3.5v7M3-3.5v7", "concat": "M-5-5v10M0-5v10M5-5v10"}
DOT, DOT_PITCH = (28, 20), 27  # one of many operations that are all alike
LETTER = 6.4  # points that a letter of an operation's name takes

Point = tuple[float, float]


@dataclass(frozen=True)
class PlacedNode:
    """A node of the layout with the centre it is drawn at."""

    about: dict
    x: float
    y: float

    @property
    def size(self) -> tuple[int, int]:
        return size_of(self.about)


@dataclass(frozen=True)
class Curve:
    """An edge from ``start`` along ``steps``: (end,) is a straight line, (control, control, end) a cubic. ``arrow`` is its
    head's triangle where it has one, ``weight`` its width."""

    edge: dict
    start: Point
    steps: tuple[tuple[Point, ...], ...]
    arrow: tuple[Point, Point, Point] | None
    weight: float

    @property
    def older(self) -> bool:
        return bool(self.edge.get("older"))


def size_of(node: dict) -> tuple[int, int]:
    """Width and height; an operation is as wide as its name needs."""
    if node.get("dot"):
        return DOT
    wide, high = SIZE[node["kind"]]
    text = node.get("label", "") if node["kind"] == "op" else node.get("name", "")
    extra = CAP + 16 if node["kind"] == "op" else 20
    return max(wide, round(LETTER * len(text)) + extra), high


def heading(cell: AnyCell) -> str:
    """ "Normal cell"; "Block 3" of cells that are a whole network together."""
    return cell.kind.capitalize() if cell.family not in ("", "nasnet") else f"{cell.kind.capitalize()} cell"


class Picture:
    """``nodes`` by id and ``curves``, within ``width`` x ``height``."""

    def __init__(self, cell: AnyCell):
        self.layout = layout(cell)
        nodes = self.layout["nodes"]
        ranks = 1 + max(node["rank"] for node in nodes)
        self._thick = [max(size_of(node)[0] for node in nodes if node["rank"] == rank) for rank in range(ranks)]
        self._start = self._starts(ranks)
        lanes = [node["lane"] for node in nodes] + [lane for edge in self.layout["edges"] for _, lane in edge["via"]]
        self._low = min(lanes)
        self._pitch = DOT_PITCH if any(node.get("dot") for node in nodes) else PITCH
        self.width = self._start[-1] + self._thick[-1]
        self.height = (max(lanes) - self._low) * self._pitch + 28
        self.nodes = {
            node["id"]: PlacedNode(
                node, self._start[node["rank"]] + self._thick[node["rank"]] / 2, self._y(node["lane"])
            )
            for node in nodes
        }
        self.curves = [self._curve(edge) for edge in self.layout["edges"]]

    def _starts(self, ranks: int) -> list[float]:
        reach = [0.3] * (ranks - 1)
        spots = {node["id"]: (node["rank"], node["lane"]) for node in self.layout["nodes"]}
        for edge in self.layout["edges"]:
            stops = [spots[edge["from"]], *edge["via"], spots[edge["to"]]]
            for (rank, a), (_, b) in zip(stops, stops[1:], strict=False):
                reach[rank] = max(reach[rank], abs(a - b))
        starts = [0.0]
        for rank in range(1, ranks):
            starts.append(starts[-1] + self._thick[rank - 1] + 36 + 26 * sqrt(reach[rank - 1]))
        return starts

    def _y(self, lane: float) -> float:
        return 14 + (lane - self._low) * self._pitch

    def _curve(self, edge: dict) -> Curve:
        source, target = self.nodes[edge["from"]], self.nodes[edge["to"]]
        headed = target.about["kind"] in ("op", "output")
        tip = (target.x - target.size[0] / 2, target.y)
        stops = [(source.x + source.size[0] / 2, source.y)]
        for rank, lane in edge["via"]:
            y = self._y(lane)
            stops += [(self._start[rank], y), (self._start[rank] + self._thick[rank], y)]
        stops.append((tip[0] - (6 if headed else 0), tip[1]))
        steps = tuple(_step(a, b) for a, b in zip(stops, stops[1:], strict=False))
        arrow = (tip, (tip[0] - 7, tip[1] - 3.5), (tip[0] - 7, tip[1] + 3.5)) if headed else None
        return Curve(edge, stops[0], steps, arrow, 2.5 if target.about["kind"] == "output" else 1.25)


def _step(a: Point, b: Point) -> tuple[Point, ...]:
    if abs(a[1] - b[1]) < 0.01:
        return (b,)
    middle = (a[0] + b[0]) / 2
    return (middle, a[1]), (middle, b[1]), b
