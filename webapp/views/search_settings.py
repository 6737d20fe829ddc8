"""A search's settings in words: every field with its label, in the order of the form."""

from typing import Any

from nas_engine import catalog
from nas_engine.config import Setting, settings_of
from nas_engine.operations import OPERATIONS
from nas_engine.search_config import TABLES, skeleton_fields
from webapp.forms.search import OF_IMAGES, PARTS
from webapp.models import Search

GROUPS = {
    "evaluator": "Evaluation", "data": "Data", "space": "Search space", "skeleton": "Child network",
    "training": "Training", "strategy": "Strategy", "reward": "Reward", "limits": "Limits", "budget": "Budget",
}  # fmt: skip


def settings_of_search(search: Search) -> list[tuple[str, list[tuple[str, str]]]]:
    """(group, [(label, value)]) of everything the search was configured with."""
    groups = []
    evaluator = catalog.EVALUATORS.get(search.config.get("evaluator", "standalone"))
    for key, title in GROUPS.items():
        if key not in search.config or (key in OF_IMAGES and evaluator and evaluator.own_space):
            continue
        if key in PARTS:
            rows = _rows(PARTS[key], search.config[key], _read_fields(search.config) if key == "skeleton" else None)
        else:
            name = search.config[key]
            entry = TABLES[key].get(name)
            rows = [(title, entry.label if entry else name)]
            rows += _rows(entry.config_class(), search.config[f"{key}_config"]) if entry else []
        groups.append((title, rows))
    groups[-1][1].append(("Seed", str(search.config["seed"])))
    return groups


def _read_fields(config: dict) -> tuple[str, ...] | None:
    """The fields of the skeleton that the search's space reads; None means all of them."""
    return skeleton_fields(config["space"]) if config["space"] in catalog.SPACES else None


def _rows(config_class: type, values: dict, only: tuple[str, ...] | None = None) -> list[tuple[str, str]]:
    return [
        (about.label, _words(values[name], about))
        for name, about in settings_of(config_class).items()
        if name in values and (only is None or name in only) and _has_a_say(about, values)
    ]


def _has_a_say(about: Setting, values: dict) -> bool:
    return about.where is None or values.get(about.where[0]) in about.where[1]


def _words(value: Any, about: Setting) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (list, tuple)):
        return ", ".join(OPERATIONS[one].label if one in OPERATIONS else str(one) for one in value)
    if about.labels and value in about.options:
        return about.labels[about.options.index(value)]
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text}\u00a0{about.unit}" if about.unit else text


def one_line(search: Search) -> str:
    """ "PPO in the NASNet space, 5 blocks, 8 operations. Children N = 2, F = 24, 20 epochs. Seed 11." """
    config = search.config
    if search.dataset_id is None:
        return f"{search.protocol_summary}, searched by {_strategy(config)}. Seed {config['seed']}."
    if config.get("evaluator") == "supernet":
        supernet, skeleton = config["evaluator_config"], config["skeleton"]
        size = f"{skeleton['layers']} cells" if skeleton["layers"] else f"N = {skeleton['repeats']}"
        return (
            f"{catalog.searcher_label(supernet['method'])} on a supernet of {size}, "
            f"F = {skeleton['filters']}, {supernet['weights']['epochs']} epochs; "
            f"{config['budget']['trials']} derived cells trained by themselves. Seed {config['seed']}."
        )
    entry = catalog.SPACES.get(config["space"])
    space = [f"{entry.label if entry else config['space']} space"]
    if "blocks" in config["space_config"]:
        space.append(f"{config['space_config']['blocks']} blocks")
    if "operations" in config["space_config"]:
        space.append(f"{len(config['space_config']['operations'])} operations")
    skeleton, epochs = config["skeleton"], config["training"]["epochs"]
    size = "" if skeleton.get("whole") else f"N = {skeleton['repeats']}, F = {skeleton['filters']}, "
    return f"{_strategy(config)} in the {', '.join(space)}. Children {size}{epochs} epochs. Seed {config['seed']}."


def _strategy(config: dict) -> str:
    return catalog.searcher_label(config["strategy"])
