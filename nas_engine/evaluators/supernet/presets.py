"""Published settings of the weight-sharing methods, and small ones for two processor cores. Torch-free.

Each preset is plain data: ``supernet`` (a SupernetConfig), ``skeleton`` and ``data``; what it leaves out is a default.
A name without a suffix is the authors' released code; "-paper" is what the paper says where the two differ.
"""

from dataclasses import dataclass

from nas_engine.config import read
from nas_engine.errors import ConfigError
from nas_engine.evaluators.supernet.config import METHODS, SupernetConfig


@dataclass(frozen=True)
class SupernetPreset:
    """Ready-made: ``data`` holds "supernet", "skeleton" and "data", as a search request has them, and "training" where
    derived cells are to be trained by themselves in a way of their own."""

    label: str
    about: str
    data: dict


_DARTS_SKELETON = {"kind": "cifar", "dialect": "darts", "layers": 8, "filters": 16}
_MICRO_SKELETON = {"kind": "cifar", "dialect": "enas", "layers": 8, "filters": 20, "dropout": 0.1}
_MACRO_SKELETON = {"filters": 36, "dropout": 0.1}
_HALF = {"dataset": "cifar-10", "valid_fraction": 0.5}
_TENTH = {"dataset": "cifar-10", "valid_fraction": 0.1}

_ENAS_WEIGHTS = {
    "batch_size": 160, "epochs": 150, "learning_rate": 0.05, "final_learning_rate": 0.0005, "schedule": "restarts",
    "first_period": 10, "period_factor": 2, "nesterov": True, "weight_decay": 2e-4, "clip": 0.0,
}  # fmt: skip
_MACRO_WEIGHTS = {**_ENAS_WEIGHTS, "batch_size": 128, "epochs": 310, "weight_decay": 5e-4}
_MACRO_CONTROLLER = {"learning_rate": 0.001, "tanh_constant": 1.5, "op_tanh_reduce": 1.0, "updates": 50, "samples": 20}
_ENAS_PAPER_CONTROLLER = {
    "learning_rate": 0.00035, "entropy_weight": 0.1, "tanh_constant": 2.5, "op_tanh_reduce": 1.0, "temperature": 5.0,
    "updates": 2000, "samples": 1, "fixed_bias": 0.0, "learned_bias": 0.0,
}  # fmt: skip

# Digits are 8 x 8: no mirror images, and crops of a pixel.
_DIGITS_WEIGHTS = {
    "batch_size": 64, "learning_rate": 0.05, "final_learning_rate": 0.001, "crop": 1, "flip": False,
    "precision": "float32",
}  # fmt: skip
# Half of digits is held out and derived cells are trained for 6 epochs, because that tells cells apart: 24 random DARTS
# cells then differ by 1.0 points (standard deviation) and one cell from seed to seed by 0.6; after 12 epochs on four fifths,
# with 299 images to judge by, chance is as large as the difference.
_DIGITS = {"dataset": "digits", "valid_fraction": 0.5}
_DIGITS_TRAINING = {
    "epochs": 6,
    "batch_size": 64,
    "learning_rate": 0.1,
    "crop": 1,
    "flip": False,
    "precision": "float32",
}


def _preset(label: str, about: str, supernet: dict, skeleton: dict, data: dict, **more: dict) -> SupernetPreset:
    return SupernetPreset(label, about, {"supernet": supernet, "skeleton": skeleton, "data": data, **more})


