"""What a learning strategy has learned: entropy, reward, and the probabilities of its decisions.

A record is what a strategy's ``tell`` returned on an update; a strategy that reports less gets fewer plots.
"""

from collections.abc import Mapping, Sequence

from nas_engine.architecture import Choice
from nas_engine.operations import OPERATIONS, drawn, is_known
from webapp.figures.base import MOST_POINTS, SMALL, figure, hover_text, line, points, reference_line, thin, word
from webapp.figures.decisions import option_map

SURE = 0.3  # a choice above this probability is marked in the heat map


def entropy(updates: Sequence[tuple[int, Mapping]]) -> dict | None:
    """The policy's entropy in percent of a uniform one, after each update."""
    known = [(n, 100 * r["entropy"] / r["entropy_uniform"]) for n, r in updates if r.get("entropy_uniform")]
    if not known:
        return None
    known = thin(known, MOST_POINTS)
    numbers, values = [n for n, _ in known], [v for _, v in known]
    hover = [hover_text(f"update {n}", f"entropy {v:.1f}\u00a0%") for n, v in known]
    return figure(
        [line(numbers, values, hover=hover)],
        label=f"Controller entropy, {values[-1]:.0f} % of uniform after update {numbers[-1]}",
        y="entropy, % of uniform",
        height=SMALL,
        right=60,
        bottom=20,
        xaxis=_axis(numbers),
        yaxis={"nticks": 4},
    )


