"""The knobs of every strategy, torch-free so that forms and files can read them. Defaults are each paper's."""

from dataclasses import dataclass

from nas_engine.architecture import choices_of
from nas_engine.config import setting
from nas_engine.errors import ConfigError


@dataclass(frozen=True)
class RandomSearchConfig:
    """Uniform over every decision; nothing to set (Zoph et al. 2018, section 4.4)."""


@dataclass(frozen=True)
class GridConfig:
    """Every architecture in turn, or those given."""

    slowest: str = setting(
        "last",
        "Moves slowest",
        options=("last", "first"),
        labels=("The last decision", "The first decision"),
        help="Last: a space that ends in seeds has every setting tried once before any is repeated.",
    )
    only: str = setting(
        "",
        "Only these",
        advanced=True,
        help="Architectures as the number of the option taken at each decision, 0-3-1, divided by spaces. Empty: all.",
    )

    def __post_init__(self):
        for line in self.only.split():
            choices_of(line, "only")


@dataclass(frozen=True)
class PPOConfig:
    """The NASNet controller (Zoph et al. 2018, section 4 and appendix A): one-layer LSTM trained by PPO."""

    learning_rate: float = setting(0.00035, "Controller rate", minimum=1e-6, maximum=1, help="Adam.")
    entropy_weight: float = setting(0.00001, "Entropy weight", minimum=0, maximum=1, help="Larger explores longer.")
    baseline_decay: float = setting(0.95, "Baseline decay", minimum=0, maximum=0.999, help="Moving mean of rewards.")
    batch: int = setting(20, "Trials an update", minimum=1, maximum=1000, help="Architectures per controller update.")
    hidden: int = setting(100, "Hidden units", minimum=4, maximum=1024, advanced=True)
    clip_range: float = setting(
        0.2, "Clip range", minimum=0.01, maximum=1, advanced=True, help="Not stated in the paper."
    )
    inner_epochs: int = setting(
        10, "Inner epochs", minimum=1, maximum=100, advanced=True, help="Passes over a batch; not stated in the paper."
    )


@dataclass(frozen=True)
class ReinforceConfig:
    """Policy gradient with a moving baseline (Zoph and Le 2017, sections 3.2 and 4.1): a two-layer LSTM of 35 units."""

    learning_rate: float = setting(0.0006, "Controller rate", minimum=1e-6, maximum=1, help="Adam.")
    entropy_weight: float = setting(0.0, "Entropy weight", minimum=0, maximum=1, help="Not in the paper.")
    baseline_decay: float = setting(
        0.95, "Baseline decay", minimum=0, maximum=0.999, help="Moving mean of rewards; the decay is not in the paper."
    )
    batch: int = setting(8, "Trials an update", minimum=1, maximum=1000, help="The paper’s m.")
    layers: int = setting(2, "LSTM layers", minimum=1, maximum=4, advanced=True, help="1 and 100 units: NASNet’s.")
    hidden: int = setting(35, "Hidden units", minimum=4, maximum=1024, advanced=True)
    init_range: float = setting(0.08, "Initial weights up to", minimum=0, maximum=1, advanced=True)


@dataclass(frozen=True)
class EvolutionConfig:
    """Regularized evolution (Real et al. 2019, section 3 and table 1)."""

    population: int = setting(100, "Population", minimum=1, maximum=10_000, help="P in the paper. Starts at random.")
    sample: int = setting(
        25, "Tournament size", minimum=1, maximum=10_000, help="S in the paper: drawn, best is parent."
    )
    removal: str = setting(
        "oldest",
        "Who leaves",
        options=("oldest", "worst"),
        labels=("The oldest", "The worst"),
        help="The oldest: regularized evolution. The worst: plain tournament selection.",
    )
    identity: float = setting(
        0.05, "Copies", minimum=0, maximum=0.9, advanced=True, help="Share of children that are copies of the parent."
    )


@dataclass(frozen=True)
class NSGA2Config:
    """Multi-objective evolution (Deb et al. 2002; population and crossover as NSGA-Net, Lu et al. 2019)."""

    objectives: tuple[str, ...] = setting(
        ("accuracy", "macs"),
        "Objectives",
        options=("accuracy", "params", "macs", "latency"),
        labels=("accuracy, high", "parameters, few", "MACs, few", "latency, low"),
    )
    population: int = setting(40, "Population", minimum=2, maximum=1000, help="Starts at random.")
    crossover: float = setting(
        0.9, "Crossover", minimum=0, maximum=1, advanced=True, help="Share of children that mix both parents."
    )

    def __post_init__(self):
        if not self.objectives:
            raise ConfigError("Choose one objective at least; two or more make a front.", "objectives")


@dataclass(frozen=True)
class LocalSearchConfig:
    """Hill climbing over single decisions (White et al. 2021, algorithm 1)."""

    start: int = setting(10, "Random starts", minimum=1, maximum=1000, help="A climb begins at the best of these.")
    step: str = setting(
        "first",
        "Moves to",
        options=("first", "best"),
        labels=("The first better neighbour", "The best of all neighbours"),
    )


@dataclass(frozen=True)
class BayesianConfig:
    """An ensemble of networks as surrogate, in the manner of BANANAS (White et al. 2021, section 4 and appendix)."""

    start: int = setting(10, "Random starts", minimum=2, maximum=1000, help="Before the surrogate is used.")
    refit: int = setting(10, "Trials a refit", minimum=1, maximum=1000, help="New results before it is trained anew.")
    encoding: str = setting(
        "one_hot",
        "Describes a cell by",
        options=("one_hot", "paths"),
        labels=("Its decisions", "Its paths"),
        help="Paths: sequences of operations from input to output, the shortest first.",
    )
    candidates: int = setting(
        100, "Candidates", minimum=1, maximum=10_000, advanced=True, help="Mutations of the best, weighed per proposal."
    )
    ensemble: int = setting(5, "Networks", minimum=2, maximum=50, advanced=True, help="In the ensemble.")
