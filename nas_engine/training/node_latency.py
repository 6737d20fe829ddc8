"""How long each node of a network takes, taken while the whole network runs."""

import copy
import statistics
import time
from collections import defaultdict

import torch

from nas_engine.blueprint import Blueprint
from nas_engine.errors import SearchCancelled
from nas_engine.latency import LatencyConfig
from nas_engine.networks import Network, build
from nas_engine.networks.wrapping import Layer, wrap_layers
from nas_engine.training.devices import memory_format
from nas_engine.training.latency import limited_threads, number_format, summary, timed
from nas_engine.training.progress import Cancelled

_SECONDS = 2.0
_LEAST_RUNS = 10


def measure_nodes(
    blueprint: Blueprint,
    device: torch.device,
    config: LatencyConfig | None = None,
    cancelled: Cancelled = lambda: False,
) -> dict:
    """What :func:`nas_engine.training.latency.measure_latency` says of the network left alone, and beside it "nodes": for
    each placement of the blueprint {node id: seconds}, under "" what belongs to no node (stem and head), and "together",
    the sum over all of them. Seconds are medians over the runs, for one batch.

    Every layer is timed as it runs between the others, with fresh weights, after the warm-up; on a GPU by its own clock.
    Runs that are looked into and runs left alone take turns, so that both see the same machine. Between layers time passes
    that no node is charged with, and reading the clock takes some, too, so that the sum differs from the whole. Work that
    several nodes share is charged to the first. Raises SearchCancelled between runs.
    """
    config = config or LatencyConfig()
    where = torch.device("cpu") if config.latency_device == "cpu" else device
    network = build(blueprint).to(where, memory_format=memory_format(where)).eval()
    alone, watch = copy.deepcopy(network), _Watch(where)
    wrap_layers(network, watch.wrap)
    with limited_threads(config.latency_threads), torch.inference_mode(), number_format(config, where):
        whole, runs = _runs(alone, network, blueprint, watch, config, cancelled)
        about = summary(whole, config, where)
    nodes = [
        {node: statistics.median(run[place, node] for run in runs) for node in found}
        for place, found in enumerate(_found(blueprint, runs[0]))
    ]
    together = sum(sum(place.values()) for place in nodes)
    return about | {"nodes": nodes, "together": together}


def _runs(
    alone: Network,
    watched: Network,
    blueprint: Blueprint,
    watch: "_Watch",
    config: LatencyConfig,
    cancelled: Cancelled,
) -> tuple[list[float], list[dict[tuple[int, str], float]]]:
    """For every pair of runs after the warm-up: seconds of the network left alone, and {(placement, node): seconds} of the
    one looked into."""
    images = torch.zeros(config.latency_batch, *blueprint.image_shape, device=watch.device)
    owners, whole, runs, started = _owners(blueprint), [], [], time.monotonic()
    for number in range(config.latency_warm_up + config.latency_runs):
        if cancelled():
            raise SearchCancelled
        if len(runs) >= _LEAST_RUNS and time.monotonic() - started > _SECONDS:
            break
        taken_alone = timed(alone, images, watch.device)
        watched(images)
        seconds = defaultdict(float)
        for index, taken in watch.read():
            seconds[owners[index]] += taken
        if number >= config.latency_warm_up:
            whole.append(taken_alone)
            runs.append(seconds)
    return whole, runs


def _found(blueprint: Blueprint, run: dict[tuple[int, str], float]) -> list[list[str]]:
    """For each placement the nodes something was timed of."""
    found: list[list[str]] = [[] for _ in blueprint.placements]
    for place, node in run:
        found[place].append(node)
    return found


def _owners(blueprint: Blueprint) -> list[tuple[int, str]]:
    """For every layer, the placement and the node of it that it belongs to, by its name: "cells.3.b1l.conv_1"."""
    places = {placed.name: place for place, placed in enumerate(blueprint.placements)}
    owners = []
    for layer in blueprint.layers:
        parts = layer.name.split(".")
        name = next((name for end in range(len(parts), 0, -1) if (name := ".".join(parts[:end])) in places), None)
        place = places.get(name, 0)
        node = parts[name.count(".") + 1] if name and len(parts) > name.count(".") + 1 else ""
        owners.append((place, node if node in blueprint.placements[place].nodes else ""))
    return owners


class _Watch:
    """Times each layer of a run: by events on a GPU, by the processor's clock elsewhere."""

    def __init__(self, device: torch.device):
        self.device, self.on_gpu = device, device.type == "cuda"
        self._taken: dict[int, float] = {}
        self._events: dict[int, tuple] = {}

    def wrap(self, index: int, run: Layer) -> Layer:
        return self._by_events(index, run) if self.on_gpu else self._by_clock(index, run)

    def _by_clock(self, index: int, run: Layer) -> Layer:
        def timed(*maps):
            started = time.perf_counter()
            result = run(*maps)
            self._taken[index] = time.perf_counter() - started
            return result

        return timed

    def _by_events(self, index: int, run: Layer) -> Layer:
        before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        self._events[index] = before, after

        def timed(*maps):
            before.record()
            result = run(*maps)
            after.record()
            return result

        return timed

    def read(self) -> list[tuple[int, float]]:
        """(layer, seconds) of the run that is over."""
        if not self.on_gpu:
            return list(self._taken.items())
        torch.cuda.synchronize(self.device)
        return [(index, before.elapsed_time(after) / 1e3) for index, (before, after) in self._events.items()]
