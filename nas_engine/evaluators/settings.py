"""The knobs of every evaluator, torch-free so that forms and files can read them."""

from dataclasses import dataclass

from nas_engine.config import setting
from nas_engine.latency import LatencyConfig


@dataclass(frozen=True)
class StandaloneConfig(LatencyConfig):
    """Each child is trained from scratch, as the child network's settings say; to set is when it is ended early, and where
    its latency comes from."""

    early_stopping: str = setting(
        "none",
        "Early stopping",
        options=("none", "median", "extrapolation"),
        labels=("none", "below the median", "unlikely to be the best"),
        help="Of children that fall behind the five or more trained before. Their accuracy is not ranked.",
    )
    grace: int = setting(3, "Epochs before", minimum=1, maximum=2000, help="No child is stopped earlier.")
    least_chance: float = setting(
        0.05, "Least chance", minimum=0.001, maximum=0.5, advanced=True, help="To be the best, by extrapolation."
    )


@dataclass(frozen=True)
class TabularConfig:
    """A published table of trained architectures; the search space follows from it."""

    path: str = setting("", "Table", help="Path of an .npz file on this machine: NAS-Bench-201, 101, 301 or Macro.")
    dataset: str = setting("", "Its data set", help="Where it holds several; empty: the first.")
    epochs: int = setting(
        0, "Epochs looked at", minimum=0, maximum=10_000, help="Of training a look-up; 0: the table’s usual."
    )
    seconds: float = setting(
        0.0, "Training time", minimum=0, maximum=10**12, unit="s", help="Simulated, for the whole search; 0: no limit."
    )
