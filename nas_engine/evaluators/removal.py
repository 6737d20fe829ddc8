"""Removal damage: what a trained RandWire network loses without one of its nodes or edges ("graph damage" in Xie et al.
2019)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from nas_engine.config import read
from nas_engine.datasets import read_info, read_split, split_indices
from nas_engine.errors import ConfigError
from nas_engine.export import weights
from nas_engine.graph_cell import GraphCell, read_cells
from nas_engine.networks import Network
from nas_engine.protocol import DataConfig
from nas_engine.search_spaces.randwire import FAMILY, Removal, removals
from nas_engine.training.accuracy import accuracy
from nas_engine.training.devices import memory_format, open_device
from nas_engine.training.images import DeviceImages
from nas_engine.training.progress import Cancelled

MOST_IMAGES = 1000


def removal_damage(
    network: nn.Module,
    cells: Sequence[GraphCell],
    images: DeviceImages,
    report: Callable[[int, int], None],
    cancelled: Cancelled,
) -> tuple[float, list[tuple[Removal, float]]]:
    """(accuracy of the whole network, each removal with the accuracy lost by it), both in [0, 1], without training again.

    What is removed gives zeros: its term is left out of the sums it went into. ``report`` is called with (done, of) after
    each. Raises SearchCancelled between batches.
    """
    whole = accuracy(network, images, cancelled)
    found, every = [], removals(cells)
    for number, removal in enumerate(every, start=1):
        with _removed(network, cells, removal):
            found.append((removal, whole - accuracy(network, images, cancelled)))
        report(number, len(every))
    return whole, found


@contextmanager
def _removed(network: nn.Module, cells: Sequence[GraphCell], removal: Removal) -> Iterator[None]:
    """The network without a node or an edge while the block runs."""
    parts = dict(network.named_parameters())
    at = f"stages.{removal.stage}.{removal.node}"
    inputs = next(node.inputs for node in cells[removal.stage - 1].nodes if node.id == removal.node)
    if not removal.source:  # a batch norm that gives zeros whatever it is given
        changed = [(parts[f"{at}.norm.weight"], ..., 0.0), (parts[f"{at}.norm.bias"], ..., 0.0)]
    elif len(inputs) > 1:  # a weight whose sigmoid is zero
        changed = [(parts[f"{at}.sum.weight"], inputs.index(removal.source), -torch.inf)]
    else:  # the only input: a convolution that sees nothing
        changed = [(parts[f"{at}.depthwise.weight"], ..., 0.0)]
    before = [tensor.detach().clone() for tensor, _, _ in changed]
    try:
        with torch.no_grad():
            for tensor, where, value in changed:
                tensor[where] = value
        yield
    finally:
        with torch.no_grad():
            for (tensor, _, _), old in zip(changed, before, strict=True):
                tensor.copy_(old)


def study(data: bytes, folder: Path, device: str, report: Callable[[int, int], None], cancelled: Cancelled) -> dict:
    """The removal damage of the network in a weights file, on at most :data:`MOST_IMAGES` of the images its accuracy was
    measured on: {"images", "accuracy", "removals": [[stage, node, source, degree, accuracy lost], ...]}.

    Raises ConfigError for a file that is no RandWire network, and where the images in ``folder`` are other ones.
    """
    tensors, meta = weights.unpack(data)
    cells = read_cells(meta["cells"])
    if {cell.family for cell in cells} != {FAMILY}:
        raise ConfigError("Only RandWire networks have nodes that can be removed.", "cells")
    info = read_info(folder)
    protocol = meta["protocol"]
    if info.fingerprint != protocol["dataset_fingerprint"]:
        raise ConfigError("The images on this machine are not those the network was measured on.", "data.dataset")
    pixels, labels = read_split(folder, "train")
    _, chosen = split_indices(labels, read(DataConfig, protocol["data"]))
    chosen = chosen[:: -(-len(chosen) // MOST_IMAGES)]  # evenly, for images may lie sorted by class
    where = open_device(device)
    images = DeviceImages(pixels[chosen], labels[chosen], info.mean, info.std, where)
    network = Network(meta["blueprint"], meta)
    network.load_state_dict(tensors)
    network.to(where, memory_format=memory_format(where))
    whole, found = removal_damage(network, cells, images, report, cancelled)
    rows = [[one.stage, one.node, one.source, one.degree, round(lost, 6)] for one, lost in found]
    return {"images": len(images), "accuracy": whole, "removals": rows}
