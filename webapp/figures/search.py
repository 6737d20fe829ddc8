"""The plots of one search, made from rows that one query brings.

A point is a ``values_list(named=True)`` row of :data:`POINT_FIELDS`.
"""

from collections.abc import Sequence
from operator import attrgetter

from webapp.figures.base import (
    LARGE,
    best_line,
    figure,
    front,
    hover_text,
    limit,
    points,
    reference_line,
    split_front,
    thin,
    word,
)
from webapp.templatetags.parts import percent

POINT_FIELDS = ("number", "cell_id", "state", "valid_accuracy", "reward", "params", "macs", "latency", "seconds")
# cost -> (axis title, factor from the stored unit)
COSTS = {"macs": ("M MACs", 1e-6), "params": ("M parameters", 1e-6), "latency": ("ms", 1e3)}
MOST_SHOWN = 2_000  # points that a page updates every few seconds; the front and the best line are whole in any case
ID = 12  # hex digits by which a point and a row of the table know each other
COST_WORDS = {"macs": "MACs", "params": "parameters", "latency": "latency"}


def _at(some: Sequence, cost: str = "") -> dict:
    """Points as arguments of a mark: against their number, or against a cost in the unit of its axis."""
    title, factor = COSTS.get(cost, ("", 1))
    return {
        "x": [round(getattr(p, cost) * factor, 4) if cost else p.number for p in some],
        "y": [round(100 * p.valid_accuracy, 3) for p in some],
        "ids": [p.cell_id[:ID] for p in some],
        "hover": [p.cell_id[:7] if not cost else f"{p.cell_id[:7]}, trial {p.number}" for p in some],
        "template": hover_text(
            "%{text}", "valid %{y:.2f}\u00a0%", f"%{{x:.3~r}}\u00a0{title}" if cost else "trial %{x}"
        ),
    }


def climb(measured: Sequence) -> list[tuple[int, float]]:
    """(trial, best valid accuracy so far) at each improvement and at the last trial."""
    steps: list[tuple[int, float]] = []
    for point in measured:
        if not steps or point.valid_accuracy > steps[-1][1]:
            steps.append((point.number, point.valid_accuracy))
    if steps and steps[-1][0] != measured[-1].number:
        steps.append((measured[-1].number, steps[-1][1]))
    return steps


def best_so_far(measured: Sequence, budget: int, baseline: Sequence = ()) -> dict:
    """Each trial, the best so far, and with ``baseline`` the best so far of random search under the same protocol.

    ``measured`` and ``baseline`` are points in the order of their numbers.
    """
    shown, steps = thin(measured, MOST_SHOWN), thin(climb(measured), 500)
    marks = [points(**_at(shown), size=4), best_line([n for n, _ in steps], [100 * a for _, a in steps])]
    last = measured[-1].number if measured else 0
    # Where the line goes to the plot's edge its name stands below it.
    edge = {"anchor": "right", "yshift": -11} if last > 0.85 * _horizon(last, budget) else {}
    notes = [word("best so far", steps[-1][0], 100 * steps[-1][1], color="var:--accent-ink", **edge)] if steps else []
    if baseline:
        others = thin(climb([point for point in baseline if point.number <= max(last, 1)]), 400)
        marks.insert(1, reference_line([n for n, _ in others], [100 * a for _, a in others], step=True))
        if others:
            notes.append(word("random search", others[-1][0], 100 * others[-1][1]))
    shape = f"; {len(shown)} of {len(measured)} drawn" if len(shown) < len(measured) else ""
    best = f", best {percent(steps[-1][1])}" if steps else ""
    return figure(
        marks,
        label=f"Valid accuracy of {len(measured)} trials and the best so far{best}{shape}",
        x="trial",
        y="valid accuracy, %",
        height=LARGE,
        notes=notes,
        xaxis={"range": [0, _horizon(last, budget)], "rangemode": "tozero"},
    )


def _horizon(last: int, budget: int) -> int:
    """The end of the trial axis: the whole budget, unless so little of it is done that nothing would be seen."""
    return budget if last >= budget / 8 else min(budget, max(20, 2 * last))


def by_accuracy(measured: Sequence) -> list:
    """The most accurate first; of equals the cheaper."""
    cheapest = sorted(measured, key=lambda point: (point.macs or 0, point.number))
    return sorted(cheapest, key=attrgetter("valid_accuracy"), reverse=True)


def against_cost(ranked: Sequence, cost: str, target: float = 0.0) -> dict:
    """Valid accuracy against MACs, parameters or latency, the Pareto front joined. ``ranked`` are the points by
    :func:`by_accuracy`. ``target`` in the axis' unit; 0: none."""
    title, factor = COSTS[cost]
    costs = list(map(attrgetter(cost), ranked))
    best, rest = split_front(list(map(attrgetter("valid_accuracy"), ranked)), costs, MOST_SHOWN)
    chosen, others = [ranked[at] for at in best], [ranked[at] for at in rest]
    known = [value for value in costs if value is not None]
    shapes, notes = [], []
    if target and known:
        middle = (min(known) + max(known)) / 2 * factor
        shape, note = limit(target, f"target {target:g}", side="right" if target > middle else "left")
        shapes, notes = [shape], [note]
    return figure(
        [points(**_at(others, cost)), front(**_at(chosen, cost))],
        label=f"Valid accuracy against {COST_WORDS[cost]} for {len(known)} trials with the Pareto front of {len(chosen)}",
        x=title,
        y="valid accuracy, %",
        height=LARGE,
        shapes=shapes,
        notes=notes,
    )
