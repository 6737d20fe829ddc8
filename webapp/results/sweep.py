"""A RandWire search as a sweep: accuracy beside the generator's parameters and the statistics of the graphs."""

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from statistics import mean, stdev

from nas_engine.architecture import Architecture
from nas_engine.search_config import read_search
from nas_engine.search_spaces.graph_statistics import LABELS, mean_statistics
from nas_engine.search_spaces.random_graphs import KINDS, Generator
from nas_engine.search_spaces.randwire import RandWireSpace, stage_wirings
from webapp.models import Search, Trial

MOST = 5000  # networks; the most accurate of larger searches


@dataclass(frozen=True)
class SweepPoint:
    """A measured network: the generator its graphs come from, and the mean of each graph statistic over its stages."""

    number: int
    key: str
    generator: Generator
    seeds: tuple[int, ...]
    accuracy: float
    params: int
    macs: int
    statistics: dict[str, float]


@dataclass(frozen=True)
class Setting:
    """A generator with fixed parameters, over the seeds that were tried. ``spread`` is the standard deviation of the
    accuracy, None for a single seed."""

    generator: Generator
    seeds: int
    mean: float
    spread: float | None
    best: SweepPoint
    statistics: dict[str, float]


def sweep_points(search: Search) -> list[SweepPoint]:
    """The search's measured networks, each once, in the order of their trials. Empty for other spaces than RandWire's."""
    config = read_search(search.config)
    if config.space != RandWireSpace.name:
        return []
    space = config.build_space()
    rows = search.trials.filter(state__in=Trial.MEASURED, valid_accuracy__isnull=False).order_by(
        "-valid_accuracy", "number"
    )
    fields = ("number", "cell_id", "choices", "valid_accuracy", "params", "macs")
    found: dict[str, SweepPoint] = {}
    for number, key, choices, accuracy, params, macs in rows.values_list(*fields)[:MOST]:
        if key not in found:
            generator, seeds = space.decided(Architecture(space.name, tuple(choices)))
            measured = _statistics(generator, seeds, space.sizes)
            found[key] = SweepPoint(number, key, generator, seeds, accuracy, params, macs, measured)
    return sorted(found.values(), key=lambda point: point.number)


@lru_cache(maxsize=20_000)
def _statistics(generator: Generator, seeds: tuple[int, ...], sizes: tuple[int, ...]) -> dict[str, float]:
    return mean_statistics(stage_wirings(generator, seeds, sizes))


def settings_of(points: list[SweepPoint]) -> list[Setting]:
    """The points by generator and parameters, the best mean first."""
    groups = defaultdict(list)
    for point in points:
        groups[point.generator].append(point)
    settings = [_setting(generator, group) for generator, group in groups.items()]
    return sorted(settings, key=lambda one: (-one.mean, list(KINDS).index(one.generator.kind), str(one.generator)))


def _setting(generator: Generator, group: list[SweepPoint]) -> Setting:
    accuracies = [point.accuracy for point in group]
    return Setting(
        generator,
        len(group),
        mean(accuracies),
        stdev(accuracies) if len(group) > 1 else None,
        max(group, key=lambda point: point.accuracy),
        {name: mean(point.statistics[name] for point in group) for name in LABELS},
    )
