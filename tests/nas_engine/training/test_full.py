"""Whole full trainings, stopped in every way there is."""

import json
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from nas_engine.datasets import read_split
from nas_engine.errors import ConfigError, EvaluationFailed, SearchCancelled
from nas_engine.networks import build
from nas_engine.training import full as module
from nas_engine.training import full_job
from nas_engine.training.full import estimate_cost
from tests.nas_engine.training.full_fixtures import CELLS, config, go, write_corners

ROOT = Path(__file__).parents[3]
EVERYTHING = {
    "schedule": {"epochs": 4, "warmup_epochs": 0.5, "kind": "restarts", "first_cycle": 1},
    "optimizer": {"learning_rate": 0.1, "batch_size": 15, "nesterov": True, "average": 0.9, "decay_norms": False},
    "augmentation": {"crop": 0, "flip": True, "cutout": 2, "resized_crop": 0.5, "brightness": 0.2, "hue": 0.1},
    "regularisation": {"aux_weight": 0.4, "drop_path": 0.3, "label_smoothing": 0.1},
    "hardware": {"precision": "float32", "micro_batch": 6},
    "skeleton": {"repeats": 1, "filters": 4, "dropout": 0.2},
}
PROGRAM = """
import json, os, pathlib, signal, sys
from safetensors.torch import save_file
from tests.nas_engine.training.full_fixtures import config, go
folder, path, settings, kill_after, out = sys.argv[1:]
def report(one):
    print(one.epoch, flush=True)
    if one.epoch == int(kill_after):
        os.kill(os.getpid(), signal.SIGKILL)
outcome = go(pathlib.Path(folder), pathlib.Path(path), config(**json.loads(settings)), report=report)
save_file(outcome.weights, out)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_corners(tmp_path_factory.mktemp("datasets") / "corners")


def run(folder, path, settings, kill_after, out):
    command = [sys.executable, "-c", PROGRAM, *map(str, (folder, path, json.dumps(settings), kill_after, out))]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def weights(outcome):
    return torch.cat([value.flatten().double() for value in outcome.weights.values()])


def test_it_trains_reports_and_tests(folder, tmp_path):
    seen, told = [], []
    outcome = go(folder, tmp_path / "c", config(schedule={"epochs": 6}), report=seen.append, progress=told.append)
    assert [one.epoch for one in seen] == [1, 2, 3, 4, 5, 6] and outcome.curve == [asdict(one) for one in seen]
    assert seen[-1].train_loss < seen[0].train_loss and outcome.test_accuracy > 0.8 and outcome.test_images == 40
    assert seen[0].valid_accuracy is None and seen[0].batch == 16 and seen[0].memory > 0
    assert seen[0].learning_rate > seen[-1].learning_rate > 0
    assert [(one.epoch, one.batch, one.batches) for one in told][-1] == (6, 4, 4)
    assert outcome.resumed == 0 and outcome.seconds > sum(one.seconds for one in seen)


def test_the_outcome_is_what_its_weights_do_on_test(folder, tmp_path):
    outcome = go(folder, tmp_path / "c", config(regularisation={"aux_weight": 0.4}, optimizer={"average": 0.9}))
    network = build(outcome.blueprint)
    network.load_state_dict(outcome.weights)
    network.meta["normalisation"] = outcome.normalisation
    images, labels = read_split(folder, "test")
    with torch.inference_mode():
        guesses = network.eval()(network.preprocess(torch.from_numpy(np.array(images)))).argmax(1).numpy()
    assert (guesses == labels).mean() == outcome.test_accuracy
    assert outcome.aux_params > 0 and not any(name.startswith("aux") for name in outcome.weights)


def test_killed_and_resumed_in_a_new_process_the_weights_are_the_same_bit_for_bit(folder, tmp_path):
    whole = run(folder, tmp_path / "whole", EVERYTHING, 0, tmp_path / "whole.safetensors")
    assert whole.stdout.split() == ["1", "2", "3", "4"], whole.stderr
    killed = run(folder, tmp_path / "parts", EVERYTHING, 2, tmp_path / "never")
    assert killed.returncode == -signal.SIGKILL and killed.stdout.split() == ["1", "2"]
    resumed = run(folder, tmp_path / "parts", EVERYTHING, 0, tmp_path / "parts.safetensors")
    assert resumed.stdout.split() == ["3", "4"], resumed.stderr
    assert (tmp_path / "whole.safetensors").read_bytes() == (tmp_path / "parts.safetensors").read_bytes()


@pytest.mark.parametrize("settings", [{}, {"optimizer": {"kind": "rmsprop", "learning_rate": 0.01, "average": 0.9}}])
def test_stopped_within_an_epoch_it_goes_on_from_the_one_before(folder, tmp_path, settings):
    settings, asked, said = config(**settings), [], []

    def cancelled():
        asked.append(1)
        return len(asked) == 7  # in the second epoch of four batches

    with pytest.raises(SearchCancelled):
        go(folder, tmp_path / "c", settings, cancelled=cancelled)
    torch.rand(5)
    outcome = go(folder, tmp_path / "c", settings, log=said.append)
    assert said == ["Going on after epoch 1 of 3."] and outcome.resumed == 1 and len(outcome.curve) == 3
    whole = go(folder, tmp_path / "other", settings)
    assert torch.equal(weights(outcome), weights(whole)) and outcome.test_accuracy == whole.test_accuracy
    losses = [[row["train_loss"] for row in one.curve] for one in (outcome, whole)]
    assert losses[0] == losses[1]


def test_a_damaged_checkpoint_costs_one_epoch(folder, tmp_path):
    whole = go(folder, tmp_path / "c")
    (tmp_path / "c").write_bytes((tmp_path / "c").read_bytes()[:-100])
    said = []
    again = go(folder, tmp_path / "c", log=said.append)
    assert again.resumed == 2 and torch.equal(weights(whole), weights(again)) and len(said) == 3


def test_a_finished_training_is_only_tested_again(folder, tmp_path):
    seen = []
    first = go(folder, tmp_path / "c")
    again = go(folder, tmp_path / "c", report=seen.append)
    assert not seen and again.resumed == 3 and torch.equal(weights(first), weights(again))


def test_another_trainings_checkpoint_is_left_alone(folder, tmp_path):
    go(folder, tmp_path / "c", config(schedule={"epochs": 1}))
    for change in ({"seed": 1}, {"settings": config(schedule={"epochs": 2})}):
        with pytest.raises(ConfigError, match="another training"):
            go(folder, tmp_path / "c", **change)


def test_seeds_differ_and_a_seed_is_itself(folder, tmp_path):
    first, again, other = (go(folder, tmp_path / str(n), seed=seed) for n, seed in enumerate((0, 0, 1)))
    assert torch.equal(weights(first), weights(again)) and not torch.equal(weights(first), weights(other))


def test_the_process_keeps_its_own_random_numbers(folder, tmp_path):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    go(folder, tmp_path / "c", config(schedule={"epochs": 1}))
    assert torch.equal(torch.rand(3), expected)


def test_every_setting_changes_the_outcome(folder, tmp_path):
    changes = [
        {},
        {"data": {"valid_fraction": 0.25}}, {"data": {"train_limit": 40}}, {"data": {"image_size": 12}},
        {"schedule": {"kind": "exponential", "decay": 0.5, "decay_epochs": 0.5}}, {"schedule": {"kind": "constant"}},
        {"schedule": {"kind": "restarts", "first_cycle": 0.5}}, {"schedule": {"warmup_epochs": 0.5}},
        {"schedule": {"final_rate": 0.05}}, {"optimizer": {"kind": "rmsprop"}}, {"optimizer": {"nesterov": True}},
        {"optimizer": {"kind": "rmsprop", "eps": 0.1}}, {"optimizer": {"kind": "rmsprop", "square_decay": 0.5}},
        {"optimizer": {"momentum": 0.5}}, {"optimizer": {"weight_decay": 0.01}}, {"optimizer": {"clip": 0.1}},
        {"optimizer": {"weight_decay": 0.01, "decay_norms": False}}, {"optimizer": {"average": 0.5}},
        {"augmentation": {"crop": 1}}, {"augmentation": {"flip": True}}, {"augmentation": {"cutout": 2}},
        {"augmentation": {"resized_crop": 0.5}}, {"augmentation": {"resized_crop": 0.5, "crop_ratio": 2}},
        {"augmentation": {"brightness": 0.5}}, {"augmentation": {"contrast": 0.5}},
        {"augmentation": {"saturation": 0.5}}, {"augmentation": {"hue": 0.2}},
        {"regularisation": {"drop_path": 0.5}}, {"regularisation": {"aux_weight": 0.4}},
        {"regularisation": {"label_smoothing": 0.2}}, {"skeleton": {"dropout": 0.5}},
        {"hardware": {"precision": "bfloat16"}}, {"hardware": {"micro_batch": 4}},
        {"fit": {"measure": "params", "most": 3000}},
    ]  # fmt: skip
    seen = {}
    for number, change in enumerate(changes):
        schedule = {"epochs": 1, **change.get("schedule", {})}
        outcome = go(folder, tmp_path / str(number), config(**{**change, "schedule": schedule}))
        key = weights(outcome).numpy().tobytes()
        assert key not in seen, (change, seen.get(key))
        seen[key] = change


def test_valid_images_are_watched_and_not_trained_on(folder, tmp_path):
    outcome = go(folder, tmp_path / "c", config(data={"valid_fraction": 0.25}))
    assert outcome.valid_accuracy == outcome.curve[-1]["valid_accuracy"] is not None


def test_too_little_memory_halves_what_is_computed_at_once(folder, tmp_path, monkeypatch):
    said, sizes = [], []
    plain = module.FullTrainer._part

    def part(self, images, *rest, **more):
        sizes.append(len(images))
        if len(images) > 5:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes")
        return plain(self, images, *rest, **more)

    monkeypatch.setattr(module.FullTrainer, "_part", part)
    outcome = go(folder, tmp_path / "c", log=said.append)
    assert outcome.batch == 4 and max(sizes[2:]) == 4 and outcome.curve[-1]["batch"] == 4
    assert len(said) == 2 and "16 images at once; going on with 8" in said[0] and "with 4" in said[1]
    monkeypatch.undo()
    asked_for = go(folder, tmp_path / "other", config(hardware={"micro_batch": 4}))
    assert torch.equal(weights(outcome), weights(asked_for))


def test_a_resumed_training_keeps_its_smaller_batch(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(module.FullJob, "first_micro_batch", lambda self, device, world: 4)
    said = []
    with pytest.raises(SearchCancelled):
        go(folder, tmp_path / "c", cancelled=lambda: (tmp_path / "c").exists(), log=said.append)
    monkeypatch.undo()
    assert said == ["Main memory holds 4 images at once; the batch of a step stays 16."]
    assert go(folder, tmp_path / "c").batch == 4


def test_out_of_memory_with_the_fewest_images_ends_it(folder, tmp_path, monkeypatch):
    def part(self, *rest, **more):
        raise MemoryError

    monkeypatch.setattr(module.FullTrainer, "_part", part)
    with pytest.raises(EvaluationFailed, match="with 2 images at once"):
        go(folder, tmp_path / "c")


def test_diverging_ends_it_with_advice_and_keeps_the_checkpoint(folder, tmp_path):
    wild = config(
        optimizer={"learning_rate": 100, "clip": 0, "weight_decay": 1}, schedule={"kind": "constant", "epochs": 9}
    )
    with pytest.raises(EvaluationFailed, match="Lower the learning rate"):
        go(folder, tmp_path / "c", wild)


def test_a_full_disk_ends_it_and_it_goes_on_from_what_is_there(folder, tmp_path, monkeypatch):
    def write(report):
        if report.epoch == 1:
            (tmp_path / "c.partial").symlink_to("/dev/full")

    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(EvaluationFailed, match="disk is full"):
        go(folder, tmp_path / "c", report=write)
    assert go(folder, tmp_path / "c").resumed == 1


def test_no_test_images_is_said_before_anything_is_trained(tmp_path):
    folder = write_corners(tmp_path / "corners", test=0)
    with pytest.raises(ConfigError, match="no test images"):
        go(folder, tmp_path / "c")
    with pytest.raises(ConfigError, match="no GPU|not a device"):
        module.train_fully(CELLS, config(), folder, "cuda:99", 0, tmp_path / "c", print, lambda: False, print)


def test_the_cost_is_known_before(folder, tmp_path):
    settings = config(schedule={"epochs": 5}, regularisation={"aux_weight": 0.4}, data={"valid_fraction": 0.25})
    cost = estimate_cost(CELLS, settings, folder, "cpu", lambda: False)
    assert cost.seconds > 4 * cost.seconds_per_epoch > 0 and cost.steps_per_epoch == 3 and cost.batch == 16
    assert cost.peak_memory > 0 and cost.params > 0 and cost.aux_params > 0 and not cost.notes
    with pytest.raises(SearchCancelled):
        estimate_cost(CELLS, settings, folder, "cpu", lambda: True)


def test_milliseconds_are_fitted_where_it_runs(folder, monkeypatch):
    measured = []

    def latency(network, shape, device):
        measured.append(sum(parameter.numel() for parameter in network.parameters()))
        return {"median": measured[-1] * 1e-6}

    monkeypatch.setattr(full_job, "measure_latency", latency)
    fit = config(fit={"measure": "latency", "most": 20}, optimizer={"batch_size": 4})
    cost = estimate_cost(CELLS, fit, folder, "cpu", lambda: False)
    assert cost.config.fit.measure == "none" and cost.params <= 20_000 < min(n for n in measured if n > 20_000)
    assert cost.params == max(n for n in measured if n <= 20_000) and max(measured) < 100_000
