"""A strategy's state as one safetensors file: tensors as they are, the rest as JSON in its metadata. No pickle."""

import json
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

# A single metadata key: safetensors does not keep the order of several, and equal states should give equal bytes.
_KEY = "nasturtium"


def pack_state(state: dict[str, Any]) -> bytes:
    """Serialise ``Strategy.state_dict()``; equal states give equal bytes.

    Values are torch tensors or JSON data. Raises TypeError for anything else, ValueError for NaN or infinity in the JSON.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items() if isinstance(value, Tensor)}
    plain = {name: value for name, value in state.items() if not isinstance(value, Tensor)}
    return save(tensors, {_KEY: json.dumps(plain, sort_keys=True, allow_nan=False)})


def unpack_state(data: bytes) -> dict[str, Any]:
    """Inverse of :func:`pack_state`; tensors come back on the CPU. Raises ValueError if the data is no such file."""
    try:
        tensors = load(data)
        plain = json.loads(_metadata(data)[_KEY])
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"This is not a strategy’s checkpoint: {error}") from None
    return {**plain, **tensors}


def _metadata(data: bytes) -> dict[str, str]:
    # The format: eight bytes of little-endian length, then the JSON header, whose __metadata__ maps text to text.
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size])["__metadata__"]
