"""What a training tells while it goes on. Torch-free."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class EpochReport:
    """One epoch: its number from 1, mean loss and accuracy over the batches as they were trained on, accuracy on valid
    after it (in [0, 1]), its duration in seconds with validation, and images trained on per second without."""

    epoch: int
    epochs: int
    train_loss: float
    train_accuracy: float
    valid_accuracy: float
    seconds: float
    images_per_second: float


Report = Callable[[EpochReport], None]
Cancelled = Callable[[], bool]
