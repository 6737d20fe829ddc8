"""One user request, complete: everything a search needs, validated, frozen, and plain JSON both ways."""

from dataclasses import dataclass, field
from typing import Any

from nas_engine import catalog
from nas_engine.config import as_dict, read, setting
from nas_engine.errors import ConfigError
from nas_engine.evaluators.settings import StandaloneConfig
from nas_engine.evaluators.tabular import TabularEvaluator
from nas_engine.limits import LimitsConfig
from nas_engine.protocol import DataConfig, Protocol, SkeletonConfig, TableProtocol, TrainingConfig
from nas_engine.reward import RewardConfig
from nas_engine.search_spaces.base import SearchSpace

# The parts of a search that are chosen from a catalog.
TABLES = {"space": catalog.SPACES, "strategy": catalog.STRATEGIES, "evaluator": catalog.EVALUATORS}


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
    """``space``, ``strategy`` and ``evaluator`` name catalog entries; their own settings stand in ``space_config`` etc.

    Where the evaluator brings its own space (a table), ``space``, ``data``, ``skeleton`` and ``training`` do not matter.
    Where it shares weights, ``space`` follows from its method, ``strategy`` does not matter, ``skeleton`` and ``data`` hold
    for the supernet too, and the trials are the derived cells, trained by themselves as ``training`` says.
    """

    name: str = setting("", "Name")
    space: str = setting("nasnet", "Search space", options=tuple(catalog.SPACES))
    space_config: dict = field(default_factory=dict)
    strategy: str = setting("ppo", "Strategy", options=tuple(catalog.STRATEGIES))
    strategy_config: dict = field(default_factory=dict)
    evaluator: str = setting("standalone", "Evaluation", options=tuple(catalog.EVALUATORS))
    evaluator_config: dict = field(default_factory=dict)
    data: DataConfig = field(default_factory=DataConfig)
    skeleton: SkeletonConfig = field(default_factory=SkeletonConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    seed: int = setting(0, "Seed", minimum=0, maximum=2**31 - 1, help="Of the proposals.")

    def __post_init__(self):
        problems = {}
        for part, table in TABLES.items():
            try:
                config_class = catalog.entry(table, getattr(self, part), part).config_class()
                settings = read(config_class, getattr(self, f"{part}_config"), f"{part}_config")
                object.__setattr__(self, f"{part}_config", as_dict(settings))
            except ConfigError as error:
                problems |= error.problems
        if self.evaluator_config.get("early_stopping", "none") != "none" and self.reward.goal == "latency":
            problems["evaluator_config.early_stopping"] = "A child that is stopped has no latency to reward: take none."
        problems |= self._rung_problems() if not problems else {}
        if problems:
            raise ConfigError(problems)
        if self.evaluation.shares_weights:
            self._follow_supernet()
        object.__setattr__(self, "skeleton", self.skeleton.only(skeleton_fields(self.space)))
        if self.reward.goal == "latency" and self.evaluator_config.get("latency") == "none":
            raise ConfigError(
                "This reward needs a latency: have it measured, or take a table.", "evaluator_config.latency"
            )
        if not self.skeleton.whole and not self.evaluation.own_space:
            self.skeleton.check_stackable()

    def _rung_problems(self) -> dict[str, str]:
        """What is wrong with the rungs of successive halving for children of this length."""
        if self.evaluator_config.get("early_stopping") != "asha":
            return {}
        try:
            read(StandaloneConfig, self.evaluator_config).rungs(self.training.epochs)
        except ConfigError as error:
            return {f"evaluator_config.{name}": text for name, text in error.problems.items()}
        return {}

    def _follow_supernet(self) -> None:
        """Take the space that the method's derived cells belong to. Raises ConfigError where the skeleton does not suit."""
        from nas_engine.evaluators.supernet.config import check_skeleton

        supernet = self.supernet
        entry = catalog.entry(catalog.SPACES, supernet.space, "evaluator_config.method")
        settings = {"nodes": supernet.nodes}
        if supernet.operations:
            settings["operations"] = list(supernet.operations)
        space_config = read(entry.config_class(), settings, "evaluator_config")
        object.__setattr__(self, "space", supernet.space)
        object.__setattr__(self, "space_config", as_dict(space_config))
        check_skeleton(supernet, self.skeleton)

    @property
    def supernet(self) -> Any:
        """The SupernetConfig of a search that shares weights."""
        return read(self.evaluation.config_class(), self.evaluator_config, "evaluator_config")

    @property
    def evaluation(self) -> catalog.EvaluatorEntry:
        """The catalog's entry of the evaluator."""
        return catalog.EVALUATORS[self.evaluator]

    def open_table(self) -> TabularEvaluator:
        """The evaluator of a tabular search. Raises ConfigError (at "evaluator_config.path") where the file is no table."""
        config = read(self.evaluation.config_class(), self.evaluator_config)
        try:
            return self.evaluation.build(config)
        except ConfigError as error:
            raise ConfigError({f"evaluator_config.{name}": text for name, text in error.problems.items()}) from None

    def build_space(self) -> SearchSpace:
        """Raises ConfigError where it comes from a table that cannot be read."""
        if self.evaluation.own_space:
            return self.open_table().space
        chosen = catalog.SPACES[self.space]
        return chosen.build(read(chosen.config_class(), self.space_config))

    def build_strategy(self, space: SearchSpace) -> Any:
        """The strategy object; imports torch where the strategy needs it."""
        chosen = catalog.STRATEGIES[self.strategy]
        return chosen.build(space, read(chosen.config_class(), self.strategy_config), self.seed)

    def protocol(self, dataset_fingerprint: str = "") -> Protocol | TableProtocol:
        """How this search's numbers are obtained. Raises ConfigError where they stand in a table that cannot be read."""
        if self.evaluation.own_space:
            return self.open_table().protocol
        return Protocol(self.data, dataset_fingerprint, self.skeleton, self.training)


def skeleton_fields(space: str) -> tuple[str, ...] | None:
    """The fields of the skeleton that a search space reads; None means all of them."""
    return catalog.SPACES[space].target_class().skeleton_fields


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
