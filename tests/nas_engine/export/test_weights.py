"""The weights file."""

import json
import struct

import pytest
import torch
from safetensors import safe_open

from nas_engine.errors import ConfigError
from nas_engine.export import weights


def test_pack_and_unpack_are_inverse(network, meta):
    tensors, read = weights.unpack(weights.pack(network.state_dict(), meta))
    assert read == json.loads(json.dumps(meta))
    assert set(tensors) == set(network.state_dict())
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensors[name], tensor)


def test_equal_contents_give_equal_bytes(network, meta):
    backwards = dict(reversed(network.state_dict().items()))
    assert weights.pack(backwards, dict(reversed(meta.items()))) == weights.pack(network.state_dict(), meta)


def test_there_is_one_metadata_key_and_any_reader_can_read_it(network, meta, tmp_path):
    (tmp_path / "w.safetensors").write_bytes(weights.pack(network.state_dict(), meta))
    with safe_open(tmp_path / "w.safetensors", "np") as file:
        assert list(file.metadata()) == ["nasturtium"]
        assert file.get_tensor("head.linear.weight").shape == (3, 96)


def test_meta_is_read_from_any_bytes(network, meta):
    packed = weights.pack(network.state_dict(), meta)
    assert weights.read_meta(memoryview(packed))["classes"] == meta["classes"]


@pytest.mark.parametrize("name", ["blueprint", "cells", "classes", "normalisation"])
def test_an_incomplete_description_is_refused(network, meta, name):
    with pytest.raises(ConfigError, match=name):
        weights.pack(network.state_dict(), {key: value for key, value in meta.items() if key != name})


def test_not_a_number_is_no_json(network, meta):
    with pytest.raises(ValueError, match="JSON"):
        weights.pack(network.state_dict(), {**meta, "evaluation": {"valid_accuracy": float("nan")}})


def _file(header: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        b"\xff" * 64,
        _file(b"{}"),
        _file(b"{}", 2**40),
        _file(b"{}", 3),
        _file(b"[" * 100_000),
        _file(b'{"__metadata__": 3}'),
        _file(b'{"__metadata__": {"nasturtium": "{"}}'),
        _file(b'{"__metadata__": {"nasturtium": "[]"}}'),
        _file(b'{"__metadata__": {"nasturtium": "{}"}}'),
        _file(b'{"__metadata__": {"nasturtium": "\xff"}}'),
    ],
)
def test_other_files_are_refused(data):
    with pytest.raises(ConfigError):
        weights.read_meta(data)


def test_a_cut_off_file_is_refused(network, meta):
    packed = weights.pack(network.state_dict(), meta)
    with pytest.raises(ConfigError, match="damaged"):
        weights.unpack(packed[:-10])
