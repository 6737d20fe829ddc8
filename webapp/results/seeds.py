"""A cell measured from several training seeds: mean and spread over protocols that differ in nothing else.

Ranks hold within one protocol, which the seed is part of. What is put together here is put together by name: pages say which
protocols these are.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from math import sqrt
from operator import itemgetter
from typing import NamedTuple
from typing import Protocol as Shape

from django.db.models import Count, Q

from nas_engine.errors import ConfigError
from nas_engine.protocol import Protocol
from nas_engine.search_config import read_search
from webapp.models import FullTraining, Search, TrainingRun, Trial


class OverSeeds(NamedTuple):
    """Mean and sample standard deviation of the valid accuracies of ``number`` trainings, each from a seed of its own."""

    mean: float
    std: float
    number: int


class Ranked(Shape):
    """Rows with the fields pk, cell and accuracy, as webapp.results.ranking.Ranking has them."""

    def column(self, name: str) -> list:
        """One field of every row."""


class Measured(Shape):
    """A cell under one protocol, as webapp.results.cell.Result is one."""

    protocol: Protocol | None
    measured: Trial | None


def with_seed(protocol: Protocol, seed: int) -> Protocol:
    """The protocol that differs in the training seed alone."""
    return replace(protocol, training=replace(protocol.training, seed=seed))


def family_of(protocol: Protocol) -> str:
    """The same for protocols that differ in nothing but the training seed."""
    return with_seed(protocol, 0).fingerprint()


@lru_cache(maxsize=4096)
def family_and_seed(fingerprint: str, search: int, dataset: str) -> tuple[str, int | None]:
    """Of the protocol that ``search`` has, over the data set of that fingerprint. A protocol whose settings are not known
    any more is a family of its own."""
    config = Search.objects.filter(pk=search).values_list("config", flat=True).first()
    try:
        protocol = read_search(config).protocol(dataset)
    except ConfigError:
        return fingerprint, None
    if protocol.fingerprint() != fingerprint:
        return fingerprint, None
    return family_of(protocol), protocol.training.seed


def over_seeds(protocols: Sequence[str], cells: Collection[str]) -> dict[str, OverSeeds]:
    """Cell -> what it reached under these protocols, for each of ``cells`` that was measured under two or more."""
    if len(protocols) < 2:
        return {}
    # Asked for the state as well, SQLite would read all of these protocols instead of looking the cells up.
    rows = Trial.objects.filter(protocol__in=protocols, cell__in=cells).order_by().values_list("state", *_MEASURED)
    found = _accuracies(row for state, *row in rows if state == Trial.State.FINISHED)
    return {cell: spread(values) for cell, values in found.items() if len(values) > 1}


def over_seeds_of_all(ranked: Ranked, others: Sequence[str]) -> dict[str, OverSeeds]:
    """Cell -> what it reached in ``ranked`` and under the ``others``, for every row measured under one of them, too."""
    found = _elsewhere(others)
    rows = zip(ranked.column("cell"), ranked.column("accuracy"), strict=True)
    return {cell: spread([accuracy, *found[cell]]) for cell, accuracy in rows if cell in found}


def means_of_all(ranked: Ranked, others: Sequence[str]) -> dict[str, float]:
    """The means of :func:`over_seeds_of_all` alone, in half the time."""
    found = _elsewhere(others)
    rows = zip(ranked.column("cell"), ranked.column("accuracy"), strict=True)
    return {cell: (accuracy + sum(found[cell])) / (1 + len(found[cell])) for cell, accuracy in rows if cell in found}


def _elsewhere(others: Sequence[str]) -> dict[str, list[float]]:
    """Cell -> its accuracies under these protocols."""
    if not others:
        return {}
    trials = Trial.objects.filter(state=Trial.State.FINISHED, protocol__in=others).order_by()
    return _accuracies(trials.values_list(*_MEASURED).iterator(chunk_size=10_000))


_MEASURED = ("pk", "cell", "protocol", "valid_accuracy")


def _accuracies(rows: Iterable[Sequence]) -> dict[str, list[float]]:
    """From rows of _MEASURED: cell -> its accuracies, one a protocol. Where it was trained twice from one seed, the first
    result counts."""
    first: dict[tuple[str, str], tuple[int, float]] = {}
    for pk, cell, protocol, accuracy in rows:
        known = first.get((cell, protocol))
        if known is None or pk < known[0]:
            first[cell, protocol] = pk, accuracy
    found: dict[str, list[float]] = {}
    for (cell, _), (_, accuracy) in first.items():
        found.setdefault(cell, []).append(accuracy)
    return found


def spread(accuracies: Sequence[float]) -> OverSeeds:
    """Of two accuracies or more."""
    number = len(accuracies)
    mean = sum(accuracies) / number
    return OverSeeds(mean, sqrt(sum((one - mean) ** 2 for one in accuracies) / (number - 1)), number)


def over_seeds_of(result: Measured, results: Sequence[Measured]) -> tuple[OverSeeds, list[Measured]] | None:
    """What a cell's ``results`` come to that differ from ``result`` in nothing but the seed, and which these are by their
    seeds; None where there are fewer than two."""
    if result.protocol is None:
        return None
    family = family_of(result.protocol)
    alike = [each for each in results if each.measured and each.protocol and family_of(each.protocol) == family]
    if len(alike) < 2:
        return None
    alike.sort(key=lambda each: each.protocol.training.seed)
    return spread([each.measured.valid_accuracy for each in alike]), alike


def by_mean(ranked: Ranked, means: Mapping[str, float], down: bool) -> list[int]:
    """The keys of rows by their mean over seeds; those measured once come after, in the order they had."""
    rows = list(zip(ranked.column("cell"), ranked.column("pk"), strict=True))
    several = [(means[cell], pk) for cell, pk in rows if cell in means]
    several.sort(key=itemgetter(0), reverse=down)
    return [pk for _, pk in several] + [pk for cell, pk in rows if cell not in means]


def full_trainings(cells: Collection[str], dataset: str) -> dict[str, FullTraining]:
    """Cell -> its newest full training on a data set that has a result, with ``number``, its finished seeds."""
    done = Count("runs", filter=Q(runs__state=TrainingRun.State.FINISHED))
    rows = FullTraining.objects.filter(cell__in=cells, dataset__slug=dataset, test_mean__isnull=False)
    rows = rows.annotate(number=done).defer("config", "settled").order_by("pk")
    return {training.cell_id: training for training in rows}
