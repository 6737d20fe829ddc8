"""The knobs of every strategy, torch-free so that forms and files can read them. Defaults are each paper's."""

from dataclasses import dataclass

from nas_engine.config import setting


@dataclass(frozen=True)
class RandomSearchConfig:
    """Uniform over every decision; nothing to set (Zoph et al. 2018, section 4.4)."""


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
