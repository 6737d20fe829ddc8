import json

import pytest

from nas_engine import presets
from nas_engine.blueprint import build_blueprint
from nas_engine.config import as_dict
from nas_engine.errors import ConfigError
from nas_engine.search_config import read_search


@pytest.mark.parametrize("name", list(presets.PRESETS))
def test_a_preset_is_a_valid_search(name):
    preset = presets.preset(name)
    config = read_search(preset.data)
    assert preset.label and preset.about and config.name
    assert json.loads(json.dumps(preset.data)) == preset.data
    # A preset builds: its space has architectures and its strategy proposes one of them.
    space = config.build_space()
    space.check(config.build_strategy(space).ask(0).architecture)
    assert read_search(as_dict(config)) == config


def test_the_papers_preset_has_the_papers_numbers():
    config = read_search(presets.preset("nasnet-paper").data)
    assert (config.budget.trials, config.training.epochs, config.skeleton.repeats) == (20_000, 20, 2)
    assert (config.strategy, config.strategy_config["batch"], config.budget.keep_weights) == ("ppo", 20, 250)
    assert config.strategy_config["learning_rate"] == 0.00035
    assert config.data.valid_fraction * 50_000 == 5000


def test_randwires_preset_is_the_papers_small_regime():
    config = read_search(presets.preset("randwire-paper").data)
    space = config.build_space()
    found = [
        space.decided(config.build_strategy(space).ask(number).architecture) for number in range(config.budget.trials)
    ]
    assert {str(generator) for generator, _ in found} == {"ws(4,0.75)"} and len(set(found)) == 5
    cells = space.cells(config.build_strategy(space).ask(0).architecture)
    assert abs(build_blueprint(cells, config.skeleton, (3, 224, 224), 1000).params - 5.6e6) < 4 * 0.1e6


def test_an_unknown_preset_is_answered_with_those_there_are():
    with pytest.raises(ConfigError, match="laptop-demo"):
        presets.preset("mystery")
