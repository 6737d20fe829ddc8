"""What a page needs to open from disk: its modules in one script, its sheets in one text."""

import re
from functools import cache
from pathlib import Path

from django.conf import settings

SHEETS = ("tokens", "base", "layout", "parts", "diagram", "pieces", "cell", "offline", "print")
_IMPORT = re.compile(r"^import \{([^}]+)\} from '\./([\w-]+)\.js';$", re.M)
_EXPORT = re.compile(r"^export (?:async )?(function|class|const|let) (\w+)", re.M)


def _static() -> Path:
    return settings.BASE_DIR / "static"


@cache
def sheet() -> str:
    """The style sheets a cell is drawn with, one after the other."""
    return "\n".join((_static() / "css" / f"{name}.css").read_text(encoding="utf-8") for name in SHEETS)


@cache
def script(entry: str) -> str:
    """The module ``entry`` and all it imports as one classic script: each module is a function that returns its exports."""
    order: list[str] = []
    _visit(entry, order)
    parts = [f"const modules = {{}};\n{''.join(_wrapped(name) for name in order)}"]
    text = "".join(parts)
    if "</script" in text:
        raise ValueError(f"{entry}.js cannot stand inside a page")
    return f"(() => {{\n{text}}})();\n"


def _visit(name: str, order: list[str]) -> None:
    if name in order:
        return
    for _, other in _IMPORT.findall(_read(name)):
        _visit(other, order)
    order.append(name)


def _read(name: str) -> str:
    return (_static() / "js" / f"{name}.js").read_text(encoding="utf-8")


def _wrapped(name: str) -> str:
    text = _read(name)
    exports = [found[1] for found in _EXPORT.findall(text)]
    text = _IMPORT.sub(lambda found: f"const {{{found[1].replace(' as ', ': ')}}} = modules['{found[2]}'];", text)
    text = re.sub(r"^export (?=(?:async )?(?:function|class|const|let) )", "", text, flags=re.M)
    if re.search(r"^(import|export)\b", text, re.M):
        raise ValueError(f"{name}.js imports or exports in a way that is not understood here")
    return f"modules['{name}'] = (() => {{\n{text}\nreturn {{ {', '.join(exports)} }};\n}})();\n"
