"""Searches beside each other: what each strategy reached over its seeds, and whether the differences are more than luck."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from nas_engine.architecture import Architecture
from nas_engine.catalog import STRATEGIES
from nas_engine.config import settings_of
from nas_engine.errors import ConfigError
from nas_engine.evaluators.tabular import TabularEvaluator
from nas_engine.operations import FAMILIES, drawn
from nas_engine.search_config import read_search
from nas_engine.significance import PairedTest, holm, paired_test
from webapp.models import CellRecord, Search, Trial
from webapp.results.runs import POINT, Group, Run

MOST = 400  # searches compared at a time
SURE = 0.05


@dataclass(frozen=True)
class Pair:
    """Two groups over the seeds they share; ``p`` is corrected for the number of pairs (Holm)."""

    better: Group
    worse: Group
    test: PairedTest
    p: float | None

    @property
    def told_apart(self) -> bool:
        return self.p is not None and self.p <= SURE


class Comparison:
    """``searches`` under one protocol only: those under another than most are ``left_out``."""

    def __init__(self, searches: Iterable[Search]):
        chosen = list(searches)[:MOST]
        protocols: dict[str, list[Search]] = defaultdict(list)
        for search in chosen:
            protocols[search.protocol].append(search)
        self.protocol = max(protocols, key=lambda one: len(protocols[one]), default="")
        self.searches = protocols.get(self.protocol, [])
        self.left_out = [search for search in chosen if search.protocol != self.protocol]

    @property
    def summary(self) -> str:
        return self.searches[0].protocol_summary if self.searches else ""

    @property
    def over(self) -> bool:
        return all(search.state in Search.ENDED for search in self.searches)

    @property
    def version(self) -> list:
        return [[search.pk, search.version, search.state] for search in self.searches]

    @cached_property
    def runs(self) -> list[Run]:
        runs = {search.pk: Run(search) for search in self.searches}
        rows = Trial.objects.filter(search__in=list(runs), state__in=Trial.COUNTED).order_by("search_id", "number")
        for point in rows.values_list(*POINT, named=True).iterator(chunk_size=5000):
            runs[point.search_id].points.append(point)
        self._judge(runs)
        return list(runs.values())

    def _judge(self, runs: dict[int, Run]) -> None:
        """Where a table is searched, its winners are judged by the table's accuracy after full training."""
        table, wanted = self.table, {run.search.pk: run.best.number for run in runs.values() if run.best}
        if table is None or any(run.steered for run in runs.values()):
            return
        rows = Trial.objects.filter(search__in=list(wanted), number__in=set(wanted.values()))
        for pk, number, choices in rows.values_list("search_id", "number", "choices"):
            if wanted[pk] == number:
                final = table.final(Architecture(table.space.name, tuple(choices)))
                runs[pk].judged = final if final == final else None

    @cached_property
    def table(self) -> TabularEvaluator | None:
        """The table that is searched, if it still lies where it lay."""
        try:
            config = read_search(self.searches[0].config)
            return config.open_table() if config.evaluation.own_space else None
        except (ConfigError, IndexError):
            return None

    @property
    def judged(self) -> bool:
        """Whether results are accuracies after full training."""
        return any(run.judged is not None for run in self.runs)

    @property
    def steered(self) -> bool:
        return any(run.steered for run in self.runs)

    @property
    def measure(self) -> str:
        """What the searches are compared by, in words."""
        if self.judged:
            return f"{self.table.protocol.final}, %"
        return "best reward × 100" if self.steered else "best valid accuracy, %"

    @property
    def value_words(self) -> str:
        """What a search sees of its cells, as an axis is titled."""
        return "reward × 100" if self.steered else "valid accuracy, %"

    @cached_property
    def groups(self) -> list[Group]:
        """Best first; those without a result last."""
        by_settings: dict[tuple[str, str], list[Run]] = defaultdict(list)
        for run in self.runs:
            settings = json.dumps(run.search.config["strategy_config"], sort_keys=True)
            by_settings[run.search.strategy, settings].append(run)
        labels = _labels([(strategy, json.loads(settings)) for strategy, settings in by_settings])
        groups = [
            Group(strategy, label, runs)
            for label, ((strategy, _), runs) in zip(labels, by_settings.items(), strict=True)
        ]
        groups.sort(key=lambda group: (group.result is None, -(group.result.mean if group.result else 0)))
        shown = [group for group in groups if group.strategy != "random"]
        for place, group in enumerate(shown, start=1):
            group.series = place
        for group in groups:
            if group.strategy == "random":
                group.series = 0
        return groups

    @cached_property
    def pairs(self) -> list[Pair]:
        """Every two groups that share two seeds or more, the largest difference first."""
        found = []
        with_result = [group for group in self.groups if group.result]
        for place, better in enumerate(with_result):
            for worse in with_result[place + 1 :]:
                seeds = sorted(better.finals.keys() & worse.finals.keys())
                if len(seeds) >= 2:
                    test = paired_test([better.finals[s] for s in seeds], [worse.finals[s] for s in seeds])
                    found.append((better, worse, test))
        corrected = holm([test.p for _, _, test in found])
        pairs = [Pair(*parts, p) for parts, p in zip(found, corrected, strict=True)]
        return sorted(pairs, key=lambda pair: -abs(pair.test.difference.mean))

    @cached_property
    def budgets(self) -> list[str]:
        """The budgets in words; more than one means that the comparison is not a fair one."""
        return sorted({_budget(search.config) for search in self.searches})

    @cached_property
    def top_cells(self) -> dict[str, list[CellRecord]]:
        """Label of a group -> the records of its best cells."""
        keys = {group.label: group.top_cells() for group in self.groups}
        records = CellRecord.objects.in_bulk([key for found in keys.values() for key in found])
        return {label: [records[key] for key in found] for label, found in keys.items() if found}

    @property
    def families(self) -> list[tuple[str, str]]:
        """(family, its name) of the operations in the best cells."""
        names = {
            name for records in self.top_cells.values() for record in records for name in record.operations.split()
        }
        used = {drawn(name).family for name in names}
        return [(family, name) for family, name in FAMILIES.items() if family in used]


def _budget(config: dict) -> str:
    budget, parts = config["budget"], []
    seconds = config.get("evaluator_config", {}).get("seconds")
    if seconds:
        parts.append(f"{seconds:,.0f} s of simulated training".replace(",", "\u202f"))
    if not seconds or budget["trials"] < 10_000:
        parts.append(f"{budget['trials']:,} trials".replace(",", "\u202f"))
    if budget["hours"]:
        parts.append(f"{budget['hours']:g} h")
    return " or ".join(parts)


def _labels(settings: list[tuple[str, dict]]) -> list[str]:
    """The strategy's name; where it stands there with several settings, what differs behind it."""
    labels = []
    for strategy, own in settings:
        others = [other for name, other in settings if name == strategy]
        entry = STRATEGIES.get(strategy)
        label = entry.label if entry else strategy
        about = settings_of(entry.config_class()) if entry else {}
        for name in sorted({name for other in others for name in other}):
            if any(other.get(name) != own.get(name) for other in others):
                word = about[name].label if name in about else name
                label += f", {word[:1].lower()}{word[1:]} {own.get(name)}"
        labels.append(label)
    return labels
