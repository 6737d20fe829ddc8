"""Every constant of the weight-sharing methods, as settings; the published values stand in ``presets``. Torch-free."""

from dataclasses import dataclass, field

from nas_engine.config import setting
from nas_engine.errors import ConfigError
from nas_engine.operations import NASNET_ALL
from nas_engine.protocol import SkeletonConfig

METHODS = {
    "darts": "DARTS",
    "pc-darts": "PC-DARTS",
    "gdas": "GDAS",
    "enas-micro": "ENAS, cells",
    "enas-macro": "ENAS, whole network",
    "rs-ws": "Random search with weight sharing",
    "spos": "Single-path one-shot",
}
# Which search space of the catalog a method's derived architectures belong to.
SPACE_OF = {
    "darts": "darts", "pc-darts": "darts", "gdas": "darts", "rs-ws": "darts", "spos": "darts",
    "enas-micro": "enas", "enas-macro": "enas_macro",
}  # fmt: skip
DIFFERENTIABLE = ("darts", "pc-darts", "gdas")
CONTROLLED = ("enas-micro", "enas-macro")
SINGLE_PATH = ("rs-ws", "spos")


@dataclass(frozen=True)
class SharedWeightsConfig:
    """How the weights of the supernet are trained: SGD with momentum."""

    epochs: int = setting(50, "Epochs", minimum=1, maximum=2000)
    batch_size: int = setting(64, "Batch", minimum=2, maximum=4096)
    learning_rate: float = setting(0.025, "Learning rate", minimum=1e-6, maximum=10)
    final_learning_rate: float = setting(0.001, "Final rate", minimum=0, maximum=10, help="Where a cosine ends.")
    schedule: str = setting(
        "cosine",
        "Schedule",
        options=("cosine", "restarts"),
        labels=("One cosine", "Cosine with warm restarts"),
        help="Restarts (Loshchilov and Hutter 2017): each period is longer than the last.",
    )
    first_period: int = setting(10, "First period", minimum=1, maximum=2000, unit="epochs", advanced=True)
    period_factor: int = setting(2, "Period grows by", minimum=1, maximum=10, advanced=True)
    momentum: float = setting(0.9, "Momentum", minimum=0, maximum=0.999, advanced=True)
    nesterov: bool = setting(False, "Nesterov", advanced=True)
    weight_decay: float = setting(3e-4, "Weight decay", minimum=0, maximum=1, advanced=True)
    clip: float = setting(5.0, "Gradient clip", minimum=0, maximum=1000, advanced=True, help="Global norm; 0: off.")
    crop: int = setting(4, "Crop padding", minimum=0, maximum=32, unit="px", advanced=True, help="Random crop; 0: off.")
    flip: bool = setting(True, "Flip", advanced=True, help="Random mirror image. Off for digits and text.")
    cutout: int = setting(0, "Cutout", minimum=0, maximum=128, unit="px", advanced=True, help="Side; 0: off.")
    precision: str = setting(
        "auto",
        "Precision",
        options=("auto", "float32", "bfloat16"),
        advanced=True,
        help="Auto: bfloat16 where it pays.",
    )


@dataclass(frozen=True)
class AlphaConfig:
    """The architecture parameters of DARTS, PC-DARTS and GDAS, trained by Adam on valid images."""

    order: str = setting(
        "first",
        "Order",
        options=("first", "second"),
        labels=("First", "Second"),
        help="Second: through one step of the weights. Up to three times the cost.",
    )
    learning_rate: float = setting(3e-4, "Alpha rate", minimum=1e-6, maximum=1)
    mean_decay: float = setting(0.5, "Adam β₁", minimum=0, maximum=0.999, advanced=True)
    square_decay: float = setting(0.999, "Adam β₂", minimum=0, maximum=0.99999, advanced=True)
    weight_decay: float = setting(1e-3, "Alpha decay", minimum=0, maximum=1, advanced=True)
    init_scale: float = setting(1e-3, "Initial spread", minimum=0, maximum=1, advanced=True, help="0: all equal.")
    frozen_epochs: int = setting(
        0, "Alphas frozen", minimum=0, maximum=2000, unit="epochs", help="Weights learn first."
    )
    partial_channels: int = setting(
        1, "Channels mixed, 1 in", minimum=1, maximum=16, help="PC-DARTS’ K: the other channels bypass the mixture."
    )
    edge_weights: bool = setting(False, "Edge weights", help="PC-DARTS’ betas: a softmax over the inputs of a node.")
    temperature: float = setting(10.0, "Temperature", minimum=0.01, maximum=100, advanced=True, help="GDAS: at first.")
    final_temperature: float = setting(0.1, "Final temperature", minimum=0.01, maximum=100, advanced=True)
    most_skips: int = setting(
        0,
        "Stop at skips",
        minimum=0,
        maximum=28,
        help="Ends the search once the normal cell has this many skips (DARTS+); 0: never.",
    )


