"""Small things the search pages write."""

import re

from django import template
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from nas_engine.cell import Cell
from webapp.diagrams import thumbnail
from webapp.forms.fields import Field

register = template.Library()


@register.filter
def variable(label: str) -> SafeString:
    """A label that ends in a symbol sets it as mathematics does: "Filters, F" with F in italics."""
    found = re.fullmatch(r"(.+, )([A-Z])", label)
    return format_html("{}<var>{}</var>", *found.groups()) if found else conditional_escape(label)


@register.filter
def lookup(table: dict, key):
    """``table[key]``, or nothing."""
    return table.get(key)


@register.filter
def wrong(fields: list[Field]) -> bool:
    """Whether any of the fields has a problem."""
    return any(field.error for field in fields)


@register.filter
def in_words(field: Field) -> str:
    """A setting and its value in a few words: "momentum 0.9", "flip", "no cutout"."""
    name = field.about.label[:1].lower() + field.about.label[1:]
    if field.kind == "switch":
        return name if field.checked else f"no {name}"
    value = field.typed if isinstance(field.typed, str) else ", ".join(field.typed)
    return f"{name} {value}{field.about.unit and chr(0xA0) + field.about.unit}"


@register.simple_tag
def draw_cell(cell: Cell, width: int, height: int) -> SafeString:
    """A cell that belongs to no record yet, as a small inline SVG."""
    return thumbnail(cell, width, height)
