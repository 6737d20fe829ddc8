"""Cells that no search proposed: published ones, and ones that people bring along."""

from nas_engine import notation, zoo
from nas_engine.cell import cells_key
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import AnyCell
from webapp.models import CellRecord


def keep(cells: tuple[AnyCell, ...], name: str = "") -> CellRecord:
    """The row of these cells, made where there is none. A name is given only to a cell that has none yet."""
    record = CellRecord.objects.of(cells)
    if name and not record.name:
        CellRecord.objects.filter(pk=record.pk, name="").update(name=name)
        record.name = name
    return record


def keep_published() -> None:
    """Have every published cell in the database under its name, to be found, shown and trained as any other."""
    entries = [zoo.get(name) for name in reversed(zoo.names())]
    named = {cells_key(entry.cells): entry for entry in entries}  # of two names for one cell the first counts
    there = dict(CellRecord.objects.filter(pk__in=named).values_list("pk", "name"))
    for key, entry in named.items():
        if not there.get(key):
            keep(entry.cells, entry.label)


def import_text(text: str) -> CellRecord:
    """The row of cells written in any notation that is known here. Raises ConfigError under "text" saying what is wrong."""
    try:
        return keep(notation.from_text(text))
    except ConfigError as error:
        raise ConfigError(" ".join(dict.fromkeys(error.problems.values())), "text") from None
