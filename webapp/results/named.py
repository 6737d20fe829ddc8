"""A cell as commands name it: a published name, the beginning of a hash, a file, or the genotype itself."""

import re
from pathlib import Path

from django.db import DatabaseError

from nas_engine import notation, zoo
from nas_engine.cell import cells_key
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import AnyCell, read_cells
from nas_engine.search_spaces import randwire
from webapp.models import CellRecord


def named_cell(text: str) -> tuple[zoo.ZooEntry | None, tuple[AnyCell, ...], str]:
    """(its publication if it is a published cell, the cells, what to call them). Raises ConfigError under "cell"."""
    if text in zoo.names():
        entry = zoo.get(text)
        return entry, entry.cells, entry.label
    if text.startswith("randwire:"):
        return None, randwire.parse_cells(text), text
    if re.fullmatch("[0-9a-f]{4,64}", text):
        record = _by_hash(text)
        if record:
            return zoo.of_key(record.key), read_cells(record.cells), str(record)
    written = _written(text)
    if written is None:
        raise ConfigError(
            f"There is no cell {text[:60]!r}. Published cells: {', '.join(zoo.names())}; or give a cell's hash, "
            "a file with a genotype, or the genotype itself.",
            "cell",
        )
    cells = notation.from_text(written)
    entry = zoo.of_key(cells_key(cells))
    return entry, cells, entry.label if entry else cells_key(cells)[:7]


def _by_hash(digits: str) -> CellRecord | None:
    try:
        found = list(CellRecord.objects.filter(key__startswith=digits)[:2])
    except DatabaseError:
        raise ConfigError("The database has no cells yet; start script/server once, or run migrate.", "cell") from None
    if len(found) > 1:
        raise ConfigError(f"Several cells begin with {digits}; give more of the hash.", "cell")
    return found[0] if found else None


def _written(text: str) -> str | None:
    """The genotype: of the file of this name, or the text where it looks like one."""
    try:
        path = Path(text)
        if len(text) < 4096 and path.is_file():
            if path.stat().st_size > notation.LONGEST_TEXT:
                raise ConfigError(f"{text} is too long for a genotype.", "cell")
            return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{text} holds no text.", "cell") from None
    except OSError:
        pass  # no name of a file
    return text if re.search(r"[(\[{|=]", text) else None
