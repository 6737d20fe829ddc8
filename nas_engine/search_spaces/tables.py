"""Published tables of trained architectures, read from a local .npz file (numpy arrays, no pickled objects).

A file is recognised by its arrays:

- ``ops`` (n, edges) with ``op_names``: NAS-Bench-201 (Dong and Yang 2020), a row for every cell;
- ``blocks`` (n, layers) with ``block_names``: NAS-Bench-Macro (Su et al. 2021), a row for every network;
- ``adjacency`` (n, v, v) with ``ops`` (n, v - 2) and ``op_names``: NAS-Bench-101 (Ying et al. 2019), any part of it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from nas_engine.errors import ConfigError

if TYPE_CHECKING:
    import numpy

    Arrays = dict[str, numpy.ndarray]

KINDS = {"nas-bench-201": "NAS-Bench-201", "nas-bench-macro": "NAS-Bench-Macro", "nas-bench-101": "NAS-Bench-101"}


@dataclass(frozen=True, eq=False)
class Table:
    """``kind`` is a key of KINDS; ``arrays`` are the file's: a row for every architecture, or a list of names."""

    path: str
    kind: str
    arrays: "Arrays"

    @property
    def rows(self) -> int:
        return len(self.arrays[{"nas-bench-macro": "blocks"}.get(self.kind, "ops")])

    def column(self, name: str) -> "numpy.ndarray":
        """The named array. Raises ConfigError listing what there is."""
        if name not in self.arrays:
            raise ConfigError(f"{self.path} has no array {name!r}. It has: {', '.join(self.arrays)}.", "table")
        return self.arrays[name]


def read_table(path: str | Path) -> Table:
    """Read a table. Raises ConfigError (field "table") where the file is missing, broken, or of no known layout."""
    import numpy

    try:
        with numpy.load(path, allow_pickle=False) as file:
            arrays = {name: numpy.asarray(file[name]) for name in file.files}
    except (OSError, ValueError, TypeError, EOFError, BadZipFile) as error:
        raise ConfigError(f"{path} cannot be read as a table (.npz): {error}", "table") from None
    table = Table(str(path), _kind(path, arrays), arrays)
    _check_rows(table)
    return table


def _kind(path: str | Path, arrays: "Arrays") -> str:
    if {"adjacency", "ops", "op_names"} <= arrays.keys() and arrays["adjacency"].ndim == 3 == arrays["ops"].ndim + 1:
        return "nas-bench-101"
    if {"ops", "op_names"} <= arrays.keys() and arrays["ops"].ndim == arrays["op_names"].ndim + 1 == 2:
        return "nas-bench-201"
    if {"blocks", "block_names"} <= arrays.keys() and arrays["blocks"].ndim == arrays["block_names"].ndim + 1 == 2:
        return "nas-bench-macro"
    raise ConfigError(
        f"{path} is no table known here: it needs ops and op_names (NAS-Bench-201), those and adjacency (NAS-Bench-101), "
        f"or blocks and block_names (NAS-Bench-Macro). It has: {', '.join(arrays) or 'nothing'}.",
        "table",
    )


def _check_rows(table: Table) -> None:
    if not table.rows:
        raise ConfigError(f"{table.path} has no rows.", "table")
    names = "block_names" if table.kind == "nas-bench-macro" else "op_names"
    taken = table.arrays["blocks" if table.kind == "nas-bench-macro" else "ops"]
    if int(taken.min()) < 0 or int(taken.max()) >= len(table.arrays[names]):
        raise ConfigError(f"{table.path} uses an operation that {names} does not list.", "table")
