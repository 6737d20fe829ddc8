import json

import pytest

from nas_engine.config import as_dict
from nas_engine.errors import ConfigError
from nas_engine.protocol import DataConfig
from nas_engine.search_config import SearchConfig, read_search, with_changes
from nas_engine.search_spaces.nasnet import NASNetSpace
from nas_engine.strategies.random_search import RandomSearch


def problems(data: dict) -> dict:
    with pytest.raises(ConfigError) as caught:
        read_search(data)
    return caught.value.problems


def test_data_and_back():
    data = {
        "name": "mine", "strategy": "random", "space_config": {"blocks": 3}, "budget": {"trials": 5}, "seed": 4,
        "reward": {"goal": "macs", "target": 2.5},
    }  # fmt: skip
    config = read_search(data)
    assert (config.space_config["blocks"], config.budget.trials, config.reward.target) == (3, 5, 2.5)
    assert read_search(json.loads(json.dumps(as_dict(config)))) == config


def test_left_out_settings_are_filled_in():
    """A stored search must not change its meaning when a default does."""
    config = read_search({})
    assert config.space_config["blocks"] == 5 and len(config.space_config["operations"]) == 13
    assert config.strategy_config["learning_rate"] == 0.00035


def test_every_problem_of_every_part_at_once():
    found = problems({"space_config": {"blocks": 0}, "strategy_config": {"batch": 0, "depth": 1}})
    assert sorted(found) == ["space_config.blocks", "strategy_config.batch", "strategy_config.depth"]


def test_problems_of_nested_parts_are_named():
    found = problems({"training": {"epochs": 0}, "budgets": {}, "seed": -1})
    assert sorted(found) == ["budgets", "seed", "training.epochs"]


def test_an_unknown_space_or_strategy_is_answered_with_those_there_are():
    assert "nasnet" in problems({"space": "mars"})["space"]
    assert "random" in problems({"strategy": "guess"})["strategy"]


def test_it_builds_its_space_and_strategy():
    config = read_search({"strategy": "random", "space_config": {"blocks": 2}, "seed": 9})
    space = config.build_space()
    assert isinstance(space, NASNetSpace) and len(space.choices) == 20
    strategy = config.build_strategy(space)
    assert isinstance(strategy, RandomSearch) and strategy.seed == 9


def test_the_protocol_holds_data_skeleton_and_training_and_nothing_of_the_search():
    first, second = SearchConfig(name="a", seed=1), SearchConfig(name="b", seed=2, strategy="random")
    assert first.protocol("f").fingerprint() == second.protocol("f").fingerprint()
    assert first.protocol("f").fingerprint() != first.protocol("g").fingerprint()
    other = SearchConfig(data=DataConfig(split_seed=1))
    assert other.protocol("f").fingerprint() != first.protocol("f").fingerprint()


def test_changes_by_dotted_name_leave_the_original_alone():
    data = {"training": {"epochs": 3, "flip": False}, "seed": 1}
    changed = with_changes(data, {"training.epochs": 5, "budget.trials": 7, "seed": 2})
    assert changed == {"training": {"epochs": 5, "flip": False}, "budget": {"trials": 7}, "seed": 2}
    assert data == {"training": {"epochs": 3, "flip": False}, "seed": 1}


def test_a_change_below_a_plain_value_is_refused():
    with pytest.raises(ConfigError) as caught:
        with_changes({"seed": 1}, {"seed.deep": 2})
    assert list(caught.value.problems) == ["seed.deep"]
