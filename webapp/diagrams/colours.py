"""The interface's colours as literals, for drawings that leave it. The stylesheet is where they are decided."""

import re
from functools import cache

from django.conf import settings

THEMES = ("light", "dark")


@cache
def palette(theme: str) -> dict[str, str]:
    """Token -> colour ("op-sep" -> "#007053") as static/css/tokens.css declares it for a theme, "light" or "dark"."""
    css = (settings.BASE_DIR / "static" / "css" / "tokens.css").read_text(encoding="utf-8")
    pairs = re.findall(r"--([\w-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)", css)
    return {name: (light, dark)[THEMES.index(theme)] for name, light, dark in pairs}
