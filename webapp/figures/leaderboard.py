"""The leaderboard's plot."""

from collections.abc import Sequence

from webapp.figures.base import figure, front, points

HOVER = "<b>%{customdata}</b><br>valid %{y:.2f}\u00a0%<br>MACs %{x:.3g}\u00a0M<extra></extra>"


def against_macs(best: Sequence[tuple], others: Sequence[tuple], total: int) -> dict:
    """Accuracy against MACs. ``best`` is the Pareto front, cheapest first, ``others`` the points drawn beside it, each
    (MACs, accuracy, key); ``total`` says how many cells there are in all. Dragging selects a range to filter by."""
    drawn = len(best) + len(others)
    marks = [
        points(*_columns(others), ids=_ids(others)) | {"hovertemplate": HOVER},
        front(*_columns(best), ids=_ids(best)) | {"hovertemplate": HOVER},
    ]
    aside = f"; {drawn} of {total} are drawn" if drawn < total else ""
    return figure(
        marks,
        label=f"Valid accuracy against MACs of {total} cells, {len(best)} of them on the Pareto front{aside}",
        x="M MACs",
        y="valid accuracy, %",
        height=300,
        dragmode="select",
        selectdirection="any",
        xaxis={"rangemode": "tozero"} if drawn < 2 else {},
    )


def _columns(rows: Sequence[tuple]) -> tuple[list[float], list[float]]:
    return [round(macs / 1e6, 4) for macs, _, _ in rows], [round(100 * accuracy, 3) for _, accuracy, _ in rows]


def _ids(rows: Sequence[tuple]) -> list[str]:
    return [key[:7] for _, _, key in rows]
