"""Evaluation by look-up in a published table, at the cost in simulated seconds that training would have had."""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from nas_engine.architecture import Architecture
from nas_engine.errors import ConfigError, EvaluationFailed
from nas_engine.evaluators.settings import TabularConfig
from nas_engine.protocol import TableProtocol
from nas_engine.search_spaces.tables import KINDS, Table, read_table
from nas_engine.search_spaces.tabular import TabularSpace, tabular_space
from nas_engine.trial import Evaluation

if TYPE_CHECKING:
    import numpy

NO_TIMES = "not in the table"


@dataclass(frozen=True, eq=False)
class Measures:
    """What is read of a table, a value a row: ``valid``, the accuracy a search sees, and ``final``, the accuracy its winner
    is judged by, both in [0, 1]; ``seconds`` of training for the first, or None where the table does not say. ``names``
    say which columns these are. NaN: not measured."""

    valid: "numpy.ndarray"
    final: "numpy.ndarray"
    seconds: "numpy.ndarray | None"
    names: tuple[str, str, str]

    @property
    def about(self) -> str:
        """The columns in words."""
        valid, final, seconds = self.names
        return f"search on {valid}, result {final}, time {seconds}"


def measures(table: Table, dataset: str | None = None, epochs: int | None = None) -> Measures:
    """Choose a table's columns. ``dataset`` (NAS-Bench-201; default: the first in the table) and the ``epochs`` of training
    that a search looks at (default: the shortest of NAS-Bench-201, 12 of NAS-Bench-101) may be given.

    Raises ConfigError where the table lacks them.
    """
    return _CHOOSE[table.kind](table, dataset, epochs)


def open_table(config: TabularConfig) -> "TabularEvaluator":
    """The evaluator of a table, kept while the file does not change. Raises ConfigError naming the setting."""
    if not config.path.strip():
        raise ConfigError("Give the path of a table: an .npz file on this machine.", "path")
    path = Path(config.path.strip()).expanduser()
    try:
        known = path.stat()
        stamp = (known.st_mtime_ns, known.st_size)
    except (OSError, ValueError):
        stamp = (0, 0)
    try:
        found = _opened(str(path), stamp, config.dataset.strip() or None, config.epochs or None)
    except ConfigError as error:
        raise ConfigError({"path" if n == "table" else n: text for n, text in error.problems.items()}) from None
    if config.seconds and found.columns.seconds is None:
        raise ConfigError("This table holds no training times: take 0 and limit the trials.", "seconds")
    return found


@lru_cache(maxsize=4)
def _opened(path: str, stamp: tuple[int, int], dataset: str | None, epochs: int | None) -> "TabularEvaluator":
    table = read_table(path)
    columns = measures(table, dataset, epochs)
    return TabularEvaluator(
        tabular_space(table), columns, TableProtocol(KINDS[table.kind], table.digest, *columns.names)
    )


class TabularEvaluator:
    """``evaluate`` is a look-up. Torch-free; the loop of :func:`nas_engine.search.run_search` takes it as it is."""

    def __init__(self, space: TabularSpace, columns: Measures, protocol: TableProtocol | None = None):
        self.space, self.columns, self.protocol = space, columns, protocol
        self._fingerprint = protocol.fingerprint() if protocol else "table"

    def evaluate(self, architecture: Architecture) -> Evaluation:
        """Raises EvaluationFailed where the table has no measurement."""
        row = self.space.row(architecture)
        accuracy = float(self.columns.valid[row])
        if accuracy != accuracy:
            raise EvaluationFailed(f"Row {row} of the table was not measured")
        seconds = 0.0 if self.columns.seconds is None else float(self.columns.seconds[row])
        return Evaluation(accuracy, *self.costs(architecture), self._latency(row), seconds, self._fingerprint)

    def final(self, architecture: Architecture) -> float:
        """The accuracy after full training; never seen by a search. NaN: not measured."""
        return float(self.columns.final[self.space.row(architecture)])

    def costs(self, architecture: Architecture) -> tuple[int, int]:
        """Parameters and MACs; 0 where the table does not hold them."""
        row = self.space.row(architecture)
        return self._count("params", row), self._count("flops", row)

    @property
    def mean_seconds(self) -> float | None:
        """Of simulated training an evaluation; None where the table holds no times."""
        import numpy

        return None if self.columns.seconds is None else float(numpy.nanmean(self.columns.seconds))

    def _count(self, name: str, row: int) -> int:
        column = self.space.table.arrays.get(name)
        if column is None or column[row] != column[row]:
            return 0
        return round(float(column[row]) * self._unit)

    @cached_property
    def _unit(self) -> float:
        """NAS-Bench-301's tables count parameters and multiply-adds in millions."""
        return 1e6 if self.space.table.kind == "nas-bench-301" else 1.0

    def _latency(self, row: int) -> float | None:
        """Of the first complete latency column, which are in milliseconds; None where there is none."""
        value = None if self._latencies is None else float(self._latencies[row])
        return value / 1e3 if value == value and value is not None else None

    @cached_property
    def _latencies(self) -> "numpy.ndarray | None":
        arrays = self.space.table.arrays
        return next((arrays[name] for name in arrays if name.startswith("latency_ms")), None)