PRESETS = {
    "darts": _preset(
        "DARTS, first order",
        "The authors’ search: CIFAR-10, C 16, 8 cells, 50 epochs. Hours on one GPU.",
        {"method": "darts"},
        _DARTS_SKELETON,
        _HALF,
    ),
    "darts-second": _preset(
        "DARTS, second order",
        "The same through one step of the weights, at two to three times the cost.",
        {"method": "darts", "alphas": {"order": "second"}},
        _DARTS_SKELETON,
        _HALF,
    ),
    "darts-paper": _preset(
        "DARTS, as printed",
        "Second order, alphas that begin at zero, a cosine that ends at zero.",
        {"method": "darts", "alphas": {"order": "second", "init_scale": 0.0}, "weights": {"final_learning_rate": 0.0}},
        _DARTS_SKELETON,
        _HALF,
    ),
    "pc-darts": _preset(
        "PC-DARTS",
        "One channel in four is mixed, edges are weighed, alphas wait 15 epochs. A quarter of the memory.",
        {
            "method": "pc-darts",
            "weights": {"batch_size": 256, "learning_rate": 0.1, "final_learning_rate": 0.0},
            "alphas": {"learning_rate": 6e-4, "partial_channels": 4, "edge_weights": True, "frozen_epochs": 15},
        },
        _DARTS_SKELETON,
        _HALF,
    ),
    "gdas": _preset(
        "GDAS",
        "One operation an edge at a time, drawn by hard Gumbel-softmax as the temperature falls. 250 epochs.",
        {"method": "gdas", "weights": {"epochs": 250}},
        _DARTS_SKELETON,
        _HALF,
    ),
    "enas-micro": _preset(
        "ENAS, cells",
        "The authors’ released search for cells: CIFAR-10, 6 cells of 20 filters and 2 reductions, 150 epochs.",
        {"method": "enas-micro", "nodes": 5, "weights": _ENAS_WEIGHTS},
        _MICRO_SKELETON,
        _TENTH,
    ),
    "enas-micro-paper": _preset(
        "ENAS, cells, as printed",
        "The paper’s constants where the released code has others: slower controller, more entropy, temperature 5.",
        {
            "method": "enas-micro",
            "nodes": 5,
            "weights": {**_ENAS_WEIGHTS, "final_learning_rate": 0.001, "epochs": 310},
            "controller": _ENAS_PAPER_CONTROLLER,
        },
        _MICRO_SKELETON,
        _TENTH,
    ),
    "enas-macro": _preset(
        "ENAS, whole network",
        "The authors’ released search over 12 layers and their skip connections, 310 epochs.",
        {"method": "enas-macro", "layers": 12, "weights": _MACRO_WEIGHTS, "controller": _MACRO_CONTROLLER},
        _MACRO_SKELETON,
        _TENTH,
    ),
    "enas-macro-paper": _preset(
        "ENAS, whole network, as printed",
        "The paper’s constants where the released code has others.",
        {
            "method": "enas-macro",
            "weights": {**_MACRO_WEIGHTS, "final_learning_rate": 0.001, "weight_decay": 2e-4},
            "controller": _ENAS_PAPER_CONTROLLER,
        },
        _MACRO_SKELETON,
        _TENTH,
    ),
    "darts-digits": _preset(
        "DARTS on digits",
        "The mixture, small: 15 epochs of digits, a minute on a processor. Its cells are no better than random ones here; "
        "those of GDAS on digits are.",
        {
            "method": "darts",
            "weights": {**_DIGITS_WEIGHTS, "epochs": 15},
            # A few hundred steps instead of twenty thousand: the alphas have to move further in each.
            "alphas": {"learning_rate": 0.02, "frozen_epochs": 3},
        },
        {**_DARTS_SKELETON, "layers": 3, "filters": 8},
        _DIGITS,
        training=_DIGITS_TRAINING,
    ),
    "gdas-digits": _preset(
        "GDAS on digits",
        "DARTS by hard samples: 3 cells of 8 filters, 100 epochs of digits. Two minutes on a processor.",
        {
            "method": "gdas",
            "weights": {**_DIGITS_WEIGHTS, "epochs": 100},
            "alphas": {"learning_rate": 0.02, "frozen_epochs": 20},
        },
        {**_DARTS_SKELETON, "layers": 3, "filters": 8},
        _DIGITS,
        training=_DIGITS_TRAINING,
    ),
    "enas-digits": _preset(
        "ENAS on digits",
        "A first look: cells of 3 nodes, 3 of them with 8 filters, 100 epochs of digits. Three minutes on a processor.",
        {
            "method": "enas-micro",
            "nodes": 3,
            # Single paths learn slowly: many small steps, and no more weights than those can train.
            "weights": {
                **_ENAS_WEIGHTS, **_DIGITS_WEIGHTS, "batch_size": 32, "learning_rate": 0.15, "epochs": 100,
                "schedule": "cosine",
            },
            "controller": {"updates": 5, "samples": 10, "learning_rate": 0.01},
            "derive_samples": 50,
        },
        {**_MICRO_SKELETON, "layers": 3, "filters": 8, "dropout": 0.0},
        _DIGITS,
        training=_DIGITS_TRAINING,
    ),
    "rs-ws": _preset(
        "Random search with weight sharing",
        "Uniform paths train the weights; the best of 1000 random architectures is kept. The honest baseline.",
        {"method": "rs-ws"},
        _DARTS_SKELETON,
        _HALF,
    ),
    "spos": _preset(
        "Single-path one-shot",
        "Uniform paths train the weights, then evolution searches the trained supernet.",
        {"method": "spos", "weights": {"epochs": 100}},
        _DARTS_SKELETON,
        _HALF,
    ),
}  # fmt: skip


def preset(name: str) -> SupernetPreset:
    """The named preset. Raises ConfigError listing what there is."""
    if name not in PRESETS:
        raise ConfigError(f"There is no preset {name!r}. Presets: {', '.join(PRESETS)}.", "preset")
    return PRESETS[name]


def read_supernet(data: dict, at: str = "supernet") -> SupernetConfig:
    """From plain JSON data; what is left out takes the method's published value, not that of another method.

    Raises ConfigError naming every wrong field under the prefix ``at``.
    """
    if not isinstance(data, dict):
        raise ConfigError("must be a JSON object", at)
    method = data.get("method", SupernetConfig.method)
    if method not in METHODS:
        raise ConfigError(
            f"{method!r} is not a method. Known: {', '.join(METHODS)}.", f"{at}.method" if at else "method"
        )
    merged = dict(PRESETS[method].data["supernet"])
    for name, value in data.items():
        own = merged.get(name)
        merged[name] = {**own, **value} if isinstance(own, dict) and isinstance(value, dict) else value
    return read(SupernetConfig, merged, at)