def reward(updates: Sequence[tuple[int, Mapping]]) -> dict | None:
    """Mean reward of each update's trials, and the moving baseline."""
    known = [(n, r) for n, r in updates if r.get("mean_reward") is not None]
    if not known:
        return None
    known = thin(known, MOST_POINTS // 2)
    numbers = [n for n, _ in known]
    means, moving = [r["mean_reward"] for _, r in known], [r.get("baseline") for _, r in known]
    texts = [
        hover_text(f"update {n}", f"mean reward {m:.4f}", *([f"baseline {b:.4f}"] if b is not None else []))
        for n, m, b in zip(numbers, means, moving, strict=True)
    ]
    notes = [word("baseline", numbers[-1], moving[-1])] if moving[-1] is not None else []
    return figure(
        [reference_line(numbers, moving), line(numbers, means, hover=texts)],
        label=f"Mean reward of each update, {means[-1]:.4f} at update {numbers[-1]}, and its moving baseline",
        x="update",
        y="reward",
        height=SMALL + 22,
        right=60,
        notes=notes,
        xaxis=_axis(numbers),
        yaxis={"nticks": 4},
    )


def drift(updates: Sequence[tuple[int, Mapping]]) -> dict | None:
    """How far each update moved the policy: its approximate KL divergence from the one that proposed, and the share of
    decisions that PPO clipped."""
    known = [(n, r) for n, r in updates if r.get("kl") is not None]
    if not known:
        return None
    known = thin(known, MOST_POINTS // 2)
    numbers = [n for n, _ in known]
    divergence = [r["kl"] for _, r in known]
    clipped = [100 * (r.get("clip_fraction") or 0.0) for _, r in known]
    texts = [
        hover_text(f"update {n}", f"KL {k:.4f}", f"clipped {c:.0f}\u00a0%")
        for n, k, c in zip(numbers, divergence, clipped, strict=True)
    ]
    marks = [line(numbers, divergence, hover=texts)]
    notes = [word("KL", numbers[-1], divergence[-1])]
    if any(clipped):
        marks.append(reference_line(numbers, clipped) | {"yaxis": "y2"})
        notes.append(word("clipped, %", numbers[-1], clipped[-1], yref="y2", color="var:--ink-3"))
    return figure(
        marks,
        label=f"KL divergence of each update, {divergence[-1]:.4f} at update {numbers[-1]}, and the share clipped, "
        f"{clipped[-1]:.0f} %",
        y="KL divergence",
        height=SMALL,
        right=60,
        bottom=20,
        notes=notes,
        xaxis=_axis(numbers),
        yaxis={"nticks": 4, "rangemode": "tozero"},
        yaxis2={"overlaying": "y", "side": "right", "visible": False, "rangemode": "tozero"},
    )


def _axis(numbers: Sequence[int]) -> dict:
    """The same axis of updates for both plots, so that they can be read one under the other."""
    return {"range": [numbers[0], max(numbers[-1], numbers[0] + 1)], "nticks": 6}


def decisions(choices: Sequence[Choice]) -> list[Choice]:
    """The decisions of a space that pick an operation."""
    return [choice for choice in choices if all(map(is_known, choice.options))]


def heat_map(record: Mapping, choices: Sequence[Choice]) -> dict | None:
    """Probability of each operation in every decision. One row an operation, in its family's colour; a dot on what is
    most likely where that is above 30 %. Of a space whose decisions are others, a row an option. None if the record has no
    probabilities."""
    columns = [choice for choice in decisions(choices) if choice.name in record.get("probabilities", {})]
    if not columns:
        return option_map(record, choices)
    table = {
        choice.name: dict(zip(choice.options, record["probabilities"][choice.name], strict=True)) for choice in columns
    }
    named = dict.fromkeys(name for choice in columns for name in choice.options)
    rows = sorted(named, key=lambda name: list(OPERATIONS).index(name) if name in OPERATIONS else -1)
    places = _places(columns)
    sure = [
        (places[c.name], max(table[c.name], key=table[c.name].get))
        for c in columns
        if max(table[c.name].values()) > SURE
    ]
    heights = {name: len(rows) - 1 - index for index, name in enumerate(rows)}
    kinds = list(dict.fromkeys(_kind(choice) for choice in columns))
    halves = [[choice for choice in columns if _kind(choice) == kind] for kind in kinds]
    marks = [_heat_row(name, heights[name], half, places, table) for name in rows for half in halves]
    dots = {"size": 4, "color": "var:--surface", "opacity": 1}
    marks.append(points([x for x, _ in sure], [heights[name] for _, name in sure], **dots))
    heads = [
        word(f"{kind} cell", min(places[c.name] for c in columns if _kind(c) == kind), 1, yref="paper",
             yshift=32, xshift=-16)
        for kind in kinds
    ]  # fmt: skip
    return figure(
        marks,
        label=f"Probability of each of {len(rows)} operations for {len(columns)} decisions of the controller",
        height=22 * len(rows) + 44,
        left=72,
        bottom=4,
        dragmode=False,
        notes=heads,
        barmode="overlay",
        bargap=0,
        margin={"l": 72, "r": 4, "t": 40, "b": 4, "pad": 0},
        xaxis={"tickmode": "array", "tickvals": [places[c.name] for c in columns], "ticktext": [_short(c) for c in columns],
               "side": "top", "showline": False, "fixedrange": True, "tickangle": 0,
               "range": [-0.5, max(places.values()) + 0.5]},
        yaxis={"tickmode": "array", "tickvals": list(heights.values()),
               "ticktext": [f"{drawn(name).label}\u00a0\u00a0" for name in heights],
               "showgrid": False, "fixedrange": True, "range": [-0.5, len(rows) - 0.5]},
    )  # fmt: skip


def _places(columns: Sequence[Choice]) -> dict[str, float]:
    """x of each decision, with a gap between the kinds of cell."""
    places, x, before = {}, 0.0, None
    for choice in columns:
        kind = _kind(choice)
        x += 0.7 if before not in (None, kind) else 0
        places[choice.name], before = round(x, 2), kind
        x += 1
    return places


def _kind(choice: Choice) -> str:
    """ "normal" of "normal.3.left_operation"; tables of single cells name none."""
    kind, dot, _ = choice.name.partition(".")
    return kind if dot else "normal"


def _short(choice: Choice) -> str:
    """ "normal.3.left_operation" as "3l", "edge_0_2" as "0→2"."""
    if "." not in choice.name:
        return "→".join(choice.name.split("_")[1:]) or choice.name
    _, block, decision = choice.name.split(".")
    return f"{block}{decision[0]}"


def _heat_row(name: str, height: int, columns: Sequence[Choice], places: Mapping, table: Mapping) -> dict:
    row = drawn(name)
    shown = [choice for choice in columns if name in table[choice.name]]
    values = [table[choice.name][name] for choice in shown]
    token = f"var:--op-{row.family}"
    return {
        "type": "heatmap",
        "x": [places[choice.name] for choice in shown],
        "y": [height],
        "dy": 1,
        "z": [[round(0.05 + 0.95 * value**0.8, 3) for value in values]],
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, f"{token}/0"], [1, token]],
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "hoverinfo": "text",
        "hovertext": [
            [hover_text(f"{row.label} {100 * v:.0f}\u00a0%", _in_words(c)) for c, v in zip(shown, values, strict=True)]
        ],
    }


def _in_words(choice: Choice) -> str:
    if "." not in choice.name:
        return choice.name.replace("_", " ")
    kind, block, decision = choice.name.split(".")
    return f"{kind} cell, block {block} {decision.split('_')[0]}"


def identity_first(record: Mapping, choices: Sequence[Choice]) -> tuple[int, int] | None:
    """In how many of the operation decisions "identity" is the likeliest, and of how many: what a collapse looks like."""
    asked = [choice for choice in decisions(choices) if choice.name in record.get("probabilities", {})]
    if not asked or not any("identity" in choice.options for choice in asked):
        return None
    first = [c.options[max(range(len(c.options)), key=record["probabilities"][c.name].__getitem__)] for c in asked]
    return first.count("identity"), len(asked)
