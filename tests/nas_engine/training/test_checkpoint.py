"""Checkpoints: whole or not at all, the one before kept, damage said."""

import errno
import os

import pytest
import torch

from nas_engine.errors import ConfigError, EvaluationFailed
from nas_engine.training import checkpoint as module
from nas_engine.training.checkpoint import Checkpoint, CheckpointFile


def made(epoch=1, training="t"):
    generator = torch.Generator().manual_seed(epoch)
    weights = torch.randn(4, 3, 3, 3, generator=generator).to(memory_format=torch.channels_last)
    return Checkpoint({"model.w": weights, "step": torch.tensor(epoch)}, {"training": training, "epoch": epoch})


@pytest.fixture
def file(tmp_path):
    return CheckpointFile(tmp_path / "checkpoint")


def names(file):
    return sorted(path.name for path in file.path.parent.iterdir())


def test_what_is_written_is_read(file):
    assert file.read("t", print) is None
    file.write(made())
    found = file.read("t", print)
    assert found.facts["epoch"] == 1 and torch.equal(found.tensors["model.w"], made().tensors["model.w"])
    file.write(made(2))
    assert file.read("t", print).facts["epoch"] == 2 and names(file) == ["checkpoint", "checkpoint.previous"]
    file.delete()
    assert names(file) == []


def spoil(path, how):
    data = bytearray(path.read_bytes())
    if how == "cut":
        data = data[: len(data) // 2]
    elif how == "altered":
        data[-5] ^= 1
    elif how == "empty":
        data = bytearray()
    else:
        data = bytearray(b"PK not ours at all" * 10)
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("how", ["cut", "altered", "empty", "foreign"])
def test_a_damaged_one_is_set_aside_for_the_one_before(file, how):
    file.write(made(1))
    file.write(made(2))
    spoil(file.path, how)
    said = []
    assert file.read("t", said.append).facts["epoch"] == 1
    assert "damaged" in said[0] and "epoch 1" in said[1]
    assert names(file) == ["checkpoint.damaged", "checkpoint.previous"]
    assert file.read("t", said.append).facts["epoch"] == 1 and len(said) == 2


@pytest.mark.parametrize("how", ["cut", "altered", "empty", "foreign"])
def test_where_none_is_good_that_is_an_error_and_nothing_is_deleted(file, how):
    file.write(made(1))
    spoil(file.path, how)
    with pytest.raises(ConfigError, match="Move it away"):
        file.read("t", lambda text: None)
    assert names(file) == ["checkpoint"]


def test_another_trainings_checkpoint_is_refused(file):
    file.write(made())
    with pytest.raises(ConfigError, match="another training"):
        file.read("other", print)


def test_a_kill_between_the_renames_leaves_a_good_one(file):
    file.write(made(1))
    os.replace(file.path, file.previous)
    file.partial.write_bytes(b"half")
    assert file.read("t", print).facts["epoch"] == 1


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "Permission denied")])
def test_a_failed_write_is_said_and_keeps_what_was_there(file, monkeypatch, number, words):
    file.write(made(1))
    before = file.path.read_bytes()

    def fail(handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(module.os, "fsync", fail)
    with pytest.raises(EvaluationFailed, match=words):
        file.write(made(2))
    monkeypatch.undo()
    assert file.path.read_bytes() == before and names(file) == ["checkpoint"]


def test_a_really_full_disk(file):
    """/dev/full takes nothing, as a full disk does."""
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    file.write(made(1))
    file.partial.symlink_to("/dev/full")
    with pytest.raises(EvaluationFailed, match="disk is full"):
        file.write(made(2))
    assert file.read("t", print).facts["epoch"] == 1 and names(file) == ["checkpoint"]
