"""Every ready-made search by name: those that train each cell, and those that share weights."""

from nas_engine.config import as_dict
from nas_engine.errors import ConfigError
from nas_engine.evaluators.supernet import presets as supernets
from nas_engine.presets import PRESETS, Preset

# How derived cells are trained by themselves where a preset of a supernet does not say: as the other presets train theirs.
_RETRAINING = {
    "digits": {"epochs": 8, "batch_size": 64, "learning_rate": 0.1, "crop": 1, "flip": False, "weight_decay": 5e-4},
    "": {"epochs": 20, "batch_size": 96, "learning_rate": 0.025},
}
DERIVED = 5  # cells trained by themselves at the end


def _search(preset: supernets.SupernetPreset) -> Preset:
    data = preset.data
    dataset = data["data"]["dataset"]
    return Preset(
        preset.label,
        preset.about,
        {
            "name": preset.label,
            "evaluator": "supernet",
            "evaluator_config": as_dict(supernets.read_supernet(data["supernet"])),
            "data": data["data"],
            "skeleton": data["skeleton"],
            "training": data.get("training", _RETRAINING.get(dataset, _RETRAINING[""])),
            "budget": {"trials": DERIVED, "parallelism": 2, "keep_weights": DERIVED},
        },
    )


# A method without a search space in the catalog cannot be offered as a search.
SHARING = {name: _search(one) for name, one in supernets.PRESETS.items() if not name.startswith("enas-macro")}
SEARCHES: dict[str, Preset] = {**PRESETS, **SHARING}


def search_preset(name: str) -> Preset:
    """The named preset. Raises ConfigError listing what there is."""
    if name not in SEARCHES:
        raise ConfigError(f"There is no preset {name!r}. Presets: {', '.join(SEARCHES)}.", "preset")
    return SEARCHES[name]
