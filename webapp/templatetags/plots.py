"""What a page with plots loads: the sheet Plotly writes its rules into, and where its script lies."""

import re
from functools import cache

from django import template
from django.templatetags.static import static
from django.utils.html import format_html

from webapp.plotly_build import plotly_folder

register = template.Library()


@register.simple_tag
def plotly_head() -> str:
    """Goes into ``{% block head %}``. The script itself is loaded by plots.js when the first plot is drawn.

    Plotly puts its rules into the sheet with this id through the CSSOM, which the content security policy allows, instead
    of inserting a style element, which it does not. The meta element stands for the map styles that the bundle would
    insert otherwise: it looks for their id first.
    """
    return format_html(
        '<link rel="stylesheet" id="plotly.js-style-global" href="{}">\n'
        '<meta id="plotly-script" content="{}">\n'
        '<meta id="{}" content="no maps here">',
        static("css/plotly.css"),
        static("plotly/plotly.min.js"),
        _map_style_id(),
    )


@cache
def _map_style_id() -> str:
    script = (plotly_folder() / "plotly.min.js").read_text(encoding="utf-8")
    found = re.search(r'getElementById\("([0-9a-f]{64})"\)\)\{var \w+=document\.createElement\("style"\)', script)
    return found.group(1) if found else "plotly-without-map-styles"
