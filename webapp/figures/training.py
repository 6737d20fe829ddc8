"""The plots of a full training: each seed's accuracy and loss by epoch, and the learning rate."""

from collections.abc import Sequence

from webapp.figures.base import LARGE, MEDIUM, figure, hover_text, line, thin, word
from webapp.models import TrainingRun

MOST = 1_800  # points of a figure, over all seeds: it is sent again with every epoch


def accuracy(runs: Sequence[TrainingRun], epochs: int) -> dict | None:
    """Accuracy on the held-out images after each epoch; where none are held out, on train as it was trained on."""
    held_out = any(one.get("valid_accuracy") is not None for run in runs for one in run.curve)
    key, what = ("valid_accuracy", "valid") if held_out else ("train_accuracy", "train")
    marks, notes = _lines(runs, key, 100, f"{what} {{:.2f}}\u00a0%")
    label = f"{what.capitalize()} accuracy of {len(marks)} seeds"
    return _by_epoch(marks, notes, label, f"{what} accuracy, %", epochs, LARGE)


def loss(runs: Sequence[TrainingRun], epochs: int) -> dict | None:
    """Training loss after each epoch."""
    marks, notes = _lines(runs, "train_loss", 1, "train loss {:.4f}")
    return _by_epoch(marks, notes, f"Training loss of {len(marks)} seeds", "training loss", epochs, MEDIUM)


def rate(runs: Sequence[TrainingRun], epochs: int) -> dict | None:
    """The learning rate each epoch ended with; it is the same for every seed."""
    longest = max(runs, key=lambda run: len(run.curve))
    marks, _ = _lines([longest], "learning_rate", 1, "learning rate {:.4g}")
    return _by_epoch(marks, [], "Learning rate by epoch", "learning rate", epochs, MEDIUM)


def _lines(runs: Sequence[TrainingRun], key: str, scale: float, says: str) -> tuple[list[dict], list[dict]]:
    """(a line for each seed, a word at the end of each where there are several). What is in training is orange."""
    marks, ends = [], []
    alone = len(runs) == 1
    for run in runs:
        known = [(one["epoch"], scale * one[key]) for one in run.curve if one.get(key) is not None]
        if not known:
            continue
        live = run.state == TrainingRun.State.RUNNING
        color = "var:--accent" if live else "var:--ink" if alone else "var:--series-ref"
        shown = thin(known, max(2, MOST // len(runs)))
        title = "" if alone else f"seed {run.seed}, "
        hover = [hover_text(f"{title}epoch {epoch}", says.format(value)) for epoch, value in shown]
        mark = line(
            [at for at, _ in shown], [value for _, value in shown], color=color, width=2 if live else 1.5, hover=hover
        )
        few = {"mode": "lines+markers", "marker": {"size": 4, "color": color}} if len(known) <= 40 else {}
        marks.append(mark | few)
        if not alone:
            ends.append((known[-1], run.seed, live))
    return marks, _words(ends)


def _words(ends: list[tuple[tuple[int, float], int, bool]]) -> list[dict]:
    """Names at the ends of lines: of those in training, of the highest and of the lowest, kept apart."""
    ordered = sorted(ends, key=lambda end: end[0][1])
    named = [end for end in ordered if end[2] or end in (ordered[0], ordered[-1])]
    notes = []
    for (epoch, value), seed, live in named:
        place = {ordered[0][1]: -7, ordered[-1][1]: 7}.get(seed, 0) if len(named) > 1 else 0
        color = "var:--accent-ink" if live else "var:--ink-2"
        notes.append(word(f"seed {seed}", epoch, value, color=color, yshift=place))
    return notes


def _by_epoch(marks: list[dict], notes: list[dict], label: str, y: str, epochs: int, height: int) -> dict | None:
    if not marks:
        return None
    axis = {"range": [0.5, max(epochs, 2) + 0.5], "hoverformat": "d"} | ({"dtick": 1} if epochs <= 12 else {})
    return figure(
        marks, label=label, x="epoch", y=y, height=height, right=52 if notes else 10, notes=notes, xaxis=axis, left=44
    )
