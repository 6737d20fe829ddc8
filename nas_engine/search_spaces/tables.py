"""Published tables of trained architectures, read from a local .npz file (numpy arrays, no pickled objects).

A file is recognised by its arrays:

- ``ops`` (n, edges) with ``op_names``: NAS-Bench-201 (Dong and Yang 2020), a row for every cell;
- ``blocks`` (n, layers) with ``block_names``: NAS-Bench-Macro (Su et al. 2021), a row for every network;
- ``adjacency`` (n, v, v) with ``ops`` (n, v - 2) and ``op_names``: NAS-Bench-101 (Ying et al. 2019), any part of it;
- ``cells`` (n, 2, 8, 2) with ``op_names``: DARTS cells with predicted accuracies, NAS-Bench-301 (Zela et al. 2022).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile

from nas_engine.errors import ConfigError

if TYPE_CHECKING:
    import numpy

    Arrays = dict[str, numpy.ndarray]

KINDS = {
    "nas-bench-201": "NAS-Bench-201",
    "nas-bench-macro": "NAS-Bench-Macro",
    "nas-bench-101": "NAS-Bench-101",
    "nas-bench-301": "NAS-Bench-301",
}
LARGEST = 2**30  # bytes of a table once unpacked


# kind -> (the array with a row of options for every architecture, the array with the options' names)
_ROWS = {
    "nas-bench-201": ("ops", "op_names"),
    "nas-bench-macro": ("blocks", "block_names"),
    "nas-bench-101": ("ops", "op_names"),
    "nas-bench-301": ("cells", "op_names"),
}


@dataclass(frozen=True, eq=False)
class Table:
    """``kind`` is a key of KINDS; ``arrays`` are the file's: a row for every architecture, or a list of names. ``digest`` is
    the SHA-256 of the file."""

    path: str
    kind: str
    arrays: "Arrays"
    digest: str = ""

    @property
    def rows(self) -> int:
        return len(self.arrays[_ROWS[self.kind][0]])

    def column(self, name: str) -> "numpy.ndarray":
        """The named array. Raises ConfigError listing what there is."""
        if name not in self.arrays:
            raise ConfigError(f"{self.path} has no array {name!r}. It has: {', '.join(self.arrays)}.", "table")
        return self.arrays[name]


def read_table(path: str | Path) -> Table:
    """Read a table. Raises ConfigError (field "table") where the file is missing, broken, or of no known layout."""
    try:
        if not Path(path).is_file():
            raise OSError("there is no such file")
        _check_size(path)
        arrays, digest = _arrays(path), hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except (OSError, ValueError, TypeError, EOFError, BadZipFile, NotImplementedError, MemoryError) as error:
        raise ConfigError(f"{path} cannot be read as a table (.npz): {error}", "table") from None
    table = Table(str(path), _kind(path, arrays), arrays, digest)
    _check_rows(table)
    return table


def _check_size(path: str | Path) -> None:
    with ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > LARGEST:
        raise ValueError(f"it unpacks to {size / 2**30:.1f} GB, more than {LARGEST / 2**30:.0f}")


def _arrays(path: str | Path) -> "Arrays":
    import numpy

    with numpy.load(path, allow_pickle=False) as file:
        return {name: numpy.asarray(file[name]) for name in file.files}


def _kind(path: str | Path, arrays: "Arrays") -> str:
    if {"adjacency", "ops", "op_names"} <= arrays.keys() and arrays["adjacency"].ndim == 3 == arrays["ops"].ndim + 1:
        return "nas-bench-101"
    if {"ops", "op_names"} <= arrays.keys() and arrays["ops"].ndim == arrays["op_names"].ndim + 1 == 2:
        return "nas-bench-201"
    if {"blocks", "block_names"} <= arrays.keys() and arrays["blocks"].ndim == arrays["block_names"].ndim + 1 == 2:
        return "nas-bench-macro"
    if {"cells", "op_names"} <= arrays.keys() and arrays["cells"].ndim == 4 and arrays["cells"].shape[1:] == (2, 8, 2):
        return "nas-bench-301"
    raise ConfigError(
        f"{path} is no table of architectures known here: it needs ops and op_names (NAS-Bench-201), those and adjacency "
        f"(NAS-Bench-101), blocks and block_names (NAS-Bench-Macro), or cells and op_names (NAS-Bench-301). "
        f"It has: {', '.join(arrays) or 'nothing'}.",
        "table",
    )


def _check_rows(table: Table) -> None:
    if not table.rows:
        raise ConfigError(f"{table.path} has no rows.", "table")
    rows, names = _ROWS[table.kind]
    taken = table.arrays[rows]
    if table.kind == "nas-bench-301":
        _check_cells(table)
        taken = taken[..., 1]
    if int(taken.min()) < 0 or int(taken.max()) >= len(table.arrays[names]):
        raise ConfigError(f"{table.path} uses an operation that {names} does not list.", "table")
    for name, column in table.arrays.items():
        if column.ndim and name in ("params", "flops") and len(column) != table.rows:
            raise ConfigError(
                f"{table.path} holds {table.rows} architectures but {len(column)} values of {name}.", "table"
            )


def _check_cells(table: Table) -> None:
    """Two edges lead to each of the nodes 2 to 5, each from an earlier one."""
    inputs = table.arrays["cells"][..., 0]
    if any(int(inputs[:, :, edge].max()) >= 2 + edge // 2 for edge in range(8)) or int(inputs.min()) < 0:
        raise ConfigError(f"{table.path} has a cell that reads a later node.", "table")
