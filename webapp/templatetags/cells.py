"""Cells in templates: {% thumbnail record "normal" 74 30 %}, {% mix record %}, {% op "sep_conv_3x3" %}."""

import json
from functools import lru_cache

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from nas_engine.cell import Cell
from nas_engine.operations import FAMILIES, OPERATIONS
from webapp.diagrams import mix_bar
from webapp.diagrams import thumbnail as draw
from webapp.models import CellRecord

register = template.Library()


def cells_of(record: CellRecord) -> tuple[Cell, ...]:
    """The record's (normal, reduction) cells."""
    return _parse(json.dumps(record.cells))


@lru_cache(maxsize=4096)
def _parse(text: str) -> tuple[Cell, ...]:
    return tuple(Cell.from_json(cell) for cell in json.loads(text))


@register.simple_tag
def thumbnail(record: CellRecord, kind: str = "normal", width: int = 74, height: int = 30) -> SafeString:
    """The record's ``kind`` cell ("normal" or "reduction") as a small inline SVG."""
    cell = next(cell for cell in cells_of(record) if cell.kind == kind)
    return draw(cell, width, height)


@register.simple_tag
def mix(record: CellRecord) -> SafeString:
    """A bar of the operation families' shares over the record's cells."""
    return mix_bar(cells_of(record))


@register.simple_tag
def op(name: str, label: str = "") -> SafeString:
    """An operation, or a whole family ("sep"), as a chip: cap with its glyph, then its short name."""
    family = name if name in FAMILIES else OPERATIONS[name].family
    words = label or (FAMILIES[name] if name in FAMILIES else OPERATIONS[name].label)
    return format_html(
        '<span class="op op-{0}"><svg aria-hidden="true"><use href="{1}#k-{0}"/></svg>{2}</span>',
        family,
        static("img/icons.svg"),
        words,
    )
