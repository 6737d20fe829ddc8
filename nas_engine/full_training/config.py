"""Everything that decides a full training apart from the cells, frozen and plain JSON both ways."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from nas_engine.config import as_dict, read, setting
from nas_engine.errors import ConfigError
from nas_engine.protocol import ENGINE_PROTOCOL, LATER, SkeletonConfig

FIT_UNITS = {"none": "", "params": "parameters", "macs": "MACs an image", "latency": "ms an image"}


@dataclass(frozen=True)
class FullDataConfig:
    """Which images. All train images are trained on unless some are held out to watch; test is read once, at the end."""

    dataset: str = setting("digits", "Data set")
    valid_fraction: float = setting(
        0.0, "Held out", minimum=0, maximum=0.9, unit="of train", help="0: train on all; test is kept for the end."
    )
    split_seed: int = setting(0, "Split seed", minimum=0, maximum=2**31 - 1, advanced=True)
    train_limit: int = setting(
        0, "Images at most", minimum=0, maximum=10**9, advanced=True, help="Take a fixed random part of train; 0: all."
    )
    image_size: int = setting(
        0, "Image size", minimum=0, maximum=1024, unit="px", help="Side the network sees; 0: as the images are stored."
    )
    central_crop: float = setting(
        1.0, "Central crop", minimum=0.1, maximum=1, advanced=True, help="Share of each side shown when measuring."
    )


@dataclass(frozen=True)
class ScheduleConfig:
    """How long, and how the learning rate falls. Times are in epochs and may be broken; the rate moves at every step."""

    kind: str = setting(
        "cosine",
        "Schedule",
        options=("cosine", "exponential", "restarts", "constant"),
        labels=("Cosine", "Exponential", "Cosine with restarts", "Constant"),
    )
    epochs: int = setting(30, "Epochs", minimum=1, maximum=10_000)
    final_rate: float = setting(
        0.0, "Final rate", minimum=0, maximum=10, advanced=True, help="Where a cosine ends, and each of its restarts."
    )
    warmup_epochs: float = setting(
        0.0,
        "Warm-up",
        minimum=0,
        maximum=1000,
        unit="epochs",
        help="The rate rises linearly, then the schedule begins.",
    )
    decay: float = setting(0.97, "Decay factor", minimum=0.01, maximum=1, advanced=True, help="Exponential schedule.")
    decay_epochs: float = setting(
        2.4, "Decay every", minimum=0.01, maximum=1000, unit="epochs", advanced=True, help="Exponential schedule."
    )
    staircase: bool = setting(True, "In steps", advanced=True, help="Exponential: fall at whole multiples alone.")
    first_cycle: float = setting(
        10.0, "First cycle", minimum=0.1, maximum=10_000, unit="epochs", advanced=True, help="Restarts: length."
    )
    cycle_factor: float = setting(
        2.0, "Cycle factor", minimum=1, maximum=10, advanced=True, help="Restarts: each cycle is so much longer."
    )


@dataclass(frozen=True)
class OptimizerConfig:
    """``rmsprop`` is TensorFlow's: eps stands inside the root, and the momentum is of whole steps."""

    kind: str = setting("sgd", "Optimizer", options=("sgd", "rmsprop"), labels=("SGD", "RMSProp"))
    learning_rate: float = setting(0.025, "Learning rate", minimum=1e-6, maximum=100)
    batch_size: int = setting(96, "Batch", minimum=2, maximum=65_536, help="Images a step, over all devices.")
    momentum: float = setting(0.9, "Momentum", minimum=0, maximum=0.9999, advanced=True)
    nesterov: bool = setting(False, "Nesterov", advanced=True, help="Look ahead along the momentum. SGD alone.")
    weight_decay: float = setting(3e-4, "Weight decay", minimum=0, maximum=1)
    decay_norms: bool = setting(
        True,
        "Decay norms too",
        advanced=True,
        help="Off: scales and offsets of batch norms, and biases, are left alone.",
    )
    clip: float = setting(5.0, "Gradient clip", minimum=0, maximum=1000, advanced=True, help="Global norm; 0: off.")
    square_decay: float = setting(
        0.9, "Decay of squares", minimum=0, maximum=0.99999, advanced=True, help="RMSProp's memory of past gradients."
    )
    eps: float = setting(1.0, "Epsilon", minimum=1e-12, maximum=10, advanced=True, help="RMSProp; the paper takes 1.")
    average: float = setting(
        0.0, "Weight average", minimum=0, maximum=0.999999, help="Decay of the moving average that is kept; 0: off."
    )


