"""Full training: a cell in a network of full size, at full length, tested once. What is asked for; torch-free.

The training itself is :func:`nas_engine.training.full.train_fully`.
"""

from nas_engine.full_training.config import (
    AugmentationConfig,
    FitConfig,
    FullDataConfig,
    FullTrainingConfig,
    HardwareConfig,
    OptimizerConfig,
    RegularisationConfig,
    ScheduleConfig,
    read_full_training,
)
from nas_engine.full_training.fit import fit_skeleton, fitted
from nas_engine.full_training.presets import PRESETS, FullPreset, preset, preset_data

__all__ = [
    "PRESETS",
    "AugmentationConfig",
    "FitConfig",
    "FullDataConfig",
    "FullPreset",
    "FullTrainingConfig",
    "HardwareConfig",
    "OptimizerConfig",
    "RegularisationConfig",
    "ScheduleConfig",
    "fit_skeleton",
    "fitted",
    "preset",
    "preset_data",
    "read_full_training",
]
