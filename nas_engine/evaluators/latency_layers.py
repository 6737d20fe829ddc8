"""Making a latency table: which layers the networks of a space consist of, and how long each takes by itself.

The table this gives is what :mod:`nas_engine.evaluators.latency_table` reads. Finding the layers is torch-free.
"""

import csv
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas_engine.blueprint import Blueprint, Layer
from nas_engine.blueprint.blueprint import Graph
from nas_engine.errors import ConfigError
from nas_engine.evaluators.latency_table import COUNTED, layer_key
from nas_engine.graph_cell import AnyCell
from nas_engine.latency import LatencyConfig
from nas_engine.search_spaces.base import SearchSpace

if TYPE_CHECKING:
    import torch

COLUMNS = ("key", "ms", "p95_ms", "runs", "batch", "threads", "precision", "device")
Draft = Callable[[tuple[AnyCell, ...]], Blueprint]


@dataclass(frozen=True)
class Layers:
    """``alone`` maps each layer's key to a network of that layer only; ``last_new`` is the sample, counted from 1, that
    brought the last new one; ``drafted`` of the samples are networks that can be built."""

    alone: dict[str, Blueprint]
    last_new: int
    drafted: int


def layers_of(space: SearchSpace, draft: Draft, samples: int, seed: int = 0) -> Layers:
    """The layers of ``samples`` random architectures. Raises ConfigError where none of them can be built."""
    alone: dict[str, Blueprint] = {}
    last_new, drafted, problem = 0, 0, None
    for number in range(1, samples + 1):
        try:
            blueprint = draft(sample_cells(space, number, seed))
        except ConfigError as error:
            problem = error
            continue
        drafted += 1
        found = {layer_key(layer, blueprint): layer for layer in blueprint.layers if layer.kind in COUNTED}
        new = found.keys() - alone.keys()
        alone |= {key: _by_itself(found[key], blueprint) for key in found if key in new}
        last_new = number if new else last_new
    if not drafted:
        raise problem or ConfigError("Sample one architecture at least.", "samples")
    return Layers(alone, last_new, drafted)


def sample_cells(space: SearchSpace, number: int, seed: int = 0) -> tuple[AnyCell, ...]:
    """The ``number``-th random architecture, counted from 1."""
    return space.cells(space.sample(random.Random(f"{seed}/latency/{number}")))


def knows(keys: Iterable[str], blueprint: Blueprint) -> bool:
    """Whether ``keys`` hold every layer of a network that a table must know."""
    return {layer_key(layer, blueprint) for layer in blueprint.layers if layer.kind in COUNTED} <= set(keys)


def measure_layer(alone: Blueprint, device: "torch.device", config: LatencyConfig) -> dict:
    """How long the layer takes, in the memory layout that networks have between their layers: see ``measure_latency``."""
    from nas_engine.networks import build
    from nas_engine.training.devices import memory_format
    from nas_engine.training.latency import measure_latency

    layout = memory_format(device)
    network = build(alone).to(device, memory_format=layout)
    return measure_latency(network, alone.image_shape, device, config, layout)


def write_table(file, measured: dict[str, dict]) -> None:
    """A CSV file of what ``measure_layer`` gave for each key; milliseconds for one batch."""
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    for key, about in sorted(measured.items()):
        times = (f"{about[name] * 1e3:.6g}" for name in ("median", "p95"))
        how = (about[name] for name in ("runs", "batch", "threads", "precision"))
        rows.writerow((key, *times, *how, about["device"]["name"]))


def _by_itself(layer: Layer, blueprint: Blueprint) -> Blueprint:
    shape = blueprint.layers[layer.inputs[0]].shape
    graph = Graph((Layer("image", "image", (), shape, {}), layer._replace(inputs=(0,))), 1, None, ())
    norm = blueprint.norm_eps, blueprint.norm_momentum
    return Blueprint(shape, layer.shape[0], 0, 0, 0, (), *norm, "torch", lambda: graph)
