"""The plot beside the new-search form."""

from collections.abc import Sequence

from webapp.figures.base import bars, figure, hover_text, limit

BINS = 12
UNITS = {"macs": "M MACs", "params": "M parameters"}


def spread(costs: Sequence, cost: str, target: float) -> dict:
    """How much sampled cells cost. ``costs`` have ``macs`` and ``params``; ``cost`` says which one, ``target`` in 10^6
    (0: none) is the reward's."""
    values = [getattr(one, cost) / 1e6 for one in costs]
    low, high = min(values), max(values)
    width = (high - low) / BINS or max(high, 1e-6) / BINS
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, int((value - low) / width))] += 1
    edges = [low + width * index for index in range(BINS + 1)]
    within = [not target or (a + b) / 2 <= target for a, b in zip(edges, edges[1:], strict=False)]
    hover = [
        hover_text(f"{a:.3g} to {b:.3g} {UNITS[cost]}", f"{count} of {len(values)} samples")
        for a, b, count in zip(edges, edges[1:], counts, strict=False)
    ]
    mark = bars(
        [(a + b) / 2 for a, b in zip(edges, edges[1:], strict=False)],
        counts,
        hover=hover,
        width=width * 0.96,
        color=["var:--ink-3" if inside else "var:--line-strong" for inside in within],
    )
    reached = target and low <= target <= high + width
    shape, note = (
        limit(target, "target", side="right" if target > (low + high) / 2 else "left") if reached else ({}, {})
    )
    return figure(
        [mark],
        label=f"{UNITS[cost][2:]} of {len(values)} sampled cells, from {low:.3g} M to {high:.3g} M",
        x=UNITS[cost],
        y="samples",
        height=128,
        left=26,
        right=4,
        dragmode=False,
        bargap=0,
        shapes=[shape] if shape else [],
        notes=[note] if note else [],
        xaxis={"fixedrange": True, "nticks": 5, "rangemode": "normal"},
        yaxis={"fixedrange": True, "nticks": 4, "rangemode": "tozero"},
    )
