"""The weights file: safetensors with everything needed to use the network in its one metadata key.

One key, because several come out in random order and equal weights would give different bytes.
"""

import json
import struct
from typing import TYPE_CHECKING

from nas_engine.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

METADATA_KEY = "nasturtium"
# Safetensors' own limit is 100 MB; the largest published network needs under 1 MB.
HEADER_LIMIT = 32 * 2**20
NEEDED = ("blueprint", "cells", "classes", "normalisation")


def pack(weights: "dict[str, Tensor]", meta: dict) -> bytes:
    """A weights file. ``meta`` is JSON data with at least blueprint, cells, classes (their names) and normalisation
    ({"mean", "std"} per channel, for pixels from 0 to 1); protocol and evaluation belong there too.

    Equal weights and meta give equal bytes. Raises ConfigError if ``meta`` lacks something.
    """
    from safetensors.torch import save

    _check(meta)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    text = json.dumps(meta, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return save(tensors, metadata={METADATA_KEY: text})


def unpack(data: bytes) -> "tuple[dict[str, Tensor], dict]":
    """Inverse of :func:`pack`: weights and meta. Raises ConfigError if ``data`` is no such file."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    meta = read_meta(data)
    try:
        return load(data), meta
    except SafetensorError:
        raise ConfigError("This weights file is damaged. Download it again.", "weights") from None


def read_meta(data: bytes) -> dict:
    """What the file says of itself, read without torch. Raises ConfigError if ``data`` is no weights file of ours."""
    try:
        (length,) = struct.unpack_from("<Q", data)
        if length > min(HEADER_LIMIT, len(data) - 8):
            raise ValueError("header too long")
        header = json.loads(bytes(data[8 : 8 + length]))
        meta = json.loads(header["__metadata__"][METADATA_KEY])
    except (struct.error, ValueError, KeyError, TypeError, RecursionError):
        raise ConfigError("This is not a weights file of Nasturtium, or it is damaged.", "weights") from None
    _check(meta)
    return meta


def _check(meta: dict) -> None:
    missing = [name for name in NEEDED if not isinstance(meta, dict) or name not in meta]
    if missing:
        raise ConfigError(f"The weights' description lacks {', '.join(missing)}.", "weights")
