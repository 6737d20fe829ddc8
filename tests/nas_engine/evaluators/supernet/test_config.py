import json
import subprocess
import sys
from dataclasses import is_dataclass

import pytest

from nas_engine.config import as_dict, read, settings_of
from nas_engine.errors import ConfigError
from nas_engine.evaluators.supernet import presets
from nas_engine.evaluators.supernet.config import METHODS, SPACE_OF, SupernetConfig, check_skeleton
from nas_engine.evaluators.supernet.presets import read_supernet
from nas_engine.protocol import DataConfig, SkeletonConfig


@pytest.mark.parametrize("name", list(presets.PRESETS))
def test_a_preset_is_a_valid_search_and_plain_json(name):
    preset = presets.preset(name)
    assert preset.label and preset.about.endswith(".")
    assert json.loads(json.dumps(preset.data)) == preset.data
    config = read_supernet(preset.data["supernet"])
    check_skeleton(config, read(SkeletonConfig, preset.data["skeleton"]))
    read(DataConfig, preset.data["data"])
    assert read_supernet(json.loads(json.dumps(as_dict(config)))) == config


def test_every_method_has_a_preset_of_its_own_and_a_space():
    assert set(METHODS) <= set(presets.PRESETS) and set(METHODS) == set(SPACE_OF)
    assert all(presets.PRESETS[name].data["supernet"]["method"] == name for name in METHODS)


def test_what_is_left_out_is_the_methods_own():
    enas = read_supernet({"method": "enas-micro", "weights": {"epochs": 3}})
    assert (enas.weights.epochs, enas.weights.batch_size, enas.weights.nesterov) == (3, 160, True)
    assert enas.weights.weight_decay == 2e-4 and enas.weights.clip == 0 and enas.nodes == 5
    controller = enas.controller
    assert (controller.learning_rate, controller.mean_decay, controller.epsilon) == (0.0035, 0.0, 1e-3)
    assert (controller.tanh_constant, controller.op_tanh_reduce, controller.temperature) == (1.1, 2.5, 0.0)
    assert (controller.updates, controller.samples, controller.baseline_decay) == (30, 10, 0.99)
    darts = read_supernet({})
    assert (darts.weights.batch_size, darts.weights.clip, darts.weights.weight_decay) == (64, 5.0, 3e-4)
    assert (darts.alphas.learning_rate, darts.alphas.mean_decay, darts.alphas.weight_decay) == (3e-4, 0.5, 1e-3)


def test_the_papers_constants_differ_from_the_released_codes():
    paper = read_supernet(presets.preset("enas-micro-paper").data["supernet"]).controller
    assert (paper.learning_rate, paper.entropy_weight, paper.tanh_constant, paper.temperature) == (3.5e-4, 0.1, 2.5, 5)
    assert read_supernet(presets.preset("darts-paper").data["supernet"]).alphas.init_scale == 0


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"method": "magic"}, "supernet.method"),
        ({"weights": {"epochs": 0}}, "supernet.weights.epochs"),
        ({"weights": {"learning_rate": 1e-4}}, "supernet.weights.final_learning_rate"),
        ({"alphas": {"partial_channels": 4}}, "supernet.alphas.partial_channels"),
        ({"method": "gdas", "alphas": {"order": "second"}}, "supernet.alphas.order"),
        ({"method": "enas-macro", "operations": ["identity"]}, "supernet.operations"),
        ({"operations": ["conv_9x9"]}, "supernet.operations"),
    ],
)
def test_a_wrong_setting_is_named(data, field):
    with pytest.raises(ConfigError) as caught:
        read_supernet(data)
    assert field in caught.value.problems


@pytest.mark.parametrize(
    ("data", "skeleton", "field"),
    [
        ({}, {"dialect": "tf"}, "skeleton.dialect"),
        ({"method": "enas-micro"}, {"dialect": "darts"}, "skeleton.dialect"),
        ({}, {"dialect": "darts", "kind": "imagenet"}, "skeleton.kind"),
        ({"method": "pc-darts"}, {"dialect": "darts", "filters": 12}, "skeleton.filters"),
    ],
)
def test_a_skeleton_that_cannot_carry_it_is_refused(data, skeleton, field):
    with pytest.raises(ConfigError) as caught:
        check_skeleton(read_supernet(data), read(SkeletonConfig, skeleton))
    assert field in caught.value.problems


def test_every_setting_is_labelled():
    parts = [SupernetConfig, *map(type, vars(SupernetConfig()).values())]
    for part in filter(is_dataclass, parts):
        assert all(about.label for about in settings_of(part).values())


def test_forms_and_pages_need_no_torch():
    script = (
        "import sys\n"
        "from nas_engine.evaluators.supernet import config, presets, records\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
