"""One cell in all its trials: what each protocol says of it, and where it stands there."""

import re
from dataclasses import dataclass
from functools import lru_cache

from django.db.models import Count, Exists, OuterRef, Q

from nas_engine import zoo
from nas_engine.blueprint import Blueprint, auxiliary_head, build_blueprint
from nas_engine.cell import Cell, cells_key
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import AnyCell
from nas_engine.protocol import Protocol, SkeletonConfig
from webapp.models import CellRecord, Trial, Weights
from webapp.results.protocols import protocol_of
from webapp.results.published import published

SHORTEST = 7  # digits of a hash that may stand for it
COLUMNS = (
    "number", "state", "protocol", "choices", "epoch", "epochs", "curve", "valid_accuracy", "params", "macs", "latency",
    "latency_about", "seconds", "device", "ended", "same_as", "cell", "error",
    "search__name", "search__strategy", "search__config", "search__protocol_summary", "search__dataset__slug",
    "search__dataset__title", "search__dataset__fingerprint", "search__dataset__channels", "search__dataset__height",
    "search__dataset__width", "search__dataset__classes", "search__dataset__train_images",
)  # fmt: skip


def find_cell(text: str) -> tuple[CellRecord | None, list[CellRecord]]:
    """(the cell with this key or beginning of a key, all that begin so if there are several)."""
    text = text.lower()
    if not re.fullmatch(r"[0-9a-f]+", text) or not SHORTEST <= len(text) <= 64:
        return None, []
    found = list(CellRecord.objects.filter(begins(text, "key")).select_related("note__author").order_by("key")[:20])
    if not found:  # a published cell is known also before the first start has put it into the database
        found = [one.record for one in published() if one.record.key.startswith(text)][:1]
    return (found[0], []) if len(found) == 1 else (None, found)


def shown_result(results: list["Result"], fingerprint: str | None) -> "Result | None":
    """The one under the protocol that an address names, else the first; None where there is none."""
    chosen = next((each for each in results if each.fingerprint == fingerprint), None)
    return chosen or (results[0] if results else None)


def begins(digits: str, column: str) -> Q:
    """Hexadecimal texts that begin so, as a range: LIKE would not use the index on every database."""
    return Q(**{f"{column}__gte": digits, f"{column}__lt": digits + "g"})


@dataclass
class Result:
    """A cell under one protocol, which is None where the numbers stand in a table. ``measured`` is the trial that was
    trained, None while there is none; ``trials`` are all, the measured one first; ``better`` cells of ``of`` are more
    accurate."""

    protocol: Protocol | None
    fingerprint: str
    summary: str
    trials: list[Trial]
    measured: Trial | None
    better: int = 0
    of: int = 0

    @property
    def rank(self) -> int:
        return self.better + 1

    @property
    def shown(self) -> Trial:
        """The trial whose search, data set and costs stand for this result."""
        return self.measured or self.trials[0]

    @property
    def reused(self) -> int:
        return sum(trial.state == Trial.State.REUSED for trial in self.trials)


def results_of(record: CellRecord) -> list[Result]:
    """The cell's results, those with most cells to compare with first. Two queries, however many trials there are."""
    stored = Weights.objects.filter(trial=OuterRef("pk"))
    trials = Trial.objects.filter(cell=record).select_related("search__dataset").only(*COLUMNS)
    by_protocol: dict[str, list[Trial]] = {}
    for trial in trials.annotate(kept=Exists(stored)).order_by("pk"):
        by_protocol.setdefault(trial.protocol, []).append(trial)
    results = [_result(fingerprint, group) for fingerprint, group in by_protocol.items()]
    _rank([result for result in results if result.measured])
    return sorted(results, key=lambda result: (-result.of, -result.shown.pk))


def _result(fingerprint: str, trials: list[Trial]) -> Result:
    measured = next((trial for trial in trials if trial.state == Trial.State.FINISHED), None)
    trials = sorted(trials, key=lambda trial: (trial is not measured, trial.pk))
    search = (measured or trials[0]).search
    return Result(protocol_of(search), fingerprint, search.protocol_summary, trials, measured)


def _rank(results: list[Result]) -> None:
    if not results:
        return
    better = Q()
    for result in results:
        better |= Q(protocol=result.fingerprint, valid_accuracy__gt=result.measured.valid_accuracy)
    measured = Trial.objects.filter(state=Trial.State.FINISHED, protocol__in=[result.fingerprint for result in results])
    rows = measured.order_by().values("protocol").annotate(
        of=Count("cell", distinct=True), better=Count("cell", distinct=True, filter=better)
    )  # fmt: skip
    counted = {row["protocol"]: row for row in rows}
    for result in results:
        result.of, result.better = counted[result.fingerprint]["of"], counted[result.fingerprint]["better"]


# Where there is no trial to say otherwise, costs are those of the paper's CIFAR network; of cells that are a whole
# network, those on ImageNet.
PAPER = (SkeletonConfig(repeats=6, filters=32), (3, 32, 32), 10)
WHOLE = (SkeletonConfig(whole=True), (3, 224, 224), 1000)


@lru_cache(maxsize=256)
def blueprint(
    cells: tuple[AnyCell, ...], skeleton: SkeletonConfig, image_shape: tuple[int, int, int], classes: int
) -> Blueprint:
    """The network of these cells, remembered."""
    return build_blueprint(cells, skeleton, image_shape, classes)


def network_of(cells: tuple[AnyCell, ...], result: Result | None) -> tuple[Blueprint, SkeletonConfig]:
    """The network that was trained for a result; without one the first its paper reports, or that of PAPER or WHOLE."""
    if result is None:
        entry = zoo.of_key(cells_key(cells))
        for size in (figure.size for figure in entry.figures if figure.size) if entry else ():
            return zoo.measured(entry.name, size), size.skeleton
        usual = PAPER if cells[0].family == "nasnet" else WHOLE
        return blueprint(cells, *usual), usual[0]
    data = result.shown.search.dataset
    skeleton = result.protocol.skeleton
    return blueprint(cells, skeleton, data.image_shape, len(data.classes)), skeleton


@lru_cache(maxsize=256)
def auxiliary(
    cells: tuple[AnyCell, ...], skeleton: SkeletonConfig, image_shape: tuple[int, int, int], classes: int
) -> tuple[int, int] | None:
    """(index of the placement the auxiliary head of a full training reads, its parameters); None where there is none."""
    if not all(isinstance(cell, Cell) for cell in cells):
        return None
    try:
        return auxiliary_head(cells, skeleton, image_shape, classes)
    except ConfigError:
        return None
