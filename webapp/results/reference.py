"""Which cell a piece of an address means: a hash or its beginning, the name of a published cell, or the cell written out."""

from nas_engine import notation, zoo
from nas_engine.cell import cells_key
from nas_engine.errors import ConfigError
from webapp.models import CellRecord
from webapp.results.cell import find_cell


def cell_meant(text: str) -> CellRecord:
    """The record, made up (not stored) for a cell the database does not hold. Raises ConfigError saying what to write."""
    text = text.strip()
    if ";" in text:
        return record_of(notation.from_line(text))
    if text.lower() in zoo.names():
        entry = zoo.get(text.lower())
        return record_of(entry.cells, entry.label)
    record, several = find_cell(text)
    if several:
        raise ConfigError(f"{len(several)} cells begin with {text}. Write more digits.", "cell")
    if record is None:
        named = list(CellRecord.objects.filter(name__iexact=text)[:2]) if text else []
        if len(named) != 1:
            raise ConfigError(
                f"{text!r} is no cell known here. Write seven digits of its hash or more, or a name such as nasnet-a.",
                "cell",
            )
        record = named[0]
    return record


def record_of(cells: tuple, name: str = "") -> CellRecord:
    """The stored record of these cells, or one made up."""
    key = cells_key(cells)
    made_up = CellRecord(key=key, name=name, cells=[cell.as_json() for cell in cells])
    return CellRecord.objects.filter(key=key).first() or made_up
