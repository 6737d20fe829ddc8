"""How long the network takes for one image."""

import statistics
import time

import torch
from torch import nn

from nas_engine.training.accuracy import exact_float32

_WARM_UPS = 3
_LEAST_RUNS, _MOST_RUNS = 10, 100
_SECONDS = 0.25


def measure_latency(model: nn.Module, image_shape: tuple[int, int, int], device: torch.device) -> dict:
    """{"median", "p95"} in seconds, and "runs": one image at a time, evaluation mode, float32, the process's threads.

    After a warm-up the network runs for about a quarter of a second, between 10 and 100 times.
    """
    training = model.training
    model.eval()
    image = torch.zeros(1, *image_shape, device=device)
    times: list[float] = []
    try:
        with torch.inference_mode(), exact_float32(device):
            for _ in range(_WARM_UPS):
                _timed(model, image, device)
            while len(times) < _LEAST_RUNS or (sum(times) < _SECONDS and len(times) < _MOST_RUNS):
                times.append(_timed(model, image, device))
    finally:
        model.train(training)
    ordered = sorted(times)
    return {
        "median": statistics.median(ordered),
        "p95": ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))],
        "runs": len(ordered),
    }


def _timed(model: nn.Module, image: torch.Tensor, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    model(image)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start
