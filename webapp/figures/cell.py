"""The cell page's plot."""

from collections.abc import Mapping, Sequence
from math import exp, log

from nas_engine.architecture import GIVEN
from webapp.figures.base import MEDIUM, figure, hover_text, line, points, reference_line, word
from webapp.figures.leaderboard import against_cost
from webapp.templatetags.parts import mega, percent

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


def among_all(best: Sequence, others: Sequence, total: int, own) -> dict:
    """Accuracy against MACs of every cell under a protocol, ``own`` (a point as the others) standing out."""
    drawn = against_cost(best, others, "macs", total)
    mark = points([own.macs / 1e6], [100 * own.accuracy], size=11, color="var:--accent", opacity=1)
    mark["marker"] |= {"symbol": "circle-open", "line": {"width": 2.5, "color": "var:--accent-ink"}}
    drawn["data"].append(mark)
    drawn["label"] += f"; this cell at {percent(own.accuracy)} and {mega(own.macs)} MACs"
    drawn["layout"]["dragmode"] = "zoom"
    drawn["layout"]["annotations"] += [word("this cell", own.macs / 1e6, 100 * own.accuracy, color="var:--accent-ink")]
    return drawn


def probability(updates: Sequence[tuple[int, Mapping]], choices: Sequence, taken: Sequence[int]) -> dict | None:
    """How likely a controller made each of a cell's decisions after each of its updates: the geometric mean over the
    decisions of their marginal probabilities, beside that of a controller that knows nothing."""
    decided = [(choice, index) for choice, index in zip(choices, taken, strict=True) if choice.kind != GIVEN]
    choices, taken = [choice for choice, _ in decided], [index for _, index in decided]
    rows = [(number, _mean(record["probabilities"], choices, taken)) for number, record in updates]
    rows = [(number, 100 * value) for number, value in rows if value is not None]
    if len(rows) < 2:
        return None
    numbers, values = [number for number, _ in rows], [value for _, value in rows]
    blind = 100 * exp(-sum(log(len(choice.options)) for choice in choices) / len(choices))
    return figure(
        [
            reference_line([numbers[0], numbers[-1]], [blind, blind]),
            line(numbers, values, hover=[hover_text(f"update {n}", f"{v:.1f}\u00a0% a decision") for n, v in rows]),
        ],
        label=f"Probability of this cell's decisions, {values[0]:.1f} % each at first and {values[-1]:.1f} % after update "
        f"{numbers[-1]}; by chance {blind:.1f} %",
        x="update",
        y="probability of a decision, %",
        height=MEDIUM,
        right=60,
        notes=[word("by chance", numbers[-1], blind, color="var:--ink-3")],
        yaxis={"rangemode": "tozero"},
    )


def _mean(probabilities: Mapping, choices: Sequence, taken: Sequence[int]) -> float | None:
    total = 0.0
    for choice, index in zip(choices, taken, strict=True):
        row = probabilities.get(choice.name)
        if row is None or not index < len(row):
            return None
        total += log(max(row[index], 1e-12))
    return exp(total / len(choices))
