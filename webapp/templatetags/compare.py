"""What the comparison pages write."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from webapp.figures.comparison import series

register = template.Library()


@register.simple_tag
def swatch(number: int) -> SafeString:
    """The line of a group as it stands in the plots."""
    token, dash = series(number)
    dashes = dash.replace("px", "") or "none"
    return format_html(
        '<svg class="swatch {}" width="22" height="8" aria-hidden="true"><path d="M0 4h22" stroke-dasharray="{}"/></svg>',
        token.removeprefix("--"), dashes,
    )  # fmt: skip


@register.filter
def p_value(p: float | None) -> str:
    """0.0312 as 0.031, 0.00004 as < 0.001."""
    if p is None:
        return "–"
    return "<\u00a00.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
