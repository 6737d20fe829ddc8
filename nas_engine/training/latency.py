"""How long the network takes for one image, or for a batch."""

import contextlib
import copy
import statistics
import time
from collections.abc import Iterator

import torch
from torch import nn

from nas_engine.latency import LatencyConfig
from nas_engine.training.accuracy import exact_float32
from nas_engine.training.devices import describe_device, memory_format

_LEAST_RUNS = 10
_SECONDS = 0.25


def measure_latency(
    model: nn.Module,
    image_shape: tuple[int, int, int],
    device: torch.device,
    config: LatencyConfig | None = None,
    layout: torch.memory_format = torch.contiguous_format,
) -> dict:
    """{"median", "p95"} in seconds for one batch, "runs", and the way it was measured: "batch", "threads", "precision",
    "warm_up" and "device", as :func:`nas_engine.training.devices.describe_device` says it.

    Evaluation mode. After the warm-up the network runs for about a quarter of a second, between 10 times and as often as
    ``config`` allows. On another device than the model's a copy is measured. ``layout`` is how the batch lies in memory.
    """
    config = config or LatencyConfig()
    where = torch.device("cpu") if config.latency_device == "cpu" else device
    if where != device:
        model = copy.deepcopy(model).to(where, memory_format=memory_format(where))
    training = model.training
    model.eval()
    images = torch.zeros(config.latency_batch, *image_shape, device=where).contiguous(memory_format=layout)
    try:
        with limited_threads(config.latency_threads), torch.inference_mode(), number_format(config, where):
            return summary(_times(model, images, where, config), config, where)
    finally:
        model.train(training)


def summary(times: list[float], config: LatencyConfig, device: torch.device) -> dict:
    """What :func:`measure_latency` says of these times, with as many threads as are set now."""
    ordered, about = sorted(times), describe_device(device)
    return {
        "median": statistics.median(ordered),
        "p95": ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))],
        "runs": len(ordered),
        "batch": config.latency_batch,
        "threads": about["threads"],
        "precision": config.latency_precision,
        "warm_up": config.latency_warm_up,
        "device": {"kind": about["kind"], "name": about["name"]},
    }


def _times(model: nn.Module, images: torch.Tensor, device: torch.device, config: LatencyConfig) -> list[float]:
    for _ in range(config.latency_warm_up):
        timed(model, images, device)
    times: list[float] = []
    least = min(_LEAST_RUNS, config.latency_runs)
    while len(times) < least or (sum(times) < _SECONDS and len(times) < config.latency_runs):
        times.append(timed(model, images, device))
    return times


@contextlib.contextmanager
def limited_threads(number: int) -> Iterator[None]:
    """So many threads of the processor; 0 leaves them as they are."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def number_format(config: LatencyConfig, device: torch.device) -> contextlib.AbstractContextManager:
    if config.latency_precision == "bfloat16":
        return torch.autocast(device.type, torch.bfloat16)
    return exact_float32(device)


def timed(model: nn.Module, images: torch.Tensor, device: torch.device) -> float:
    """Seconds of one run, to its end on the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    model(images)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start
