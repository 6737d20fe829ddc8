"""How many images are computed at once: as many as asked for, or as memory holds."""

import gc
import math
from collections.abc import Callable

import torch

from nas_engine.blueprint import Blueprint
from nas_engine.errors import EvaluationFailed
from nas_engine.training.devices import describe_device
from nas_engine.training.memory import free_memory, out_of_memory
from nas_engine.training.progress import Log

# Batch norm needs two.
SMALLEST_BATCH = 2
# What a batch may take of the main memory that is free.
_SHARE = 0.8


def lowering_batch(attempt: Callable, micro_batch: int, device: torch.device, log: Log):
    """``attempt(micro_batch)``, with half as many images at once whenever memory runs out.

    Raises EvaluationFailed where it does so with the fewest.
    """
    while True:
        try:
            return attempt(micro_batch)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
        # Only past the except block is the traceback gone that keeps the network's tensors alive.
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
        where = describe_device(device)
        name = f"{where['name']} ({where['memory'] / 2**30:.0f} GB)"
        if micro_batch <= SMALLEST_BATCH:
            raise EvaluationFailed(
                f"Out of memory on {name} with {micro_batch} images at once", "Take fewer filters or smaller images"
            )
        lower = max(SMALLEST_BATCH, micro_batch // 2)
        log(
            f"Out of memory on {name} with {micro_batch} images at once; going on with {lower}. "
            "The batch of a step stays as it was."
        )
        micro_batch = lower


def batch_that_fits(blueprint: Blueprint, batch: int, device: torch.device) -> int:
    """``batch``, halved until its activations fit into main memory; 2 at least.

    On a GPU it is left alone: there an error tells. Where a system hands out more main memory than it has, the process is
    ended without one.
    """
    if device.type != "cpu":
        return batch
    kept = ("conv", "norm", "avg_pool", "max_pool", "add", "concat", "shift", "image")
    numbers = sum(math.prod(layer.shape) for layer in blueprint.layers if layer.kind in kept)
    while batch > SMALLEST_BATCH and 4 * numbers * batch > _SHARE * free_memory(device):
        batch = -(-batch // 2)
    return batch
