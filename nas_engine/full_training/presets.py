"""The papers' final trainings, and a short one. Each is plain configuration data; what it leaves out is the default."""

import copy
from dataclasses import dataclass

from nas_engine.errors import ConfigError


@dataclass(frozen=True)
class FullPreset:
    """``dialect`` names the building rules the preset belongs to; ``image_size`` the pixels its images should have."""

    label: str
    about: str
    dialect: str
    image_size: int
    data: dict


_IMAGENET_IMAGES = {"data": {"image_size": 224, "central_crop": 0.875}}
_SLIM_JITTER = {"resized_crop": 0.05, "crop": 0, "brightness": 0.125, "contrast": 0.5, "saturation": 0.5, "hue": 0.2}


def _slim_imagenet(
    repeats: int, filters: int, stem: int, rate: float, decay: float, keep: float, size: int, skip: bool
) -> dict:
    """Zoph et al. 2018 as TensorFlow slim has it. Its length is not stated: 312 epochs are ours."""
    return {
        "data": {"image_size": size, "central_crop": 0.875},
        "skeleton": {
            "kind": "imagenet", "repeats": repeats, "filters": filters, "stem_filters": stem, "dropout": 0.5,
            "norm_decay": 0.9997, "skip_reduction": skip,
        },
        "schedule": {"kind": "exponential", "epochs": 312, "decay": 0.97, "decay_epochs": 2.4},
        "optimizer": {
            "kind": "rmsprop", "learning_rate": rate, "batch_size": 1600, "weight_decay": decay, "decay_norms": False,
            "clip": 10, "eps": 1.0, "average": 0.9999,
        },
        "augmentation": dict(_SLIM_JITTER),
        "regularisation": {"drop_path": round(1 - keep, 6), "aux_weight": 0.4, "label_smoothing": 0.1},
        "hardware": {"micro_batch": 32 if repeats == 4 else 16},
    }  # fmt: skip


PRESETS = {
    "quick": FullPreset(
        "Quick",
        "N 2, F 16, 20 epochs of one cosine. Minutes on digits, hours on CIFAR-10 without a GPU.",
        "tf",
        32,
        {
            "skeleton": {"repeats": 2, "filters": 16},
            "schedule": {"epochs": 20, "warmup_epochs": 1},
            "optimizer": {"learning_rate": 0.1, "batch_size": 128, "nesterov": True, "weight_decay": 5e-4},
        },
    ),
    "nasnet-cifar": FullPreset(
        "NASNet, CIFAR-10",
        "The paper’s: 6@768, 600 epochs, ScheduledDropPath, auxiliary loss. Days on one GPU.",
        "tf",
        32,
        {
            "skeleton": {"repeats": 6, "filters": 32},
            "schedule": {"epochs": 600},
            "optimizer": {"learning_rate": 0.025, "batch_size": 32, "weight_decay": 5e-4, "decay_norms": False},
            "regularisation": {"drop_path": 0.4, "aux_weight": 0.4},
        },
    ),
    "darts-cifar": FullPreset(
        "DARTS, CIFAR-10",
        "The paper’s: 20 cells, F 36, 600 epochs, cutout, drop path, auxiliary loss. A day or two on one GPU.",
        "darts",
        32,
        {
            "skeleton": {"layers": 20, "filters": 36, "dialect": "darts"},
            "schedule": {"epochs": 600},
            "optimizer": {"learning_rate": 0.025, "batch_size": 96, "weight_decay": 3e-4},
            "augmentation": {"cutout": 16},
            "regularisation": {"drop_path": 0.2, "aux_weight": 0.4},
        },
    ),
    "enas-cifar": FullPreset(
        "ENAS, CIFAR-10",
        "The released code’s: 17 cells, F 36, 630 epochs in six cosines of doubling length. Days on one GPU.",
        "enas",
        32,
        {
            "skeleton": {"repeats": 5, "filters": 36, "dialect": "enas", "dropout": 0.2},
            "schedule": {
                "kind": "restarts", "epochs": 630, "final_rate": 0.0001, "first_cycle": 10, "cycle_factor": 2,
            },
            "optimizer": {
                "learning_rate": 0.05, "batch_size": 144, "nesterov": True, "weight_decay": 4e-4, "clip": 0,
            },
            "regularisation": {"drop_path": 0.4, "aux_weight": 0.4},
        },
    ),
    "nasnet-mobile": FullPreset(
        "NASNet, ImageNet mobile",
        "The paper’s 4@1056 at 224 pixels: RMSProp, batches of 1 600, weight average. Weeks on one GPU.",
        "tf",
        224,
        _slim_imagenet(4, 44, 32, 2.0, 4e-5, 1.0, 224, False),
    ),
    "nasnet-large": FullPreset(
        "NASNet, ImageNet large",
        "The paper’s 6@4032 at 331 pixels, with drop path. For a room of GPUs.",
        "tf",
        331,
        _slim_imagenet(6, 168, 96, 1.5, 5e-5, 0.7, 331, True),
    ),
    "darts-imagenet": FullPreset(
        "DARTS, ImageNet mobile",
        "The paper’s: 14 cells, F 48 at 224 pixels, 250 epochs, the rate falling by 3% an epoch. A week or two on one GPU.",
        "darts",
        224,
        {
            **_IMAGENET_IMAGES,
            "skeleton": {"kind": "imagenet", "layers": 14, "filters": 48, "dialect": "darts"},
            "schedule": {"kind": "exponential", "epochs": 250, "decay": 0.97, "decay_epochs": 1},
            "optimizer": {"learning_rate": 0.1, "batch_size": 128, "weight_decay": 3e-5},
            "augmentation": {
                "crop": 0, "resized_crop": 0.08, "brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.2,
            },
            "regularisation": {"aux_weight": 0.4, "label_smoothing": 0.1},
        },
    ),
}  # fmt: skip


def preset(name: str) -> FullPreset:
    """The named preset. Raises ConfigError listing what there is."""
    if name not in PRESETS:
        raise ConfigError(f"There is no preset {name!r}. Presets: {', '.join(PRESETS)}.", "preset")
    return PRESETS[name]


def preset_data(name: str, *, dataset: str = "", dialect: str = "", single: bool = False) -> dict:
    """The preset's data, made to suit a cell: its ``dialect`` (of the zoo), and 3N cells where it has a ``single`` type of
    cell (PNASNet). ``dataset`` is filled in if given."""
    data = copy.deepcopy(preset(name).data)
    skeleton = data.setdefault("skeleton", {})
    if dialect and not (dialect == "enas" and skeleton.get("kind") == "imagenet"):
        skeleton["dialect"] = dialect
    if single and not skeleton.get("layers"):
        skeleton["layers"] = 3 * skeleton["repeats"]
    if dataset:
        data.setdefault("data", {})["dataset"] = dataset
    return data
