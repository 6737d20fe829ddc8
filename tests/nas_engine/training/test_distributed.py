"""Two processes on one training, with gloo on the processor."""

import shutil

import pytest
import torch

from nas_engine.errors import ConfigError, EvaluationFailed
from nas_engine.training import distributed
from tests.nas_engine.training.full_fixtures import config, go, write_corners

# Without augmentation two processes see what one sees in two parts of a batch.
SETTINGS = {
    "hardware": {"precision": "float32", "devices": "all"},
    "optimizer": {"batch_size": 12, "average": 0.5},
    "schedule": {"epochs": 2},
    "regularisation": {"aux_weight": 0.4},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_corners(tmp_path_factory.mktemp("datasets") / "corners", train=60)


@pytest.fixture
def two(monkeypatch):
    monkeypatch.setattr(distributed, "device_count", lambda device: 2)


def trained(outcome):
    """All weights but the running statistics, which are those of the first process's images."""
    return torch.cat([value.flatten() for name, value in outcome.weights.items() if ".running_" not in name])


def test_two_processes_train_as_one_does_and_resume(folder, tmp_path, monkeypatch):
    one = go(folder, tmp_path / "one", config(**{**SETTINGS, "hardware": {**SETTINGS["hardware"], "micro_batch": 6}}))
    assert (one.devices, one.batch) == (1, 6)

    def keep(report):
        if report.epoch == 1:
            shutil.copy(tmp_path / "two", tmp_path / "part")

    monkeypatch.setattr(distributed, "device_count", lambda device: 2)
    two = go(folder, tmp_path / "two", config(**SETTINGS), report=keep)
    assert (two.devices, two.batch) == (2, 6)
    torch.testing.assert_close(trained(two), trained(one), rtol=1e-4, atol=1e-6)

    resumed = go(folder, tmp_path / "part", config(**SETTINGS))
    assert resumed.resumed == 1
    torch.testing.assert_close(trained(resumed), trained(two), rtol=1e-5, atol=1e-7)


def test_a_helper_that_dies_is_an_error_not_a_hang(folder, tmp_path, two, monkeypatch):
    helpers = []
    start = distributed._start

    def remember(path, rank):
        helpers.append(start(path, rank))
        return helpers[-1]

    monkeypatch.setattr(distributed, "_start", remember)
    long = config(**{**SETTINGS, "schedule": {"epochs": 500}})
    with pytest.raises(EvaluationFailed, match="The process of device 1 ended"):
        go(folder, tmp_path / "c", long, report=lambda one: helpers[0].kill())
    assert helpers[0].poll() is not None


def test_a_batch_must_go_round(folder, tmp_path, two):
    small = config(hardware={"devices": "all"}, optimizer={"batch_size": 3})
    with pytest.raises(ConfigError, match="Take 4 or more, for 2 devices"):
        go(folder, tmp_path / "c", small)
