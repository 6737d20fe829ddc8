"""The one look of every plot: a Plotly template and the few marks the pages use, as plain dicts.

A colour is the name of a CSS token, "var:--ink", or with an opacity, "var:--ink/0.5"; ``static/js/plots.js`` resolves it in
the reader's theme and again when the theme changes. Only SVG traces are used (the WebGL ones need ``unsafe-eval``), so no
figure may hold more than :data:`MOST_POINTS` points: :func:`thin` sees to that.
"""

import math
from collections.abc import Sequence
from typing import Any, TypeVar

MOST_POINTS = 5_000
SMALL, MEDIUM, LARGE = 112, 190, 280

Mark = dict[str, Any]
_T = TypeVar("_T")

TEMPLATE = {
    "layout": {
        "font": {"family": "var:--sans", "size": 11, "color": "var:--ink-3"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "colorway": ["var:--ink", "var:--accent", "var:--series-3", "var:--series-4", "var:--series-ref"],
        "xaxis": {
            "showgrid": False, "zeroline": False, "showline": True, "linecolor": "var:--line-strong", "linewidth": 1,
            "ticks": "", "nticks": 8, "fixedrange": False,
        },
        "yaxis": {
            "showgrid": True, "gridcolor": "var:--grid", "gridwidth": 1, "zeroline": False, "showline": False,
            "ticks": "", "nticks": 6,
        },
        "hovermode": "closest",
        "hoverlabel": {
            "bgcolor": "var:--surface", "bordercolor": "var:--line-strong", "align": "left", "namelength": 0,
            "font": {"size": 11, "color": "var:--ink"},
        },
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "var:--ink-3", "activecolor": "var:--accent-ink"},
    }
}  # fmt: skip


def figure(
    marks: Sequence[Mark],
    *,
    label: str,
    x: str = "",
    y: str = "",
    height: int = MEDIUM,
    left: int = 38,
    right: int = 10,
    bottom: int | None = None,
    dragmode: str | bool = "zoom",
    notes: Sequence[dict] = (),
    shapes: Sequence[dict] = (),
    xaxis: dict | None = None,
    yaxis: dict | None = None,
    **layout: Any,
) -> dict:
    """A figure for ``plots.draw``: ``data`` and ``layout`` are Plotly's, ``label`` says in words what is to be seen.

    ``x`` and ``y`` are axis titles ("valid accuracy, %"); arrows are added. ``height`` and the margins are in pixels.
    ``uirevision`` keeps the reader's zoom when new data arrive.
    """
    margin = {
        "l": left,
        "r": right,
        "t": 22 if y else 8,
        "b": (34 if x else 20) if bottom is None else bottom,
        "pad": 0,
    }
    return {
        "label": label,
        "data": list(marks),
        "layout": {
            "template": TEMPLATE,
            "height": height,
            "margin": margin,
            "dragmode": dragmode,
            "uirevision": "keep",
            "xaxis": xaxis or {},
            "yaxis": yaxis or {},
            "annotations": [*_titles(x, y, left), *notes],
            "shapes": list(shapes),
            **layout,
        },
    }


def _titles(x: str, y: str, left: int) -> list[dict]:
    titles = []
    if y:
        titles.append(_note(f"↑ {y}", 0, 1, "paper", "paper", xanchor="left", yanchor="bottom", yshift=5, xshift=-left))
    if x:
        titles.append(_note(f"{x} →", 1, 0, "paper", "paper", xanchor="right", yanchor="bottom", yshift=-32))
    return titles


def _note(text: str, x: Any, y: Any, xref: str = "x", yref: str = "y", color: str = "var:--ink-2", **more: Any) -> dict:
    font = {"size": 11, "color": color} | more.pop("font", {})
    return {"text": text, "x": x, "y": y, "xref": xref, "yref": yref, "showarrow": False, "font": font, **more}


def word(text: str, x: Any, y: Any, *, color: str = "var:--ink-2", anchor: str = "left", **more: Any) -> dict:
    """A label beside a line, instead of a legend. Goes into ``notes``."""
    shift = {"left": 6, "right": -6}.get(anchor, 0)
    return _note(text, x, y, color=color, **({"xanchor": anchor, "xshift": shift, "font": {"weight": 600}} | more))


def points(
    x: Sequence,
    y: Sequence,
    *,
    hover: Sequence[str] = (),
    template: str = "",
    ids: Sequence = (),
    size: float = 6,
    color: str = "var:--ink-3",
    opacity: float = 0.5,
) -> Mark:
    """Ordinary points. ``hover`` are ready-made texts (see :func:`hover_text`), or with a ``template`` (Plotly's, "%{text}
    %{y:.2f}") what it calls text, which is shorter by far for thousands. ``ids`` arrive as ``customdata``."""
    return _scatter(x, y, hover, ids, {"size": size, "color": color, "opacity": opacity}, template)


def front(x: Sequence, y: Sequence, *, hover: Sequence[str] = (), template: str = "", ids: Sequence = ()) -> Mark:
    """The Pareto front, from cheap to dear: orange points joined by steps. ``hover`` and ``template`` as for points."""
    marker = {"size": 9, "color": "var:--accent", "line": {"color": "var:--surface", "width": 1}}
    steps = {"mode": "lines+markers", "line": {"color": "var:--accent", "width": 2, "shape": "hv"}}
    return _scatter(x, y, hover, ids, marker, template) | steps


