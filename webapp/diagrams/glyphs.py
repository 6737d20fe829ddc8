"""The families' glyphs: 12 x 12 kernels, read from the icon file so that every drawing shows the same ones."""

import re

from django.conf import settings


def _read() -> dict[str, str]:
    icons = (settings.BASE_DIR / "static" / "img" / "icons.svg").read_text(encoding="utf-8")
    return dict(re.findall(r'<symbol id="k-(\w+)"[^>]*>\s*<path[^>]*\bd="([^"]+)"', icons))


GLYPHS = _read()
