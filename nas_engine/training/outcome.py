"""What a full training leaves, and what it will cost. Torch-free."""

from dataclasses import dataclass
from typing import Any

from nas_engine.blueprint import Blueprint
from nas_engine.full_training import FullTrainingConfig


@dataclass(frozen=True)
class FullOutcome:
    """A finished full training.

    ``test_accuracy`` and ``test_top5`` (None with 5 classes or fewer) in [0, 1], measured once on ``test_images`` images,
    in float32. ``weights`` (name -> float32 tensor on the processor) fit ``blueprint``; both leave the auxiliary head out,
    whose parameters are ``aux_params``. ``config`` has N and F settled. ``curve`` is a dictionary an epoch, the fields of
    FullEpochReport. ``batch`` is the number of images computed at once in the end (micro_batch), of
    ``config.optimizer.batch_size`` a step. ``peak_memory`` in bytes; ``timings`` in seconds by phase, with "total" and
    "earlier" (before this process resumed). ``latency`` is {"median", "p95", "runs"} for one image. ``stored_size`` is the
    (height, width) of the prepared images.
    """

    test_accuracy: float
    test_top5: float | None
    test_images: int
    valid_accuracy: float | None
    curve: list[dict]
    weights: dict[str, Any]
    blueprint: Blueprint
    config: FullTrainingConfig
    protocol: str
    seed: int
    classes: tuple[str, ...]
    normalisation: dict[str, list[float]]
    timings: dict[str, float]
    device: dict
    devices: int
    peak_memory: int
    batch: int
    precision: str
    latency: dict
    stored_size: tuple[int, int] = (0, 0)
    aux_params: int = 0
    resumed: int = 0

    @property
    def seconds(self) -> float:
        """Spent in all, over every process that had a part in it."""
        return self.timings["total"] + self.timings.get("earlier", 0.0)


@dataclass(frozen=True)
class CostEstimate:
    """What a full training will cost, from a few timed steps: seconds an epoch and in all (one seed), peak bytes on the
    device (of the process, on a processor), and the images that fit at once (below what was asked for if memory is short;
    ``notes`` then say so)."""

    seconds_per_epoch: float
    seconds: float
    peak_memory: int
    images_per_second: float
    batch: int
    steps_per_epoch: int
    params: int
    macs: int
    aux_params: int
    device: dict
    config: FullTrainingConfig
    notes: tuple[str, ...] = ()
