"""Accuracy against a statistic of the graphs, a shape for each kind of generator."""

from collections.abc import Sequence

from nas_engine.search_spaces.graph_statistics import LABELS
from nas_engine.search_spaces.random_graphs import KINDS
from webapp.figures.base import LARGE, figure, hover_text, points, thin, word
from webapp.figures.search import ID
from webapp.results.sweep import Setting, SweepPoint

# kind -> (marker, colour); the shape tells them apart without the colour
MARKS = {
    "er": ("circle", "var:--series-1"),
    "ba": ("diamond", "var:--series-4"),
    "ws": ("square", "var:--series-3"),
}
MOST = 2000


def against_statistic(found: Sequence[SweepPoint], settings: Sequence[Setting], name: str) -> dict:
    """Each network as a small mark, each setting's mean over its seeds as a large one with its spread."""
    marks, notes = [], []
    for kind, (symbol, color) in MARKS.items():
        small = thin([point for point in found if point.generator.kind == kind], MOST)
        large = [one for one in settings if one.generator.kind == kind]
        if not small:
            continue
        marks += [_networks(small, name, symbol, color), _means(large, name, symbol, color)]
        top = max(large, key=lambda one: one.mean)
        notes.append(
            word(kind.upper(), round(top.statistics[name], 4), 100 * top.mean, color=color, yshift=9, anchor="left")
        )
    return figure(
        marks,
        label=f"Valid accuracy of {len(found)} networks against the graphs’ {LABELS[name].lower()}, "
        f"by generator: {', '.join(KINDS[kind] for kind in MARKS if any(p.generator.kind == kind for p in found))}",
        x=LABELS[name].lower(),
        y="valid accuracy, %",
        height=LARGE + 60,
        notes=notes,
    )


def _networks(some: Sequence[SweepPoint], name: str, symbol: str, color: str) -> dict:
    mark = points(
        [round(point.statistics[name], 4) for point in some],
        [round(100 * point.accuracy, 3) for point in some],
        hover=[f"{point.generator}, trial {point.number}" for point in some],
        template=hover_text("%{text}", "valid %{y:.2f}\u00a0%", f"{LABELS[name].lower()} %{{x:.4~g}}"),
        ids=[point.key[:ID] for point in some],
        size=5,
        color=color,
        opacity=0.45,
    )
    mark["marker"]["symbol"] = symbol
    return mark


def _means(some: Sequence[Setting], name: str, symbol: str, color: str) -> dict:
    spread = [round(100 * (one.spread or 0), 3) for one in some]
    texts = [
        hover_text(
            one.generator,
            f"mean valid {100 * one.mean:.2f}" + (f" ± {wide:.2f}\u00a0%" if one.spread is not None else "\u00a0%"),
            f"{one.seeds} seed{'' if one.seeds == 1 else 's'}",
        )
        for one, wide in zip(some, spread, strict=True)
    ]
    mark = points(
        [round(one.statistics[name], 4) for one in some],
        [round(100 * one.mean, 3) for one in some],
        hover=texts,
        size=10,
        color=color,
        opacity=1,
    )
    mark["marker"] |= {"symbol": symbol, "line": {"color": "var:--surface", "width": 1.5}}
    return mark | {"error_y": {"type": "data", "array": spread, "thickness": 1, "width": 3, "color": color}}
