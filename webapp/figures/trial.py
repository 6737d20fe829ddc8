"""The plots of one trial, from its learning curve as stored."""

from collections.abc import Mapping, Sequence

from webapp.figures.base import LARGE, figure, hover_text, line, word


def learning_curve(curve: Sequence[Mapping], epochs: int) -> dict | None:
    """Train and valid accuracy after each epoch of one trial."""
    if not curve:
        return None
    marks, notes = [], []
    for key, name, color in (("train_accuracy", "train", "var:--series-ref"), ("valid_accuracy", "valid", "var:--ink")):
        known = [(one["epoch"], 100 * one[key]) for one in curve if one.get(key) is not None]
        if known:
            x, y = [e for e, _ in known], [v for _, v in known]
            marks.append(line(x, y, color=color, width=2 if name == "valid" else 1.5, name=name, hover=[
                f"{name} {value:.2f}\u00a0%" for value in y
            ]) | {"mode": "lines+markers", "marker": {"size": 4, "color": color}})  # fmt: skip
            notes.append(word(name, x[-1], y[-1]))
    return figure(
        marks,
        label=f"Accuracy on train and valid over {len(curve)} epochs",
        x="epoch",
        y="accuracy, %",
        height=LARGE,
        right=44,
        notes=notes,
        hovermode="x unified",
        xaxis={"range": [0.5, max(epochs, 2) + 0.5], "dtick": 1 if epochs <= 12 else None, "hoverformat": "d"},
    )


def loss_curve(curve: Sequence[Mapping]) -> dict | None:
    """Training loss after each epoch."""
    known = [(one["epoch"], one["train_loss"]) for one in curve if one.get("train_loss") is not None]
    if not known:
        return None
    hover = [hover_text(f"epoch {e}", f"train loss {v:.4f}") for e, v in known]
    mark = line([e for e, _ in known], [v for _, v in known], hover=hover) | {
        "mode": "lines+markers",
        "marker": {"size": 4},
    }
    return figure([mark], label=f"Training loss over {len(known)} epochs", x="epoch", y="training loss", height=LARGE)
