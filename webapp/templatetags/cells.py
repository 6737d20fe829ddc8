"""Cells in templates: {% thumbnail record "normal" 74 30 %}, {% mix record %}, {% op "sep_conv_3x3" %}."""

import json
import re
from collections.abc import Sequence
from functools import lru_cache

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from nas_engine import catalog
from nas_engine.graph_cell import AnyCell, read_cells
from nas_engine.operations import FAMILIES, drawn
from webapp.diagrams import mix_bar, summary
from webapp.diagrams import thumbnail as draw
from webapp.models import CellRecord, Trial
from webapp.templatetags.parts import thousands

register = template.Library()


def cells_of(record: CellRecord) -> tuple[AnyCell, ...]:
    """The record's cells: (normal, reduction), or those of another family."""
    return _parse(json.dumps(record.cells))


@lru_cache(maxsize=4096)
def _parse(text: str) -> tuple[AnyCell, ...]:
    return read_cells(json.loads(text))


@register.simple_tag
def thumbnail(record: CellRecord, kind: str = "normal", width: int = 74, height: int = 30) -> SafeString:
    """The record's ``kind`` cell ("normal" or "reduction") as a small inline SVG. For an architecture that has no such two
    cells "normal" is one picture of all of it, and "reduction" nothing."""
    cells = cells_of(record)
    if cells[0].family == "nasnet":
        cell = next((cell for cell in cells if cell.kind == kind), None)
    else:
        cell = summary(cells) if kind == "normal" else None
    return draw(cell, width, height) if cell else SafeString()


@register.simple_tag
def mix(record: CellRecord) -> SafeString:
    """A bar of the operation families' shares over the record's cells."""
    return mix_bar(cells_of(record))


@register.simple_tag
def op(name: str, label: str = "") -> SafeString:
    """An operation, or a whole family ("sep"), as a chip: cap with its glyph, then its short name."""
    family = name if name in FAMILIES else drawn(name).family
    words = label or (FAMILIES[name] if name in FAMILIES else drawn(name).label)
    return format_html(
        '<span class="op op-{0}"><svg aria-hidden="true"><use href="{1}#k-{0}"/></svg>{2}</span>',
        family,
        static("img/icons.svg"),
        words,
    )


@register.filter
def short_family(family: str) -> str:
    """A family in one word or two: "separable", "max pooling"."""
    name = FAMILIES[family]
    return name if name == "convolution" else name.removesuffix(" convolution")


@register.filter
def strategy_label(name: str) -> str:
    """A strategy's name for people: "PPO"."""
    return catalog.searcher_label(name)


@register.filter
def points(value: float | None) -> str:
    """0.9312 as 93.12, for a column headed %."""
    return "" if value is None else f"{100 * value:.2f}"


@register.filter
def millions(value: float | None) -> str:
    """1012345 as 1.01, for a column headed M: three digits, fewer zeros."""
    return "" if value is None else _digits(value / 1e6)


@register.filter
def milliseconds(seconds: float | None) -> str:
    """0.0123 as 12.3, for a column headed ms."""
    return "" if seconds is None else _digits(seconds * 1e3)


def _digits(value: float) -> str:
    decimals = next((places for limit, places in ((100, 0), (10, 1), (0.1, 2), (0.01, 3)) if value >= limit), 4)
    return f"{value:.{decimals}f}"


@register.filter
def share_width(share: float, rows: list[tuple[str, float, float]]) -> str:
    """A bar's width as a percentage of the longest bar of (family, best, all) rows."""
    return f"{100 * share / max(max(best, everything) for _, best, everything in rows):.1f}%"


@register.filter
def gained(value: float) -> str:
    """A difference of two accuracies in points, with its sign: +0.11, −0.38, 0.00."""
    text = f"{100 * value:+.2f}".replace("-", "\u2212")
    return "0.00" if text[1:] == "0.00" else text


@register.filter
def device_name(device: dict) -> str:
    """What a trial was trained on: "NVIDIA H200", "CPU"."""
    return device.get("name") or str(device.get("kind", "")).upper()


@register.filter
def at(values: Sequence, index: int):
    """``values[index]``."""
    return values[index]


@register.filter
def unbroken(summary: str) -> str:
    """A protocol's summary whose "N 1" and "F 8" stay on one line."""
    return re.sub(r"\b([NF]) (?=\d)", "\\1\u00a0", summary)


@register.filter
def signed(value: float) -> str:
    """A difference of two counts with its sign: +359 856, −12, 0."""
    return f"+{thousands(value)}" if value > 0 else thousands(value)


@register.filter
def signed_mega(value: float) -> str:
    """A difference of two counts in millions: +54.7, −0.38, 0."""
    return _signed(value / 1e6)


@register.filter
def signed_ms(value: float) -> str:
    """A difference of two times, given in seconds, in milliseconds: +1.1, −0.32, 0."""
    return _signed(value * 1e3)


def _signed(value: float) -> str:
    sign = "+" if value > 0 else "\u2212" if value < 0 else ""
    return f"{sign}{_digits(abs(value))}" if value else "0"


@register.filter
def latency_words(trial: Trial) -> str:
    """How a trial's latency was obtained: "median of 100, p95 0.51 ms, batch 1, 1 thread, AMD EPYC"."""
    about = trial.latency_about
    if about.get("way", {}).get("source") == "table":
        return "from a table"
    if "runs" not in about:  # from before there was a choice
        return f"median, batch 1, {device_name(trial.device)}"
    words = [
        f"median of {about['runs']}",
        f"p95 {milliseconds(about['p95'])}\N{NO-BREAK SPACE}ms",
        f"batch {about['batch']}",
    ]
    if about["device"]["kind"] == "cpu":
        words.append(f"{about['threads']} thread{'' if about['threads'] == 1 else 's'}")
    if about["precision"] != "float32":
        words.append(about["precision"])
    return ", ".join((*words, device_name(about["device"])))
