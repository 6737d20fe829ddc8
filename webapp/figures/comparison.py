"""The plots of a comparison: best so far against trials and time with 95% bands, and the Pareto fronts over each other."""

from bisect import bisect_right
from collections.abc import Sequence

from nas_engine.significance import interval
from webapp.figures.base import LARGE, band, figure, hover_text, line, pareto, thin
from webapp.figures.search import COST_WORDS, COSTS

STEPS = 80  # places of the axis at which a curve is known
MOST_ON_FRONTS = 3_000
# How the lines differ beside their colour; 0 is random search, the reference.
DASHES = ("5px 4px", "", "", "", "", "7px 3px", "2px 2px", "9px 3px 2px 3px", "4px 2px", "1px 3px")


def series(number: int) -> tuple[str, str]:
    """(colour token, dash) of a group's line."""
    token = "--series-ref" if number == 0 else f"--series-{(number - 1) % 7 + 1}"
    return token, DASHES[number % len(DASHES)]


def curves(groups: Sequence, axis: str, measure: str) -> dict | None:
    """Mean best so far of every group against "trials" or "seconds". A search that has ended keeps its best; a curve begins
    where all searches of the group have a result. None where there is nothing to draw, or no time."""
    at = {"trials": 0, "seconds": 1}[axis]
    found = [(group, [run.climb for run in group.runs if run.climb]) for group in groups]
    found = [(group, climbs) for group, climbs in found if climbs]
    end = max((climb[-1][at] for _, climbs in found for climb in climbs), default=0)
    if not end:
        return None
    scale, unit = _time_unit(end) if axis == "seconds" else (1, "")
    marks, lows, highs = [], [], []
    for group, climbs in found:
        places, middle, low, high = _mean_curve(climbs, at, end)
        token, dash = series(group.series)
        x = [round(place * scale, 3) for place in places]
        if len(climbs) > 1:
            marks.insert(0, band(x, low, high, color=f"var:{token}/0.12"))
        texts = [hover_text(group.label, f"{y:.2f}", f"n = {len(climbs)}") for y in middle]
        width = 1.5 if group.series else 1.25
        mark = line(x, middle, hover=texts, color=f"var:{token}", dash=dash, width=width, step=True, name=group.label)
        # A single place is no line.
        alone = {"mode": "markers", "marker": {"size": 6, "color": f"var:{token}"}, "cliponaxis": False}
        marks.append(mark | alone if len(x) == 1 else mark)
        late = len(middle) // 8
        # Of few searches the interval may reach below what an accuracy can be.
        lows.append(max(0, min(low[late:])) if min(middle) >= 0 else min(low[late:]))
        highs.append(max(high))
    pad = max(0.02, 0.06 * (max(highs) - min(lows))) if max(highs) > min(lows) else 0.5
    title = "trials" if axis == "trials" else "training time"
    names = ", ".join(f"{group.label} {_last(climbs):.2f}" for group, climbs in found)
    return figure(
        marks,
        label=f"Mean best so far against {title}, with 95% bands. At the end: {names}",
        x=f"{title}, {unit}" if unit else title,
        y=measure,
        height=LARGE + 40,
        left=44,
        xaxis={"range": [0, end * scale]},
        yaxis={"range": [round(min(lows) - pad, 3), round(max(highs) + pad, 3)]},
    )


def _last(climbs: list) -> float:
    return 100 * sum(climb[-1][2] for climb in climbs) / len(climbs)


def _mean_curve(climbs: list, at: int, end: float) -> tuple[list, list, list, list]:
    first = max(climb[0][at] for climb in climbs)
    places = sorted({first, *(max(first, end * step / STEPS) for step in range(1, STEPS + 1))})
    if at == 0:
        places = sorted({round(place) for place in places})
    positions = [[step[at] for step in climb] for climb in climbs]
    middle, low, high = [], [], []
    for place in places:
        values = [c[bisect_right(p, place) - 1][2] for c, p in zip(climbs, positions, strict=True)]
        found = interval(values)
        middle.append(round(100 * found.mean, 3))
        low.append(round(100 * found.low, 3))
        high.append(round(100 * found.high, 3))
    return places, middle, low, high


def _time_unit(seconds: float) -> tuple[float, str]:
    for size, word in ((3600, "h"), (60, "min")):
        if seconds >= 3 * size:
            return 1 / size, word
    return 1, "s"


def fronts(groups: Sequence, cost: str) -> dict | None:
    """The Pareto front of each group over all its searches, valid accuracy against a cost. None where no cost is known."""
    title, factor = COSTS[cost]
    marks, sizes, left = [], [], MOST_ON_FRONTS
    for group in groups:
        points = [p for run in group.runs for p in run.measured if getattr(p, cost) is not None]
        chosen = [points[at] for at in pareto([(getattr(p, cost), p.valid_accuracy) for p in points])]
        if not chosen:
            continue
        chosen = thin(chosen, max(2, left // len(groups)))
        token, dash = series(group.series)
        x, y = [round(getattr(p, cost) * factor, 4) for p in chosen], [round(100 * p.valid_accuracy, 3) for p in chosen]
        texts = [
            hover_text(group.label, p.cell_id[:7], f"{b:.2f}\u00a0%", f"{a:g}\u00a0{title}")
            for p, a, b in zip(chosen, x, y, strict=True)
        ]
        mark = line(x, y, hover=texts, color=f"var:{token}", dash=dash, width=1.5, step=True, name=group.label)
        marks.append(
            mark | {"mode": "lines+markers", "marker": {"size": 6, "color": f"var:{token}"}, "cliponaxis": False}
        )
        sizes.append(f"{group.label} {len(chosen)}")
    if not marks:
        return None
    return figure(
        marks,
        label=f"Pareto fronts of valid accuracy against {COST_WORDS[cost]}, points on each: {', '.join(sizes)}",
        x=title,
        y="valid accuracy, %",
        height=LARGE + 40,
        left=44,
    )
