"""Training cells again from other seeds: the way to a mean and a spread."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from django.db import transaction

from nas_engine.cell import Cell
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import read_cells
from nas_engine.limits import LimitsConfig
from nas_engine.notation import to_line
from nas_engine.protocol import Protocol
from nas_engine.search_config import SearchConfig, read_search
from webapp.models import CellRecord, Search, Trial
from webapp.results.seeds import with_seed
from webapp.services.searches import create_search

MOST_SEEDS = 20  # asked for at once
MOST_CELLS = 200
TRIED = 1000  # seeds looked through for free ones
COMING = (*Trial.MEASURED, *Trial.OPEN)


def train_more_seeds(owner, keys: Sequence[str], fingerprint: str, more: int) -> list[Search]:
    """Have each of these cells trained from ``more`` seeds it was not trained from, under a protocol that otherwise stays as
    it is: one search a seed, whose space is these cells. Seeds under way are not asked for again.

    Raises ConfigError where the protocol is none of ours, and for cells that are whole networks.
    """
    if not 1 <= more <= MOST_SEEDS:
        raise ConfigError(f"Ask for 1 to {MOST_SEEDS} seeds at a time.")
    if not 1 <= len(keys) <= MOST_CELLS:
        raise ConfigError(f"Choose 1 to {MOST_CELLS} cells.")
    config, protocol = _origin(fingerprint)
    records = {record.key: record for record in CellRecord.objects.filter(pk__in=keys)}
    lines = {key: _line(records[key]) for key in keys}
    wanted = defaultdict(list)
    for key, seeds in _taken(protocol, lines).items():
        for seed in islice((seed for seed in range(TRIED) if seed not in seeds), more):
            wanted[seed].append(key)
    with transaction.atomic():
        return [
            create_search(_again(config, seed, [records[key] for key in cells], lines), owner)
            for seed, cells in sorted(wanted.items())
        ]


def _origin(fingerprint: str) -> tuple[SearchConfig, Protocol]:
    """A configuration whose trials have this protocol, and the protocol."""
    found = Search.objects.filter(protocol=fingerprint).select_related("dataset").defer("strategy_state")
    search = found.order_by("-pk").first()
    if search is None:
        raise ConfigError("There is no search with this protocol.")
    if search.dataset is None:
        raise ConfigError("These results stand in a table: there is nothing to train again.")
    config = read_search(search.config)
    protocol = config.protocol(search.dataset.fingerprint)
    if protocol.fingerprint() != fingerprint:
        raise ConfigError("The data set or the training code changed since: the numbers would not be comparable.")
    return config, protocol


def _line(record: CellRecord) -> str:
    cells = read_cells(record.cells)
    if len(cells) != 2 or not all(isinstance(cell, Cell) for cell in cells):
        raise ConfigError(
            f"{record} is a whole network, not a pair of cells. Clone its search and change the training seed there."
        )
    return to_line(cells)


def _taken(protocol: Protocol, lines: dict[str, str]) -> dict[str, set[int]]:
    """Key -> the seeds it is measured from, or will be."""
    seeds = {with_seed(protocol, seed).fingerprint(): seed for seed in range(TRIED)}
    taken = {key: set() for key in lines}
    trials = Trial.objects.filter(cell__in=lines, state__in=COMING, protocol__in=list(seeds))
    for key, fingerprint in trials.values_list("cell", "protocol"):
        taken[key].add(seeds[fingerprint])
    listed = Search.objects.filter(state__in=Search.ACTIVE, protocol__in=list(seeds), config__space="listed")
    for fingerprint, cells in listed.values_list("protocol", "config__space_config__cells"):
        coming = set(cells.split())
        for key, line in lines.items():
            if line in coming:
                taken[key].add(seeds[fingerprint])
    return taken


def _again(config: SearchConfig, seed: int, records: list[CellRecord], lines: dict[str, str]) -> SearchConfig:
    """The search that trains exactly these cells from a seed. Nothing holds a training back or ends it early."""
    number = len(records)
    standalone = config.evaluator == "standalone"
    return replace(
        config,
        name=f"Seed {seed} of {records[0] if number == 1 else f'{number} cells'}",
        space="listed",
        space_config={"cells": " ".join(lines[record.key] for record in records)},
        strategy="grid",
        strategy_config={},
        evaluator="standalone",
        evaluator_config=config.evaluator_config | {"early_stopping": "none"} if standalone else {},
        training=replace(config.training, seed=seed),
        limits=LimitsConfig(),
        budget=replace(config.budget, trials=number, hours=0.0, parallelism=min(number, config.budget.parallelism)),
    )
