"""The protocol: exactly how a number was obtained. Two accuracies may be ranked together only under one protocol."""

import hashlib
import json
from dataclasses import dataclass, replace

from nas_engine.config import as_dict, setting
from nas_engine.errors import ConfigError

# Raised whenever the same settings would give other numbers (network builder, training loop, augmentation).
ENGINE_PROTOCOL = 1


@dataclass(frozen=True)
class DataConfig:
    """Which images, and which of them are held out. A search sees train and valid only."""

    dataset: str = setting("digits", "Data set")
    valid_fraction: float = setting(0.1, "Held out for valid", minimum=0.01, maximum=0.9, unit="of train")
    split_seed: int = setting(0, "Split seed", minimum=0, maximum=2**31 - 1)
    train_limit: int = setting(
        0, "Images at most", minimum=0, maximum=10**9, advanced=True, help="Take a fixed random part of train; 0: all."
    )


@dataclass(frozen=True)
class SkeletonConfig:
    """How cells are stacked: stem, N normal cells a stage, a reduction between stages (Zoph et al. 2018, figure 2)."""

    kind: str = setting("cifar", "Skeleton", options=("cifar", "imagenet"), labels=("CIFAR", "ImageNet"))
    repeats: int = setting(2, "Cells a stage, N", minimum=1, maximum=32)
    filters: int = setting(
        32, "Filters, F", minimum=2, maximum=1024, help="Doubled at each reduction; even where cells are stacked."
    )
    stem_multiplier: int = setting(
        3, "Stem width", minimum=1, maximum=8, advanced=True, help="Stem channels as a multiple of F."
    )
    dialect: str = setting(
        "tf",
        "Building rules",
        options=("tf", "darts", "enas", "gpipe"),
        advanced=True,
        help="Whose released code is followed.",
    )
    stem_filters: int = setting(
        0, "Stem filters", minimum=0, maximum=2048, advanced=True, help="0: 3F; ImageNet: 32, F/2 or F/4."
    )
    layers: int = setting(
        0,
        "Cells in all",
        minimum=0,
        maximum=64,
        advanced=True,
        help="0: 3N + 2. PNASNet takes 3N: no cells in between.",
    )
    skip_reduction: bool = setting(
        False,
        "Skip reduction",
        advanced=True,
        help="After a reduction, the older input is the one before (NASNet large).",
    )
    dropout: float = setting(0.0, "Dropout", minimum=0, maximum=0.9, advanced=True, help="Before the classifier.")
    norm_decay: float = setting(
        0.9, "Norm decay", minimum=0.5, maximum=0.9999, advanced=True, help="Of running statistics; long runs: 0.9997."
    )
    # Not chosen but follows from the search space: whether cells are stacked, or the cells are the whole network.
    whole: bool = False

    def __post_init__(self):
        if 0 < self.layers < 3:
            raise ConfigError("Three stages need 3 cells at least; 0 follows from N.", "layers")
        if self.kind == "imagenet" and self.dialect == "enas":
            raise ConfigError("ENAS has no ImageNet skeleton; take the rules of tf, darts or gpipe.", "dialect")

    def only(self, fields: tuple[str, ...] | None) -> "SkeletonConfig":
        """What a search space reads of it (:attr:`SearchSpace.skeleton_fields`): the other fields at their defaults."""
        if fields is None:
            return replace(self, whole=False)
        return SkeletonConfig(whole=True, **{name: getattr(self, name) for name in fields})

    def check_stackable(self) -> None:
        """Raises ConfigError where cells cannot be stacked with as many filters: halves of them meet in a reduction."""
        if self.filters % 2:
            raise ConfigError(f"must be even: {self.filters - 1} or {self.filters + 1}.", "skeleton.filters")

    def summary(self) -> str:
        """ "N 2, F 32", "20 cells, F 36" or "whole networks"."""
        if self.whole:
            return "whole networks" + (f", F {self.filters}" if self.filters != SkeletonConfig.filters else "")
        size = f"{self.layers} cells" if self.layers else f"N {self.repeats}"
        return f"{size}, F {self.filters}"


@dataclass(frozen=True)
class TrainingConfig:
    """The proxy training of a child: SGD with momentum, one cosine (Zoph et al. 2018, appendix A)."""

    epochs: int = setting(20, "Epochs", minimum=1, maximum=2000)
    batch_size: int = setting(128, "Batch", minimum=2, maximum=4096)
    learning_rate: float = setting(0.025, "Learning rate", minimum=1e-6, maximum=10, help="Cosine from here to 0.")
    momentum: float = setting(0.9, "Momentum", minimum=0, maximum=0.999, advanced=True)
    weight_decay: float = setting(3e-4, "Weight decay", minimum=0, maximum=1, advanced=True)
    clip: float = setting(5.0, "Gradient clip", minimum=0, maximum=1000, advanced=True, help="Global norm; 0: off.")
    crop: int = setting(4, "Crop padding", minimum=0, maximum=32, unit="px", advanced=True, help="Random crop; 0: off.")
    flip: bool = setting(True, "Flip", advanced=True, help="Random mirror image. Off for digits and text.")
    cutout: int = setting(
        0, "Cutout", minimum=0, maximum=128, unit="px", advanced=True, help="Side of the hole; 0: off."
    )
    drop_path: float = setting(
        0.0, "Drop path", minimum=0, maximum=0.9, advanced=True, help="ScheduledDropPath's end rate."
    )
    label_smoothing: float = setting(0.0, "Label smoothing", minimum=0, maximum=0.9, advanced=True)
    precision: str = setting(
        "auto",
        "Precision",
        options=("auto", "float32", "bfloat16"),
        advanced=True,
        help="Auto: bfloat16 where it pays.",
    )
    seed: int = setting(
        0, "Training seed", minimum=0, maximum=2**31 - 1, advanced=True, help="Initial weights and order."
    )


# Fields that came later, as (part, field, default): at their default they leave the fingerprint as it was before them.
LATER = (("skeleton", "whole", False),)


@dataclass(frozen=True)
class Protocol:
    """Everything that decides a child's measured accuracy apart from its cells."""

    data: DataConfig
    dataset_fingerprint: str
    skeleton: SkeletonConfig
    training: TrainingConfig
    engine: int = ENGINE_PROTOCOL

    def fingerprint(self) -> str:
        """12 hex digits; equal fingerprints mean comparable numbers."""
        data = as_dict(self)
        for part, name, default in LATER:
            if data[part][name] == default:
                del data[part][name]
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:12]

    def summary(self) -> str:
        """One line for people: "digits, 10 epochs, N 1, F 8"."""
        epochs = "epoch" if self.training.epochs == 1 else "epochs"
        return f"{self.data.dataset}, {self.training.epochs} {epochs}, {self.skeleton.summary()}"


@dataclass(frozen=True)
class TableProtocol:
    """Numbers that stand in a published table. ``kind`` is the table's, ``file`` the SHA-256 of its bytes; ``valid``,
    ``final`` and ``seconds`` say which columns are looked at."""

    kind: str
    file: str
    valid: str
    final: str
    seconds: str

    def fingerprint(self) -> str:
        """12 hex digits; equal fingerprints mean comparable numbers."""
        return hashlib.sha256(json.dumps(as_dict(self), sort_keys=True).encode()).hexdigest()[:12]

    def summary(self) -> str:
        """One line for people: "NAS-Bench-201 table, cifar10_val_e12"."""
        return f"{self.kind} table, {self.valid}"