@dataclass(frozen=True)
class AugmentationConfig:
    """What is done to an image before it is trained on, whole batches at a time on the device."""

    crop: int = setting(4, "Crop padding", minimum=0, maximum=256, unit="px", help="Random crop; 0: off.")
    flip: bool = setting(True, "Flip", help="Random mirror image. Off for digits and text.")
    cutout: int = setting(0, "Cutout", minimum=0, maximum=1024, unit="px", help="Side of the hole; 0: off.")
    resized_crop: float = setting(
        0.0,
        "Resized crop",
        minimum=0,
        maximum=1,
        help="Smallest share of the image's area; 0: off. Large images: 0.08.",
    )
    crop_ratio: float = setting(
        1.333, "Crop aspect", minimum=1, maximum=10, advanced=True, help="Widest aspect ratio of a resized crop."
    )
    brightness: float = setting(0.0, "Brightness", minimum=0, maximum=1, advanced=True, help="Largest change; 0: off.")
    contrast: float = setting(0.0, "Contrast", minimum=0, maximum=1, advanced=True, help="Largest change; 0: off.")
    saturation: float = setting(0.0, "Saturation", minimum=0, maximum=1, advanced=True, help="Largest change; 0: off.")
    hue: float = setting(
        0.0, "Hue", minimum=0, maximum=0.5, advanced=True, help="Largest turn, of the whole circle; 0: off."
    )

    def __post_init__(self):
        if self.crop and self.resized_crop:
            raise ConfigError("A resized crop takes the place of crop padding; set one of them to 0.", "crop")


@dataclass(frozen=True)
class RegularisationConfig:
    """Dropout before the classifier is a setting of the skeleton."""

    drop_path: float = setting(
        0.0, "Drop path", minimum=0, maximum=0.9, help="ScheduledDropPath's end rate: 1 less the papers' keep."
    )
    aux_weight: float = setting(
        0.0, "Auxiliary loss", minimum=0, maximum=10, help="Weight of the auxiliary head's loss; 0: no such head."
    )
    label_smoothing: float = setting(0.0, "Label smoothing", minimum=0, maximum=0.9)


@dataclass(frozen=True)
class HardwareConfig:
    """How the work is laid on the machine."""

    precision: str = setting(
        "auto",
        "Precision",
        options=("auto", "float32", "bfloat16"),
        help="Auto: bfloat16 where it pays.",
    )
    micro_batch: int = setting(
        0,
        "Images at once",
        minimum=0,
        maximum=65_536,
        help="A batch is taken in parts of at most this and their gradients summed; 0: whole. Lowered if memory is short.",
    )
    devices: str = setting(
        "one", "Devices", options=("one", "all"), labels=("One", "All GPUs of the machine"), advanced=True
    )


@dataclass(frozen=True)
class FitConfig:
    """Choose F (and N, if even the smallest F is too large) so that the network is as large as this allows."""

    measure: str = setting(
        "none",
        "Fit to at most",
        options=("none", "params", "macs", "latency"),
        labels=("As N and F say", "Parameters", "MACs", "Milliseconds an image"),
    )
    most: float = setting(0.0, "At most", minimum=0, maximum=1e15, help="Parameters, MACs, or milliseconds an image.")

    def __post_init__(self):
        if self.measure != "none" and not self.most:
            raise ConfigError(f"Say how many {FIT_UNITS[self.measure]} the network may have.", "most")