@dataclass(frozen=True)
class ControllerConfig:
    """The LSTM controller of ENAS, trained by REINFORCE (Adam) between the epochs of the weights."""

    learning_rate: float = setting(0.0035, "Controller rate", minimum=1e-6, maximum=1)
    updates: int = setting(30, "Updates an epoch", minimum=1, maximum=10_000)
    samples: int = setting(10, "Samples an update", minimum=1, maximum=1000, help="Each scored on one valid batch.")
    entropy_weight: float = setting(1e-4, "Entropy weight", minimum=0, maximum=10)
    baseline_decay: float = setting(0.99, "Baseline decay", minimum=0, maximum=0.9999)
    tanh_constant: float = setting(1.1, "Tanh constant", minimum=0, maximum=100, help="Bounds the logits; 0: off.")
    op_tanh_reduce: float = setting(
        2.5, "Operations bounded by", minimum=0.01, maximum=100, advanced=True, help="Their tanh constant over this."
    )
    temperature: float = setting(0.0, "Temperature", minimum=0, maximum=100, help="Divides the logits; 0: off.")
    fixed_bias: float = setting(
        0.25,
        "Fixed operation bias",
        minimum=0,
        maximum=10,
        advanced=True,
        help="For convolutions, against the rest, in the normal cell.",
    )
    learned_bias: float = setting(
        10.0, "Learned operation bias", minimum=0, maximum=100, advanced=True, help="Where convolutions begin."
    )
    hidden: int = setting(64, "Hidden units", minimum=4, maximum=1024, advanced=True)
    init_range: float = setting(0.1, "Initial weights up to", minimum=0, maximum=1, advanced=True)
    mean_decay: float = setting(0.0, "Adam β₁", minimum=0, maximum=0.999, advanced=True)
    epsilon: float = setting(1e-3, "Adam ε", minimum=1e-10, maximum=1, advanced=True)
    skip_target: float = setting(0.4, "Skip share", minimum=0.01, maximum=0.99, help="Whole network: wanted.")
    skip_weight: float = setting(0.8, "Skip weight", minimum=0, maximum=100, help="Of departing from it.")


@dataclass(frozen=True)
class OneShotConfig:
    """What happens on a supernet trained along uniformly drawn paths: random search, or evolution (Guo et al. 2020)."""

    candidates: int = setting(1000, "Candidates", minimum=1, maximum=100_000, help="Random paths scored at the end.")
    score_batches: int = setting(
        10, "Batches a score", minimum=1, maximum=10_000, help="Valid batches a path is read on."
    )
    population: int = setting(50, "Population", minimum=4, maximum=10_000)
    generations: int = setting(20, "Generations", minimum=1, maximum=10_000)
    parents: int = setting(10, "Parents", minimum=1, maximum=10_000, help="The best so far that have children.")
    mutation_probability: float = setting(0.1, "Mutation", minimum=0, maximum=1, help="Of each decision of a mutant.")


@dataclass(frozen=True)
class SupernetConfig:
    """One weight-sharing search. What a method does not use is ignored by it: ``alphas`` belong to DARTS, PC-DARTS and
    GDAS, ``controller`` to ENAS, ``one_shot`` to random search with weight sharing and single-path one-shot.

    Use :func:`nas_engine.evaluators.supernet.presets.read_supernet` to build one: it fills what is left out with the
    method's own published constants.
    """

    method: str = setting("darts", "Method", options=tuple(METHODS), labels=tuple(METHODS.values()))
    nodes: int = setting(4, "Nodes in a cell", minimum=1, maximum=8, help="4 in DARTS, 5 in ENAS.")
    layers: int = setting(
        12, "Layers", minimum=3, maximum=48, help="Of a whole network (ENAS); cells are the skeleton’s."
    )
    operations: tuple[str, ...] = setting((), "Operations", options=NASNET_ALL, help="None chosen: the method’s own.")
    weights: SharedWeightsConfig = field(default_factory=SharedWeightsConfig)
    alphas: AlphaConfig = field(default_factory=AlphaConfig)
    controller: ControllerConfig = field(default_factory=ControllerConfig)
    one_shot: OneShotConfig = field(default_factory=OneShotConfig)
    derive_samples: int = setting(
        10, "Derived from", minimum=1, maximum=10_000, help="Sampled and scored after every epoch; the best is kept."
    )
    skip_alarm: float = setting(
        0.5, "Skip alarm", minimum=0.05, maximum=1, advanced=True, help="Share of skips in the normal cell."
    )

    def __post_init__(self):
        weights, problems = self.weights, {}
        if weights.final_learning_rate > weights.learning_rate:
            problems["weights.final_learning_rate"] = "is above the learning rate it is to fall from."
        if self.method != "pc-darts" and self.alphas.partial_channels > 1:
            problems["alphas.partial_channels"] = "belongs to PC-DARTS; take 1 here."
        if self.method == "gdas" and self.alphas.order == "second":
            problems["alphas.order"] = "GDAS is of first order."
        if self.method == "enas-macro" and self.operations:
            problems["operations"] = "The whole-network space of ENAS has six fixed operations; choose none."
        if problems:
            raise ConfigError(problems)

    @property
    def space(self) -> str:
        """The catalog's name of the search space that derived architectures belong to."""
        return SPACE_OF[self.method]


def check_skeleton(config: SupernetConfig, skeleton: SkeletonConfig) -> None:
    """Raises ConfigError unless ``skeleton`` can carry the method's supernet."""
    problems = {}
    if config.method == "enas-macro":
        return  # of the skeleton it reads filters and dropout alone
    if skeleton.kind != "cifar":
        problems["skeleton.kind"] = "Supernets are stacked on the CIFAR skeleton."
    rules = "enas" if config.method in CONTROLLED else "darts"
    if skeleton.dialect != rules:
        problems["skeleton.dialect"] = f"{METHODS[config.method]} is built by the rules of {rules}."
    partial = config.alphas.partial_channels
    if partial > 1 and skeleton.filters % (2 * partial):
        problems["skeleton.filters"] = f"must be a multiple of {2 * partial}, as 1 in {partial} channels is mixed."
    if problems:
        raise ConfigError(problems)
