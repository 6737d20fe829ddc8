"""Parallel coordinates, drawn on the server; ``static/js/parallel.js`` adds the brushes."""

from dataclasses import dataclass

from webapp.results.parallel import Axis, Line, Parallel

GAP, TOP, HEIGHT, MARGIN = 104, 34, 300, 56


@dataclass(frozen=True)
class DrawnAxis:
    """``x`` in pixels; ``ticks`` are (y, text)."""

    axis: Axis
    x: int
    ticks: list[tuple[float, str]]


@dataclass(frozen=True)
class DrawnLine:
    line: Line
    points: str
    front: bool


@dataclass(frozen=True)
class Drawing:
    """An SVG's parts. ``top`` and ``bottom`` are the ends of the axes."""

    width: int
    height: int
    top: int
    bottom: int
    axes: list[DrawnAxis]
    lines: list[DrawnLine]


def draw(found: Parallel, marked: int = 10) -> Drawing:
    """Worst first, so that the best lie on top; the ``marked`` most accurate stand out."""
    bottom = TOP + HEIGHT
    axes = [DrawnAxis(axis, MARGIN + GAP * at, _ticks(axis, bottom)) for at, axis in enumerate(found.axes)]
    best = {line.key for line in sorted(found.lines, key=lambda line: -line.accuracy)[:marked]}
    lines = [
        DrawnLine(line, _points(line, axes, bottom), line.key in best)
        for line in sorted(found.lines, key=lambda line: line.accuracy)
    ]
    return Drawing(2 * MARGIN + GAP * max(len(axes) - 1, 0), bottom + 14, TOP, bottom, axes, lines)


def _points(line: Line, axes: list[DrawnAxis], bottom: int) -> str:
    places = [
        f"{axis.x},{bottom - HEIGHT * axis.axis.place(value):.1f}"
        for axis, value in zip(axes, line.values, strict=True)
        if value is not None
    ]
    return " ".join(places)


def _ticks(axis: Axis, bottom: int) -> list[tuple[float, str]]:
    if axis.options:
        return [(bottom - HEIGHT * axis.place(at), text) for at, text in enumerate(axis.options)]
    if axis.counts:
        step = max(1, round(axis.high / 5))
        values = list(range(0, int(axis.high) + 1, step))
    else:
        values = [axis.low + (axis.high - axis.low) * share for share in (0, 0.25, 0.5, 0.75, 1)]
    return [(bottom - HEIGHT * axis.place(value), f"{value:.3g}") for value in values]
