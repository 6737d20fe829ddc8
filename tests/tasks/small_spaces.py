"""Every search space as small as it can be made and still be itself, and strategies that learn from two results."""

STRATEGIES = ("random", "regularized_evolution", "ppo", "reinforce")
# A space that is not here is searched as it comes.
SPACES = {
    "nasnet": {"blocks": 2, "operations": ["identity", "conv_1x1", "max_pool_3x3"]},
    "enas": {"nodes": 2, "operations": ["identity", "sep_conv_3x3", "max_pool_3x3"]},
    "darts": {"nodes": 2, "operations": ["identity", "sep_conv_3x3", "max_pool_3x3"]},
    "enas_macro": {"layers": 3},
    "nas": {"layers": 3, "pools": 1, "filters": ["4", "8"], "heights": ["1", "3"], "widths": ["1", "3"]},
    "mnasnet": {"base": "small", "width": 0.25, "layers": ["-1", "0"]},
    "randwire": {"nodes": 4, "ba_m": ["1"], "ws_k": ["2"]},
}
SETTINGS = {
    "ppo": {"batch": 2, "inner_epochs": 1, "hidden": 8},
    "reinforce": {"batch": 2, "hidden": 8},
    "regularized_evolution": {"population": 2, "sample": 1},
}


def small_search(space: str, strategy: str) -> dict:
    """The configuration of a search of two trials on a hundred digits."""
    return {
        "name": f"{space} by {strategy}",
        "space": space,
        "space_config": SPACES.get(space, {}),
        "strategy": strategy,
        "strategy_config": SETTINGS.get(strategy, {}),
        "data": {"train_limit": 100, "valid_fraction": 0.3},
        "skeleton": {"repeats": 1, "filters": 4},
        "training": {"epochs": 1, "batch_size": 32, "crop": 0, "flip": False, "precision": "float32"},
        "budget": {"trials": 2, "parallelism": 1, "keep_weights": 1},
    }
