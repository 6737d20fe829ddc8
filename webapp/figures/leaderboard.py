"""The leaderboard's plot."""

from collections.abc import Sequence
from typing import Protocol

from webapp.figures.base import figure, front, points

# cost -> (name, axis title, factor from the stored unit)
COSTS = {
    "macs": ("MACs", "M MACs", 1e-6),
    "params": ("Parameters", "M parameters", 1e-6),
    "latency": ("Latency", "ms", 1e3),
}


class Measured(Protocol):
    """A measured cell, as webapp.results.ranking.Match is one."""

    accuracy: float
    cell: str


def against_cost(best: Sequence[Measured], others: Sequence[Measured], cost: str, total: int) -> dict:
    """Accuracy against MACs, parameters or latency. ``best`` is the Pareto front, cheapest first, ``others`` the points
    drawn beside it; ``total`` says how many cells there are in all. Dragging selects a range to filter by."""
    name, title, factor = COSTS[cost]
    unit = "ms" if cost == "latency" else "M"
    hover = f"<b>%{{customdata}}</b><br>valid %{{y:.2f}}\u00a0%<br>{name} %{{x:.3~r}}\u00a0{unit}<extra></extra>"
    drawn = len(best) + len(others)
    marks = [
        points(*_columns(others, cost, factor), ids=_ids(others)) | {"hovertemplate": hover},
        front(*_columns(best, cost, factor), ids=_ids(best)) | {"hovertemplate": hover},
    ]
    aside = f"; {drawn} of {total} are drawn" if drawn < total else ""
    return figure(
        marks,
        label=f"Valid accuracy against {name} of {total} cells, {len(best)} of them on the Pareto front{aside}",
        x=title,
        y="valid accuracy, %",
        height=300,
        dragmode="select",
        selectdirection="any",
        xaxis={"rangemode": "tozero"} if drawn < 2 else {},
    )


def _columns(rows: Sequence[Measured], cost: str, factor: float) -> tuple[list[float], list[float]]:
    costs = [round(getattr(row, cost) * factor, 4) for row in rows]
    return costs, [round(100 * row.accuracy, 3) for row in rows]


def _ids(rows: Sequence[Measured]) -> list[str]:
    return [row.cell[:7] for row in rows]
