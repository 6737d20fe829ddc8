"""What a training tells while it goes on. Torch-free."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class EpochReport:
    """One epoch: its number from 1, mean loss and accuracy over the batches as they were trained on, accuracy on valid
    after it (in [0, 1]), its duration in seconds with validation, images trained on per second without, and what validation
    took of the duration."""

    epoch: int
    epochs: int
    train_loss: float
    train_accuracy: float
    valid_accuracy: float
    seconds: float
    images_per_second: float
    valid_seconds: float = field(default=0.0, kw_only=True)


@dataclass(frozen=True)
class FullEpochReport(EpochReport):
    """An epoch of a full training. ``valid_accuracy`` is None where nothing is held out; with a weight average it is that
    of the average. ``learning_rate`` is the one the epoch ended with, ``memory`` the peak in bytes so far on the device (of
    the process, on a processor), ``batch`` the images computed at once. It is sent once the epoch's checkpoint is stored."""

    valid_accuracy: float | None
    learning_rate: float = 0.0
    memory: int = 0
    batch: int = 0


@dataclass(frozen=True)
class BatchReport:
    """How far an epoch is, told every few seconds: ``batch`` of ``batches`` done, mean loss so far, learning rate now."""

    epoch: int
    epochs: int
    batch: int
    batches: int
    train_loss: float
    learning_rate: float
    images_per_second: float


Report = Callable[[EpochReport], None]
FullReport = Callable[[FullEpochReport], None]
Progress = Callable[[BatchReport], None]
Cancelled = Callable[[], bool]
Log = Callable[[str], None]
