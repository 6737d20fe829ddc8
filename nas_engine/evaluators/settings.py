"""The knobs of every evaluator, torch-free so that forms and files can read them."""

from dataclasses import dataclass

from nas_engine.config import setting
from nas_engine.latency import LatencyConfig


@dataclass(frozen=True)
class StandaloneConfig(LatencyConfig):
    """Each child is trained from scratch, as the child network's settings say; to set is where its latency comes from."""


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
