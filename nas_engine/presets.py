"""Ready-made searches. Each is plain configuration data; what it leaves out is the default of its field."""

from dataclasses import dataclass

from nas_engine.errors import ConfigError


@dataclass(frozen=True)
class Preset:
    label: str
    about: str
    data: dict


PRESETS = {
    "laptop-demo": Preset(
        "Laptop demo",
        "Digits, random search, 24 trials. A few minutes on two CPU cores.",
        {
            "name": "Digits, a first look",
            "strategy": "random",
            "space_config": {"blocks": 5},
            "data": {"dataset": "digits", "valid_fraction": 0.2},
            "skeleton": {"repeats": 1, "filters": 8},
            "training": {
                "epochs": 8, "batch_size": 64, "learning_rate": 0.1, "crop": 1, "flip": False, "weight_decay": 5e-4,
            },
            "budget": {"trials": 24, "parallelism": 2},
        },
    ),
    "small-cifar-10": Preset(
        "Small CIFAR-10",
        "PPO, 300 trials of 5 epochs on 10 000 images. Hours on one GPU.",
        {
            "name": "CIFAR-10, small",
            "strategy": "ppo",
            "data": {"dataset": "cifar-10", "train_limit": 10_000},
            "skeleton": {"repeats": 1, "filters": 16},
            "training": {"epochs": 5, "batch_size": 128, "learning_rate": 0.05},
            "budget": {"trials": 300, "parallelism": 4},
        },
    ),
    "asha-digits": Preset(
        "Successive halving",
        "Digits, 80 random cells: of 3 that reach a rung, one trains on. Some minutes on two CPU cores.",
        {
            "name": "Digits, by successive halving",
            "strategy": "random",
            "evaluator_config": {"early_stopping": "asha", "minimum_epochs": 2, "reduction_factor": 3},
            "space_config": {"blocks": 5},
            "data": {"dataset": "digits", "valid_fraction": 0.2},
            "skeleton": {"repeats": 1, "filters": 8},
            "training": {
                "epochs": 12, "batch_size": 64, "learning_rate": 0.1, "crop": 1, "flip": False, "weight_decay": 5e-4,
            },
            "budget": {"trials": 80, "parallelism": 2},
        },
    ),
    "randwire-sweep": Preset(
        "Random graphs, a sweep",
        "Digits: 24 settings of RandWire’s generators, three seeds each, by grid. Some minutes on two CPU cores.",
        {
            "name": "Digits, which graphs do well",
            "space": "randwire",
            "space_config": {"nodes": 16, "own_seeds": False},
            "strategy": "grid",
            "data": {"dataset": "digits", "valid_fraction": 0.2},
            "skeleton": {"filters": 8},
            "training": {
                "epochs": 6, "batch_size": 32, "learning_rate": 0.1, "crop": 1, "flip": False, "weight_decay": 5e-4,
            },
            "budget": {"trials": 72, "parallelism": 2},
        },
    ),
    "randwire-paper": Preset(
        "RandWire paper",
        "Five networks of WS(4, 0.75), C 78, small regime, 250 epochs on your ImageNet at 224 px. Days on GPUs.",
        {
            "name": "RandWire, the paper’s small regime",
            "space": "randwire",
            "space_config": {"generators": ["ws"], "ws_k": ["4"], "ws_p": ["0.75"], "seeds": 5, "own_seeds": False},
            "strategy": "grid",
            "data": {"dataset": "imagenet", "valid_fraction": 0.02},
            "skeleton": {"kind": "imagenet", "filters": 78},
            "training": {
                "epochs": 250, "batch_size": 256, "learning_rate": 0.1, "weight_decay": 5e-5, "label_smoothing": 0.1,
                "clip": 0.0, "crop": 16,
            },
            "budget": {"trials": 5, "parallelism": 5},
        },
    ),
    "nasnet-paper": Preset(
        "NASNet paper",
        "PPO, 20 000 trials of 20 epochs, N 2, F 32. Days on a room of GPUs.",
        {
            "name": "NASNet, the paper’s search",
            "strategy": "ppo",
            "data": {"dataset": "cifar-10", "valid_fraction": 0.1},
            "skeleton": {"repeats": 2, "filters": 32},
            "training": {"epochs": 20, "batch_size": 128, "learning_rate": 0.025},
            "budget": {"trials": 20_000, "parallelism": 100, "keep_weights": 250},
        },
    ),
    "nas-small": Preset(
        "NAS 2016, small",
        "REINFORCE, 60 networks of up to six layers for digits. Minutes on two CPU cores.",
        {
            "name": "Digits, layer by layer",
            "space": "nas",
            "space_config": {
                "layers": 6, "pools": 1, "heights": ["1", "3", "5"], "widths": ["1", "3", "5"], "filters": ["8", "16", "24"],
                "start": 4, "grow_every": 30,
            },
            "strategy": "reinforce",
            "strategy_config": {"learning_rate": 0.005},
            "data": {"dataset": "digits", "valid_fraction": 0.2},
            "training": {"epochs": 5, "batch_size": 64, "learning_rate": 0.1, "crop": 1, "flip": False},
            "reward": {"accuracy": "best_of_five", "power": 3.0},
            "budget": {"trials": 60, "parallelism": 2},
        },
    ),
    "nas-paper": Preset(
        "NAS 2016 paper",
        "REINFORCE, 12 800 networks of 6 to 20 layers, 50 epochs each. Weeks on a room of GPUs.",
        {
            "name": "NAS 2016, the paper’s search",
            "space": "nas",
            "space_config": {"layers": 20, "start": 6, "grow_by": 2, "grow_every": 1600},
            "strategy": "reinforce",
            "data": {"dataset": "cifar-10", "valid_fraction": 0.1},
            "training": {"epochs": 50, "batch_size": 128, "learning_rate": 0.1, "weight_decay": 1e-4},
            "reward": {"accuracy": "best_of_five", "power": 3.0},
            "budget": {"trials": 12_800, "parallelism": 800, "keep_weights": 10},
        },
    ),
    "mnasnet-small": Preset(
        "MnasNet, small",
        "PPO, 200 whole networks of three blocks for CIFAR-10, accurate and fast. Hours on one GPU.",
        {
            "name": "MnasNet on CIFAR-10",
            "space": "mnasnet",
            "space_config": {"base": "small"},
            "strategy": "ppo",
            "strategy_config": {"learning_rate": 0.005, "batch": 10, "inner_epochs": 3},
            "data": {"dataset": "cifar-10", "train_limit": 10_000},
            "training": {"epochs": 5, "batch_size": 128, "learning_rate": 0.05},
            "reward": {"goal": "macs", "target": 10.0},
            "budget": {"trials": 200, "parallelism": 4},
        },
    ),
    "mnasnet-paper": Preset(
        "MnasNet paper",
        "PPO, 8 000 trials of 5 epochs on ImageNet, a latency target of 75 ms. Days on a room of GPUs.",
        {
            "name": "MnasNet, the paper’s search",
            "space": "mnasnet",
            "strategy": "ppo",
            "data": {"dataset": "imagenet", "valid_fraction": 0.039},
            "skeleton": {"dropout": 0.2, "norm_decay": 0.99},
            "training": {"epochs": 5, "batch_size": 256, "learning_rate": 0.1, "weight_decay": 1e-5},
            "reward": {"goal": "latency", "target": 75.0, "below": -0.07, "above": -0.07},
            "budget": {"trials": 8_000, "parallelism": 100, "keep_weights": 15},
        },
    ),
}  # fmt: skip


def preset(name: str) -> Preset:
    """The named preset. Raises ConfigError listing what there is."""
    if name not in PRESETS:
        raise ConfigError(f"There is no preset {name!r}. Presets: {', '.join(PRESETS)}.", "preset")
    return PRESETS[name]