@dataclass(frozen=True)
class FullTrainingConfig:
    """One request: ``seeds`` trainings, alike but for their seed, of which the first has ``seed``."""

    name: str = setting("", "Name")
    data: FullDataConfig = field(default_factory=FullDataConfig)
    skeleton: SkeletonConfig = field(default_factory=lambda: SkeletonConfig(repeats=6, filters=32))
    fit: FitConfig = field(default_factory=FitConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    regularisation: RegularisationConfig = field(default_factory=RegularisationConfig)
    hardware: HardwareConfig = field(default_factory=HardwareConfig)
    seeds: int = setting(1, "Seeds", minimum=1, maximum=100, help="Trainings from different initial weights.")
    seed: int = setting(0, "First seed", minimum=0, maximum=2**31 - 101, advanced=True)

    def __post_init__(self):
        problems = {}
        micro, batch = self.hardware.micro_batch, self.optimizer.batch_size
        if micro == 1:
            problems["hardware.micro_batch"] = "Batch norm needs 2 images at once at least."
        elif micro > batch:
            problems["hardware.micro_batch"] = f"is more than the batch of {batch}. Take 0 for the whole batch."
        if self.schedule.warmup_epochs and self.schedule.warmup_epochs >= self.schedule.epochs:
            problems["schedule.warmup_epochs"] = f"must be shorter than the {self.schedule.epochs} epochs."
        if self.schedule.final_rate > self.optimizer.learning_rate:
            problems["schedule.final_rate"] = "must not be above the learning rate."
        if problems:
            raise ConfigError(problems)

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """One training each."""
        return tuple(range(self.seed, self.seed + self.seeds))

    def protocol(self, dataset_fingerprint: str) -> dict[str, Any]:
        """How the test accuracy is obtained, as plain JSON data: everything but cells, seed, name and devices.

        Call it on a configuration that is :func:`nas_engine.full_training.fitted`.
        """
        parts = ("data", "skeleton", "schedule", "optimizer", "augmentation", "regularisation")
        hardware = {"precision": self.hardware.precision, "micro_batch": self.hardware.micro_batch}
        made = {part: as_dict(getattr(self, part)) for part in parts}
        for part, name, default in LATER:
            if part in made and made[part][name] == default:
                del made[part][name]
        return {
            "kind": "full",
            "engine": ENGINE_PROTOCOL,
            "dataset_fingerprint": dataset_fingerprint,
            **made,
            "hardware": hardware,
        }

    def fingerprint(self, dataset_fingerprint: str) -> str:
        """12 hex digits of :meth:`protocol`; equal fingerprints mean comparable test accuracies."""
        text = json.dumps(self.protocol(dataset_fingerprint), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def summary(self) -> str:
        """One line for people: "cifar-10, 600 epochs, N 6, F 32, cosine, drop path 0.4, aux 0.4"."""
        epochs = self.schedule.epochs
        words = [
            self.data.dataset,
            f"{epochs} epoch{'s' * (epochs > 1)}",
            self.skeleton.summary(),
            {"restarts": "cosine with restarts"}.get(self.schedule.kind, self.schedule.kind),
        ]
        if self.data.image_size:
            words.insert(1, f"{self.data.image_size} px")
        extras = {
            "cutout": self.augmentation.cutout,
            "drop path": self.regularisation.drop_path,
            "aux": self.regularisation.aux_weight,
            "label smoothing": self.regularisation.label_smoothing,
            "weight average": self.optimizer.average,
        }
        return ", ".join(words + [f"{name} {value:g}" for name, value in extras.items() if value])


def read_full_training(data: dict) -> FullTrainingConfig:
    """From plain JSON data. Raises ConfigError naming every wrong field ("schedule.epochs") at once."""
    return read(FullTrainingConfig, data)
