"""What a supernet tells while it is trained: losses, the weights of its mixtures, and how far its scores can be trusted.

A record is an EpochRecord as plain data (nas_engine.evaluators.supernet.records).
"""

from collections.abc import Mapping, Sequence

from nas_engine.operations import OPERATIONS
from webapp.figures.base import MEDIUM, MOST_POINTS, figure, hover_text, limit, line, points, reference_line, thin, word

STATES = {0: "h(i−1)", 1: "h(i)"}


def losses(records: Sequence[Mapping]) -> dict | None:
    """Mean loss of each epoch on train and on valid images, with shared weights."""
    return _pair(records, "train_loss", "valid_loss", "loss", 1)


def accuracies(records: Sequence[Mapping]) -> dict | None:
    """Accuracy of the shared weights. It is no measure of any one architecture."""
    return _pair(records, "train_accuracy", "valid_accuracy", "accuracy with shared weights, %", 100)


def _pair(records: Sequence[Mapping], train: str, valid: str, title: str, factor: float) -> dict | None:
    if not records:
        return None
    records = thin(records, MOST_POINTS // 2)
    marks, notes = [], []
    for name, label, draw in ((train, "train", reference_line), (valid, "valid", line)):
        known = [(record["epoch"], factor * record[name]) for record in records if record[name] is not None]
        if not known:
            continue
        x, y = [epoch for epoch, _ in known], [round(value, 4) for _, value in known]
        marks.append(draw(x, y, hover=[hover_text(f"epoch {e}", f"{label} {v:.3f}") for e, v in known]))
        notes.append(word(label, x[-1], y[-1], yshift=7 if name == valid else -7))
    last = records[-1]["epoch"]
    return figure(
        marks,
        label=f"{title.capitalize()} on train and valid images over {last} epochs",
        x="epoch",
        y=title,
        height=MEDIUM,
        right=48,
        notes=notes,
        xaxis={"range": [0, max(last, 2)]},
    )


def skips(records: Sequence[Mapping], alarm: float) -> dict | None:
    """How many operations of the derived normal cell are skip connections, with the share that raises the alarm."""
    if not records or not records[-1]["skip_places"]:
        return None
    places = records[-1]["skip_places"]
    records = thin(records, MOST_POINTS // 2)
    x, y = [record["epoch"] for record in records], [record["skips"] for record in records]
    shape, note = limit(alarm * places, "alarm", axis="y")
    return figure(
        [
            line(
                x,
                y,
                step=True,
                hover=[hover_text(f"epoch {e}", f"{s} of {places} skip") for e, s in zip(x, y, strict=True)],
            )
        ],
        label=f"Skip connections in the derived normal cell, {y[-1]} of {places} after epoch {x[-1]}",
        x="epoch",
        y=f"skips, of {places}",
        height=MEDIUM,
        shapes=[shape],
        notes=[note],
        xaxis={"range": [0, max(x[-1], 2)]},
        yaxis={"range": [0, places], "nticks": min(places + 1, 6)},
    )


def mixture(record: Mapping, kind: str) -> dict | None:
    """The weight of each operation on each edge of one kind of cell: a column an edge, a row an operation in its family's
    colour, a dot on the strongest of each edge. None where the method mixes nothing."""
    table = record.get("mixture", {}).get(kind)
    if not table:
        return None
    operations, edges = record["operations"], record["edges"]
    rows = {name: len(operations) - 1 - at for at, name in enumerate(operations)}
    marks = []
    for at, name in enumerate(operations):
        token = f"var:--op-{OPERATIONS[name].family}" if name in OPERATIONS else "var:--op-none"
        values = [weights[at] for weights in table]
        marks.append(
            {
                "type": "heatmap", "x": list(range(len(edges))), "y": [rows[name]], "dy": 1,
                "z": [[round(0.05 + 0.95 * value**0.8, 3) for value in values]], "zmin": 0, "zmax": 1,
                "colorscale": [[0, f"{token}/0"], [1, token]], "showscale": False, "xgap": 1, "ygap": 1,
                "hoverinfo": "text",
                "hovertext": [[
                    hover_text(f"{_label(name)} {100 * value:.1f}\u00a0%", f"{_state(a)} → node {b - 1}")
                    for value, (a, b) in zip(values, edges, strict=True)
                ]],
            }
        )  # fmt: skip
    best = [max(range(len(operations)), key=weights.__getitem__) for weights in table]
    dots = {"size": 4, "color": "var:--surface", "opacity": 1}
    marks.append(points(list(range(len(edges))), [rows[operations[at]] for at in best], **dots))
    return figure(
        marks,
        label=f"Weight of each of {len(operations)} operations on {len(edges)} edges of the {kind} cell",
        height=22 * len(operations) + 40,
        bottom=4,
        dragmode=False,
        barmode="overlay",
        margin={"l": 72, "r": 4, "t": 28, "b": 4, "pad": 0},
        xaxis={"tickmode": "array", "tickvals": list(range(len(edges))),
               "ticktext": [f"{_short(a)}→{b - 1}" for a, b in edges], "side": "top", "showline": False,
               "fixedrange": True, "tickangle": 0, "range": [-0.5, len(edges) - 0.5]},
        yaxis={"tickmode": "array", "tickvals": list(rows.values()),
               "ticktext": [f"{_label(name)}\u00a0\u00a0" for name in rows], "showgrid": False, "fixedrange": True,
               "range": [-0.5, len(operations) - 0.5]},
    )  # fmt: skip


def scores(pairs: Sequence[tuple[float, float, str, int]]) -> dict | None:
    """(supernet score, valid accuracy trained alone, key, trial) of each derived cell, one against the other."""
    if not pairs:
        return None
    return figure(
        [
            points(
                [round(100 * score, 3) for score, _, _, _ in pairs],
                [round(100 * accuracy, 3) for _, accuracy, _, _ in pairs],
                size=8,
                color="var:--ink",
                opacity=0.8,
                ids=[key[:12] for _, _, key, _ in pairs],
                hover=[f"{key[:7]}, trial {number}" for _, _, key, number in pairs],
                template=hover_text("%{text}", "supernet %{x:.2f}\u00a0%", "trained alone %{y:.2f}\u00a0%"),
            )
        ],
        label=f"Accuracy trained alone against the supernet's score for {len(pairs)} derived cells",
        x="supernet score, %",
        y="valid accuracy trained alone, %",
        height=MEDIUM,
    )


def _label(name: str) -> str:
    return OPERATIONS[name].label if name in OPERATIONS else name


def _state(state: int) -> str:
    return STATES.get(state, f"node {state - 1}")


def _short(state: int) -> str:
    return {0: "h₋", 1: "h"}.get(state, str(state - 1))
