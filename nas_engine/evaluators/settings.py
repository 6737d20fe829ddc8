"""The knobs of every evaluator, torch-free so that forms and files can read them."""

from dataclasses import dataclass

from nas_engine.config import setting
from nas_engine.errors import ConfigError
from nas_engine.latency import LatencyConfig
from nas_engine.successive_halving import rungs


@dataclass(frozen=True)
class StandaloneConfig(LatencyConfig):
    """Each child is trained from scratch, as the child network's settings say; to set is when it is ended early, and where
    its latency comes from."""

    early_stopping: str = setting(
        "none",
        "Early stopping",
        options=("none", "median", "extrapolation", "asha"),
        labels=("none", "below the median", "unlikely to be the best", "successive halving (ASHA)"),
        help="Of children that fall behind the others. Their accuracy is not ranked.",
    )
    grace: int = setting(
        3,
        "Epochs before",
        minimum=1,
        maximum=2000,
        help="No child is stopped earlier, nor before five are trained.",
        where=("early_stopping", ("median", "extrapolation")),
    )
    least_chance: float = setting(
        0.05,
        "Least chance",
        minimum=0.001,
        maximum=0.5,
        help="To be the best, by extrapolation.",
        where=("early_stopping", ("extrapolation",)),
    )
    minimum_epochs: int = setting(
        1,
        "Minimum epochs, r",
        minimum=1,
        maximum=2000,
        help="Children are judged after r epochs, then after η times as many, and so on.",
        where=("early_stopping", ("asha",)),
    )
    reduction_factor: int = setting(
        4,
        "Reduction factor, η",
        minimum=2,
        maximum=16,
        help="Of those that reach a rung, the best one in η goes on.",
        where=("early_stopping", ("asha",)),
    )
    early_stopping_rate: int = setting(
        0,
        "Early-stopping rate, s",
        minimum=0,
        maximum=10,
        help="Leaves out the first s rungs.",
        where=("early_stopping", ("asha",)),
    )

    def rungs(self, epochs: int) -> tuple[int, ...]:
        """The epochs after which successive halving judges children that are trained for ``epochs``; none with other rules.

        Raises ConfigError where there would be none with it.
        """
        if self.early_stopping != "asha":
            return ()
        found = rungs(self.minimum_epochs, self.reduction_factor, self.early_stopping_rate, epochs)
        if not found:
            first = self.minimum_epochs * self.reduction_factor**self.early_stopping_rate
            of = "1 epoch" if epochs == 1 else f"{epochs} epochs"
            blamed = "minimum_epochs" if self.minimum_epochs >= epochs else "early_stopping_rate"
            raise ConfigError(
                f"The first rung, after {first} epoch{'s' * (first > 1)}, must come before the end of a training of {of}.",
                blamed,
            )
        return found


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
