"""Looking into a network as it runs, layer by layer."""

from collections.abc import Callable

import torch
from torch import Tensor

from nas_engine.networks.model import Network

Layer = Callable[..., Tensor]


def wrap_layers(network: Network, wrap: Callable[[int, Layer], Layer]) -> None:
    """Have every layer on the way to the logits run as ``wrap(index, function)`` says, for as long as the network lives;
    ``index`` counts the blueprint's layers. Drop paths are left out: in evaluation they do nothing.
    """
    outputs = (network.blueprint["logits"],)
    network._plans[outputs] = [
        (index, kind, run, inputs, done)
        if kind == "drop_path"
        else (index, "wrapped", wrap(index, _concat if kind == "concat" else run), inputs, done)
        for index, kind, run, inputs, done in network._plan(outputs)
    ]


def _concat(*maps: Tensor) -> Tensor:
    return torch.cat(maps, 1)
