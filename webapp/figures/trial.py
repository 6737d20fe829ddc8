"""The plots of one trial, from its learning curve as stored."""

from collections.abc import Mapping, Sequence

from webapp.figures.base import LARGE, figure, hover_text, line, word


def learning_curve(curve: Sequence[Mapping], epochs: int, needed: Sequence[tuple[int, float]] = ()) -> dict | None:
    """Train and valid accuracy after each epoch of one trial; ``needed`` are (epoch, accuracy) of the rungs it stood at."""
    if not curve:
        return None
    marks, ends = [], []
    for key, name, color in (("train_accuracy", "train", "var:--series-ref"), ("valid_accuracy", "valid", "var:--ink")):
        known = [(one["epoch"], 100 * one[key]) for one in curve if one.get(key) is not None]
        if known:
            marks.append(_measured(known, name, color, width=2 if name == "valid" else 1.5))
            ends.append((name, *known[-1]))
    if needed:
        marks.append(_rungs(needed))
    upper = max(ends, key=lambda end: end[2], default=None)
    notes = [word(name, x, y, yshift=7 if (name, x, y) == upper else -7) for name, x, y in ends]
    return figure(
        marks,
        label=f"Accuracy on train and valid over {len(curve)} epochs",
        x="epoch",
        y="accuracy, %",
        height=LARGE,
        right=44,
        notes=notes,
        hovermode="x unified",
        xaxis=_axis(epochs),
    )


def _rungs(needed: Sequence[tuple[int, float]]) -> dict:
    """The accuracy it took to go on, a dash across each rung."""
    hover = [f"{100 * value:.2f}\u00a0% to go on" for _, value in needed]
    xs, ys = [epoch for epoch, _ in needed], [100 * value for _, value in needed]
    mark = line(xs, ys, color="var:--warn", name="to go on", hover=hover)
    dash = {"symbol": "line-ew", "size": 16, "line": {"width": 2, "color": "var:--warn"}}
    return mark | {"mode": "markers", "marker": dash}


def _measured(known: Sequence[tuple[int, float]], name: str, color: str, width: float) -> dict:
    hover = [f"{name} {value:.2f}\u00a0%" for _, value in known]
    mark = line(
        [epoch for epoch, _ in known], [value for _, value in known], color=color, width=width, name=name, hover=hover
    )
    return mark | {"mode": "lines+markers", "marker": {"size": 4, "color": color}}


def _axis(epochs: int) -> dict:
    return {"range": [0.5, max(epochs, 2) + 0.5], "hoverformat": "d"} | ({"dtick": 1} if epochs <= 12 else {})


def loss_curve(curve: Sequence[Mapping], epochs: int) -> dict | None:
    """Training loss after each epoch."""
    known = [(one["epoch"], one["train_loss"]) for one in curve if one.get("train_loss") is not None]
    if not known:
        return None
    hover = [hover_text(f"epoch {e}", f"train loss {v:.4f}") for e, v in known]
    mark = line([e for e, _ in known], [v for _, v in known], hover=hover) | {
        "mode": "lines+markers",
        "marker": {"size": 4},
    }
    label = f"Training loss over {len(known)} epochs"
    return figure([mark], label=label, x="epoch", y="training loss", height=LARGE, right=44, xaxis=_axis(epochs))