def references(x: Sequence, y: Sequence, *, hover: Sequence[str] = (), ids: Sequence = ()) -> Mark:
    """Published cells: open diamonds."""
    return _scatter(
        x, y, hover, ids, {"size": 10, "symbol": "diamond-open", "color": "var:--ink", "line": {"width": 1.5}}
    )


def _scatter(x: Sequence, y: Sequence, hover: Sequence[str], ids: Sequence, marker: dict, template: str = "") -> Mark:
    mark = {"type": "scatter", "mode": "markers", "x": list(x), "y": list(y), "marker": marker, "cliponaxis": False}
    if ids:
        mark["customdata"] = list(ids)
    if template:
        return mark | {"text": list(hover), "hovertemplate": f"{template}<extra></extra>"}
    return mark | _hover(hover)


def line(
    x: Sequence,
    y: Sequence,
    *,
    hover: Sequence[str] = (),
    color: str = "var:--series-1",
    width: float = 1.5,
    dash: str = "",
    step: bool = False,
    name: str = "",
) -> Mark:
    """A line; ``dash`` as in SVG ("5px 4px"), ``step`` for a value that holds until the next point."""
    style = {"color": color, "width": width, "shape": "hv" if step else "linear"}
    if dash:
        style["dash"] = dash
    mark = {"type": "scatter", "mode": "lines", "x": list(x), "y": list(y), "line": style}
    return mark | ({"name": name} if name else {}) | _hover(hover)


def best_line(x: Sequence, y: Sequence, *, hover: Sequence[str] = ()) -> Mark:
    return line(x, y, hover=hover, color="var:--accent", width=2, step=True, name="best so far")


def reference_line(x: Sequence, y: Sequence, *, hover: Sequence[str] = (), name: str = "", step: bool = False) -> Mark:
    """A baseline to compare with: grey and dashed."""
    return line(x, y, hover=hover, color="var:--series-ref", dash="5px 4px", name=name, step=step)


def band(x: Sequence, low: Sequence, high: Sequence, *, color: str = "var:--series-1/0.09") -> Mark:
    """The range from ``low`` to ``high``, for instance over seeds."""
    around = {"x": [*x, *reversed(list(x))], "y": [*high, *reversed(list(low))]}
    return {
        "type": "scatter",
        "fill": "toself",
        "fillcolor": color,
        "line": {"width": 0},
        "hoverinfo": "skip",
        **around,
    }


def bars(x: Sequence, y: Sequence, *, hover: Sequence[str] = (), color: Any = "var:--ink-3", width: Any = None) -> Mark:
    mark = {"type": "bar", "x": list(x), "y": list(y), "marker": {"color": color, "line": {"width": 0}}}
    return mark | ({"width": width} if width is not None else {}) | _hover(hover)


def limit(value: float, text: str, *, axis: str = "x", side: str = "left") -> tuple[dict, dict]:
    """A target or limit: (shape, note). ``side`` is where the word's anchor lies: "left" writes to the right of the line."""
    style = {"type": "line", "line": {"color": "var:--accent-ink", "width": 1.25, "dash": "4px 3px"}, "layer": "above"}
    if axis == "x":
        where = {"xref": "x", "yref": "paper", "x0": value, "x1": value, "y0": 0, "y1": 1}
        note = word(text, value, 1, yref="paper", color="var:--accent-ink", anchor=side, yanchor="top")
    else:
        where = {"xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": value, "y1": value}
        note = word(text, 1, value, xref="paper", color="var:--accent-ink", anchor="right", yanchor="bottom")
    return style | where, note


def hover_text(title: object, *lines: str) -> str:
    """Bold hash or x, then one value a line with its unit: ``hover_text("0d65789", "valid 92.86 %", "MACs 138 M")``."""
    return "<br>".join([f"<b>{title}</b>", *lines])


def _hover(texts: Sequence[str]) -> dict:
    return {"hovertext": list(texts), "hoverinfo": "text"} if texts else {"hoverinfo": "skip"}


def pareto(pairs: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the (cost, value) pairs no other pair beats, cheapest first: no other costs at most as much and is worth
    more, or costs less and is worth as much."""
    order = sorted(range(len(pairs)), key=lambda index: (pairs[index][0], -pairs[index][1]))
    chosen, best = [], -math.inf
    for index in order:
        if pairs[index][1] > best:
            chosen.append(index)
            best = pairs[index][1]
    return chosen


def split_front(values: Sequence[float], costs: Sequence[float | None], most: int) -> tuple[list[int], list[int]]:
    """(the Pareto front, cheapest first; at most ``most`` of the others, evenly spread): places in both sequences,
    which are ordered by falling value. A place whose cost is None is in neither."""
    front, least, level = [], math.inf, None
    for at, cost in enumerate(costs):
        if cost is None or cost >= least:
            continue
        if values[at] == level:  # worth as much as the one before, and cheaper
            front.pop()
        front.append(at)
        least, level = cost, values[at]
    chosen = set(front)
    others = [at for at, cost in enumerate(costs) if cost is not None and at not in chosen]
    return front[::-1], thin(others, most)


def thin(rows: Sequence[_T], most: int = MOST_POINTS) -> list[_T]:
    """At most ``most`` rows, evenly spread over the sequence, the last one among them."""
    if len(rows) <= most:
        return list(rows)
    return [rows[len(rows) - 1 - (most - 1 - i) * (len(rows) - 1) // (most - 1)] for i in range(most)]
