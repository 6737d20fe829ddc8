"""The cell page's plot."""

from collections.abc import Sequence

from webapp.figures.base import figure, line, word
from webapp.templatetags.parts import percent

COLORS = ("var:--series-1", "var:--series-3", "var:--series-4", "var:--series-ref")
MOST = 8


def learning_curves(curves: Sequence[tuple[str, Sequence[dict]]]) -> dict | None:
    """Valid accuracy over epochs, a line for each (name, curve), the first one leading. None without any curve."""
    known = [(name, _known(curve)) for name, curve in curves][:MOST]
    known = [(name, steps) for name, steps in known if steps]
    if not known:
        return None
    marks, notes, single = [], [], len(known) == 1
    for index, (name, steps) in enumerate(known):
        x, y = [epoch for epoch, _ in steps], [100 * accuracy for _, accuracy in steps]
        texts = [f"{name}: {value:.2f}\u00a0%" for value in y]
        color = COLORS[min(index, len(COLORS) - 1)]
        mark = line(x, y, hover=texts, color=color, width=2 if index == 0 else 1.5, name=name)
        marks.append(mark | ({"mode": "lines+markers", "marker": {"size": 4}} if len(x) <= 30 else {}))
        if not single:
            notes.append(word(name, x[-1], y[-1], color=color, anchor="right", yshift=9))
    longest = max(steps[-1][0] for _, steps in known)
    ends = ", ".join(f"{name} ends at {percent(steps[-1][1])} after {steps[-1][0]} epochs" for name, steps in known)
    return figure(
        marks,
        label=f"Valid accuracy over epochs: {ends}",
        x="epoch",
        y="valid accuracy, %",
        height=280,
        hovermode="x unified",
        notes=notes,
        xaxis={"range": [0, max(longest, 2) + 0.3], "hoverformat": "d"},
    )


def _known(curve: Sequence[dict]) -> list[tuple[int, float]]:
    return [(step["epoch"], step["valid_accuracy"]) for step in curve if step.get("valid_accuracy") is not None]
