"""One user request, complete: everything a search needs, validated, frozen, and plain JSON both ways."""

from dataclasses import dataclass, field
from typing import Any

from nas_engine import catalog
from nas_engine.config import as_dict, read, setting
from nas_engine.errors import ConfigError
from nas_engine.protocol import DataConfig, Protocol, SkeletonConfig, TrainingConfig
from nas_engine.reward import RewardConfig
from nas_engine.search_spaces.base import SearchSpace


@dataclass(frozen=True)
class BudgetConfig:
    """When the search ends (whichever comes first), how many children train at once, and how many weights are kept."""

    trials: int = setting(300, "Trials", minimum=1, maximum=100_000)
    hours: float = setting(0.0, "Time", minimum=0, maximum=100_000, unit="h", help="0: no limit.")
    parallelism: int = setting(2, "At once", minimum=1, maximum=1000, help="Children in training at a time.")
    keep_weights: int = setting(
        5, "Weights kept", minimum=0, maximum=10_000, help="Of the best trials; others on demand."
    )


@dataclass(frozen=True)
class SearchConfig:
    """``space`` and ``strategy`` name catalog entries; their own settings stand in ``space_config``, ``strategy_config``."""

    name: str = setting("", "Name")
    space: str = setting("nasnet", "Search space", options=tuple(catalog.SPACES))
    space_config: dict = field(default_factory=dict)
    strategy: str = setting("ppo", "Strategy", options=tuple(catalog.STRATEGIES))
    strategy_config: dict = field(default_factory=dict)
    data: DataConfig = field(default_factory=DataConfig)
    skeleton: SkeletonConfig = field(default_factory=SkeletonConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    seed: int = setting(0, "Seed", minimum=0, maximum=2**31 - 1, help="Of the proposals.")

    def __post_init__(self):
        problems = {}
        for part, table in (("space", catalog.SPACES), ("strategy", catalog.STRATEGIES)):
            try:
                config_class = catalog.entry(table, getattr(self, part), part).config_class()
                settings = read(config_class, getattr(self, f"{part}_config"), f"{part}_config")
                object.__setattr__(self, f"{part}_config", as_dict(settings))
            except ConfigError as error:
                problems |= error.problems
        if problems:
            raise ConfigError(problems)

    def build_space(self) -> SearchSpace:
        chosen = catalog.SPACES[self.space]
        return chosen.build(read(chosen.config_class(), self.space_config))

    def build_strategy(self, space: SearchSpace) -> Any:
        """The strategy object; imports torch where the strategy needs it."""
        chosen = catalog.STRATEGIES[self.strategy]
        return chosen.build(space, read(chosen.config_class(), self.strategy_config), self.seed)

    def protocol(self, dataset_fingerprint: str) -> Protocol:
        return Protocol(self.data, dataset_fingerprint, self.skeleton, self.training)


def read_search(data: dict) -> SearchConfig:
    """From plain JSON data. Raises ConfigError naming every wrong field ("training.epochs") at once."""
    return read(SearchConfig, data)


def with_changes(data: dict, changes: dict[str, Any]) -> dict:
    """A copy of plain configuration data with dotted fields replaced: {"training.epochs": 3}."""
    copy = {key: dict(value) if isinstance(value, dict) else value for key, value in data.items()}
    for dotted, value in changes.items():
        *path, last = dotted.split(".")
        target = copy
        for part in path:
            if not isinstance(target.setdefault(part, {}), dict):
                raise ConfigError(f"{part} has no fields of its own", dotted)
            target = target[part]
        target[last] = value
    return copy