def _of_201(table: Table, dataset: str | None, epochs: int | None) -> Measures:
    found = [match for name in table.arrays if (match := re.fullmatch(r"(\w+)_val_e(\d+)", name))]
    datasets = list(dict.fromkeys(match[1] for match in found))
    if not datasets:
        raise ConfigError(f"{table.path} has no array like cifar10_val_e12.", "table")
    dataset = _one_of(dataset or datasets[0], datasets, "dataset")
    trained = sorted(int(match[2]) for match in found if match[1] == dataset)
    epochs = _one_of(epochs or trained[0], trained, "epochs")
    tested = [int(name[len(dataset) + 7 :]) for name in table.arrays if re.fullmatch(rf"{dataset}_test_e\d+", name)]
    if not tested:
        raise ConfigError(f"{table.path} has no array like {dataset}_test_e200.", "table")
    valid, final = f"{dataset}_val_e{epochs}", f"{dataset}_test_e{max(tested)}"
    seconds, source = _seconds(table, epochs)
    return Measures(_share(table.column(valid)), _share(table.column(final)), seconds, (valid, final, source))


def _seconds(table: Table, epochs: int) -> tuple["numpy.ndarray | None", str]:
    """Of training for ``epochs``, in proportion to the training that was timed; a complete column before one with gaps."""
    timed = [name for name in table.arrays if re.fullmatch(r"train_s_e\d+(_est)?", name)]
    if not timed:
        return None, NO_TIMES
    name = min(timed, key=lambda one: bool((table.arrays[one] != table.arrays[one]).any()))
    of = int(re.search(r"\d+", name)[0])
    return table.arrays[name].astype(float) * (epochs / of), f"{epochs}/{of} of {name}"


def _of_macro(table: Table, dataset: str | None, epochs: int | None) -> Measures:
    _refuse(dataset, epochs)
    runs = _share(table.column("test_acc"))
    if runs.shape[1] < 2:
        return Measures(runs[:, 0], runs[:, 0], None, ("the only test_acc", "the same", NO_TIMES))
    return Measures(
        runs[:, 0], runs[:, 1:].mean(axis=1), None, ("the first test_acc", "the mean of the others", NO_TIMES)
    )


def _of_101(table: Table, dataset: str | None, epochs: int | None) -> Measures:
    _refuse(dataset, None)
    valid = table.column("val_acc")
    budgets = table.arrays["epochs"].tolist() if "epochs" in table.arrays else [4, 12, 36, 108][: valid.shape[1]]
    epochs = _one_of(epochs or (12 if 12 in budgets else budgets[0]), budgets, "epochs")
    at = budgets.index(epochs)
    runs = valid[:, :, None] if valid.ndim == 2 else valid
    tested = table.arrays.get("test_acc")
    final = runs[:, -1].mean(axis=1) if tested is None else tested[:, -1].mean(axis=1)
    if "train_s" in table.arrays:
        seconds, source = table.arrays["train_s"][:, at, 0].astype(float), "measured"
    else:
        seconds, source = _seconds(table, epochs)
    column = "val_acc" if tested is None else "test_acc"
    names = (f"val_acc after {epochs} epochs", f"{column} after {budgets[-1]}", source)
    return Measures(_share(runs[:, at, 0]), _share(final), seconds, names)


def _of_301(table: Table, dataset: str | None, epochs: int | None) -> Measures:
    _refuse(dataset, epochs)
    name = "nb301_val_acc"
    predicted = _share(table.column(name))
    return Measures(predicted, predicted, None, (f"{name}, a prediction", "the same", NO_TIMES))


_CHOOSE = {"nas-bench-201": _of_201, "nas-bench-macro": _of_macro, "nas-bench-101": _of_101, "nas-bench-301": _of_301}


def _refuse(dataset: str | None, epochs: int | None) -> None:
    for name, value in (("dataset", dataset), ("epochs", epochs)):
        if value is not None:
            raise ConfigError("This table has only one to choose from; leave this empty.", name)


def _one_of(value, known: list, field: str):
    if value not in known:
        raise ConfigError(f"The table has no {value}. It has: {', '.join(map(str, known))}.", field)
    return value


def _share(column: "numpy.ndarray") -> "numpy.ndarray":
    """Accuracies as shares of 1, whether the file gives shares or per cent."""
    import numpy

    values = column.astype(float)
    return values / 100 if numpy.nanmax(values) > 1.5 else values
