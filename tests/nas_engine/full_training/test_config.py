"""What is asked for: JSON both ways, problems by field, fingerprints, presets."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.config import as_dict
from nas_engine.errors import ConfigError
from nas_engine.full_training import PRESETS, FullTrainingConfig, preset, preset_data, read_full_training

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_readable_and_survives_json(name):
    config = read_full_training(preset_data(name, dataset="cifar-10"))
    assert read_full_training(json.loads(json.dumps(as_dict(config)))) == config
    assert config.data.dataset == "cifar-10" and config.skeleton.dialect == preset(name).dialect


def test_presets_are_the_papers():
    nasnet = read_full_training(preset_data("nasnet-cifar"))
    assert (nasnet.schedule.epochs, nasnet.optimizer.batch_size, nasnet.optimizer.learning_rate) == (600, 32, 0.025)
    assert (nasnet.optimizer.weight_decay, nasnet.regularisation.drop_path) == (5e-4, 0.4)
    large = read_full_training(preset_data("nasnet-large"))
    assert (large.optimizer.kind, large.optimizer.eps, large.optimizer.average) == ("rmsprop", 1.0, 0.9999)
    assert large.optimizer.learning_rate == pytest.approx(0.015 * 100) and large.optimizer.batch_size == 16 * 100
    assert large.regularisation.drop_path == pytest.approx(0.3) and large.skeleton.dropout == 0.5
    enas = read_full_training(preset_data("enas-cifar"))
    cycles = [enas.schedule.first_cycle * enas.schedule.cycle_factor**number for number in range(6)]
    assert sum(cycles) == enas.schedule.epochs


@pytest.mark.parametrize(
    ("name", "cell", "params"),
    [
        ("nasnet-cifar", "nasnet-a", 3_346_538),
        ("darts-cifar", "darts-v2", 3_349_342),
        ("enas-cifar", "enas-micro", 3_894_372),
        ("nasnet-mobile", "nasnet-a", 5_289_978),
        ("nasnet-large", "nasnet-a", 88_753_150),
        ("darts-imagenet", "darts-v2", 4_718_752),
    ],
)
def test_presets_build_the_published_networks(name, cell, params):
    entry = zoo.get(cell)
    config = read_full_training(preset_data(name, dialect=entry.dialect, single=entry.single))
    size, classes = preset(name).image_size, 1000 if config.skeleton.kind == "imagenet" else 10
    assert build_blueprint(entry.cells, config.skeleton, (3, size, size), classes).params == params


def test_a_preset_suits_itself_to_the_cell():
    assert read_full_training(preset_data("nasnet-cifar", single=True)).skeleton.layers == 18
    assert preset_data("nasnet-mobile", dialect="enas")["skeleton"].get("dialect") is None
    assert preset("quick").data == PRESETS["quick"].data and "dataset" not in preset("quick").data.get("data", {})
    with pytest.raises(ConfigError, match="nasnet-cifar"):
        preset("unheard-of")


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        ({"schedule": {"epochs": 0}, "optimizer": {"kind": "adam"}}, {"schedule.epochs", "optimizer.kind"}),
        ({"fit": {"measure": "params"}}, {"fit.most"}),
        ({"augmentation": {"crop": 4, "resized_crop": 0.1}}, {"augmentation.crop"}),
        ({"hardware": {"micro_batch": 1}}, {"hardware.micro_batch"}),
        ({"hardware": {"micro_batch": 97}}, {"hardware.micro_batch"}),
        ({"schedule": {"epochs": 5, "warmup_epochs": 5}}, {"schedule.warmup_epochs"}),
        ({"schedule": {"final_rate": 1}}, {"schedule.final_rate"}),
        ({"unknown": 1}, {"unknown"}),
    ],
)
def test_problems_stand_at_their_field(data, fields):
    with pytest.raises(ConfigError) as caught:
        read_full_training(data)
    assert set(caught.value.problems) == fields


def test_the_fingerprint_is_of_what_decides_the_accuracy():
    config = FullTrainingConfig()
    same = replace(config, name="mine", seed=3, seeds=5, hardware=replace(config.hardware, devices="all"))
    other = replace(config, regularisation=replace(config.regularisation, aux_weight=0.4))
    assert config.fingerprint("f") == same.fingerprint("f") != other.fingerprint("f")
    assert config.fingerprint("f") != config.fingerprint("g")
    assert same.all_seeds == (3, 4, 5, 6, 7)


def test_the_summary_names_what_matters():
    config = read_full_training(preset_data("darts-imagenet", dataset="pets"))
    assert config.summary() == "pets, 224 px, 250 epochs, 14 cells, F 48, exponential, aux 0.4, label smoothing 0.1"


def test_it_does_without_torch():
    program = "import sys, nas_engine.full_training, nas_engine.training.outcome; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
