"""The small parts every page is written with: icons, states, times, and numbers as the house writes them."""

import json
from datetime import datetime
from math import floor, log10

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

NARROW = "\u202f"  # between thousands
SPACE = "\u00a0"  # before a unit
MINUS = "\u2212"

# The shape of a state; a state without its own takes the one that means the same to the reader.
SHAPES = {
    "queued": "queued",
    "waiting": "queued",
    "running": "running",
    "preparing": "running",
    "paused": "paused",
    "stopped": "stopped",
    "finished": "finished",
    "ready": "finished",
    "reused": "reused",
    "failed": "failed",
    "infeasible": "stopped",
    "pruned": "stopped",
}
RUNNING = mark_safe(
    '<svg viewBox="0 0 14 14" aria-hidden="true"><circle cx="7" cy="7" r="5.2" opacity=".35"/>'
    '<path class="orbit" d="M7 1.8a5.2 5.2 0 0 1 5.2 5.2"/>'
    '<circle cx="7" cy="7" r="1.6" fill="currentColor" stroke="none"/></svg>'
)


@register.filter
def way_back(message) -> dict:
    """What undoes what a message tells: {"do": an action on chosen cells, "cell": their keys, ...}; {} if nothing does."""
    return json.loads(message.extra_tags) if message.extra_tags else {}


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """A 16 px stroke icon from icons.svg. ``extra`` "fill" fills it."""
    classes = f"ico {extra}".strip()
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>', classes, static("img/icons.svg"), name
    )


@register.simple_tag
def state(thing, word: str = "") -> SafeString:
    """Shape and word of a state. ``thing`` has a ``state`` or is one; ``word`` replaces the state's name."""
    name = str(getattr(thing, "state", thing))
    shape = SHAPES[name]
    drawn = RUNNING if shape == "running" else _shape(shape)
    return format_html('<span class="state {}"><i>{}</i>{}</span>', shape, drawn, word or name)


def _shape(name: str) -> SafeString:
    return format_html('<svg aria-hidden="true"><use href="{}#s-{}"/></svg>', static("img/icons.svg"), name)


@register.filter
def thousands(value) -> str:
    """3346538 as 3 346 538, with narrow no-break spaces; below 10 000 without."""
    if value is None:
        return ""
    number = int(value)
    text = f"{abs(number):,}".replace(",", NARROW) if abs(number) >= 10_000 else str(abs(number))
    return (MINUS if number < 0 else "") + text


@register.filter
def mega(value) -> str:
    """A count in three digits and its multiple: 163 M, 1.02 M, 48.2 k, 312."""
    if value is None:
        return ""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9995:
            return f"{_three_digits(value / size)}{SPACE}{letter}"
    return str(int(value))


def _three_digits(value: float) -> str:
    decimals = max(0, 2 - floor(log10(abs(value)) + 1e-9)) if value else 0
    return f"{value:.{min(decimals, 2)}f}".replace("-", MINUS)


@register.filter
def percent(value, decimals: int = 2) -> str:
    """0.9312 as 93.12 %, in plain text."""
    return "" if value is None else f"{100 * value:.{int(decimals)}f}{SPACE}%".replace("-", MINUS)


@register.filter
def accuracy(value, decimals: int = 2) -> str:
    """0.9312 as 93.12 with a lighter unit; nothing for None."""
    if value is None:
        return ""
    return format_html('{}<span class="unit">%</span>', f"{100 * value:.{int(decimals)}f}")


@register.filter
def duration(seconds) -> str:
    """Seconds in at most two units: 0.3 s, 41 s, 12 min, 2 h 24 min, 3 d 4 h."""
    if seconds is None:
        return ""
    seconds = float(seconds)
    if seconds < 0.95:
        return f"{seconds:.1f}{SPACE}s"
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds}{SPACE}s"
    minutes = round(seconds / 60)
    if seconds < 600 and seconds % 60:
        return f"{seconds // 60}{SPACE}min {seconds % 60}{SPACE}s"
    if minutes < 60:
        return f"{minutes}{SPACE}min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}{SPACE}h {minutes}{SPACE}min" if minutes else f"{hours}{SPACE}h"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days}{SPACE}d {hours}{SPACE}h" if hours else f"{days}{SPACE}d"


@register.filter
def precisely(seconds) -> str:
    """As :func:`duration`, with a decimal below ten seconds and in milliseconds below one."""
    if seconds is None or seconds >= 9.95:
        return duration(seconds)
    return f"{1000 * seconds:.{0 if seconds >= 0.01 else 1}f}{SPACE}ms" if seconds < 0.995 else f"{seconds:.1f}{SPACE}s"


@register.filter(name="bytes")
def byte_count(value) -> str:
    """Bytes in decimal units: 312 B, 48.2 kB, 412 MB, 1.20 GB, 4 GB."""
    if value is None:
        return ""
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= size * 0.9995:
            return f"{_three_digits(value / size).removesuffix('.00')}{SPACE}{unit}"
    return f"{int(value)}{SPACE}B"


@register.filter
def ago(moment: datetime | None) -> str:
    """How long ago: 4 s ago, 2 h 3 min ago."""
    if moment is None:
        return ""
    seconds = max(0.0, (timezone.now() - moment).total_seconds())
    return "now" if seconds < 1 else f"{duration(seconds)} ago"


@register.simple_tag
def when(moment: datetime | None) -> SafeString:
    """A moment as a <time> in UTC; shell.js rewrites it in the reader's own time zone."""
    if moment is None:
        return mark_safe("")
    return format_html(
        '<time datetime="{}" data-local>{} UTC</time>', moment.isoformat(timespec="seconds"), f"{moment:%Y-%m-%d %H:%M}"
    )


@register.simple_tag
def spark(values: list[float], width: int = 96, height: int = 28) -> SafeString:
    """A line without axes; its last point is marked. Steps, since it draws the best so far."""
    if len(values) < 2:
        return mark_safe("")
    low, high, edge = min(values), max(values), 3
    across = (width - 2 * edge) / (len(values) - 1)
    up = (height - 2 * edge) / ((high - low) or 1)
    points = [(edge + at * across, height - edge - (value - low) * up) for at, value in enumerate(values)]
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in points[1:])
    return format_html(
        '<svg class="spark" width="{0}" height="{1}" viewBox="0 0 {0} {1}" aria-hidden="true">'
        '<path d="{2}"/><circle cx="{3}" cy="{4}" r="2.5"/></svg>',
        *(width, height, path, f"{points[-1][0]:.1f}", f"{points[-1][1]:.1f}"),
    )
