"""What a weight-sharing search will cost, from a few steps of the search itself."""

import time
from dataclasses import replace
from pathlib import Path

import torch

from nas_engine.evaluators.supernet.config import CONTROLLED, DIFFERENTIABLE, SupernetConfig
from nas_engine.evaluators.supernet.records import Estimate, Progress
from nas_engine.evaluators.supernet.search import SupernetSearch
from nas_engine.protocol import DataConfig, SkeletonConfig
from nas_engine.training.devices import describe_device
from nas_engine.training.memory import forget_peak, free_memory, out_of_memory, peak_memory
from nas_engine.training.progress import Cancelled

_STEPS = 4  # of each phase; the first warms up
_PROBE = 8  # images in the pass that counts what a backward pass keeps
_PARTIAL = 4
# A backward pass holds gradients of its activations beside those kept; libraries hold workspaces.
_MARGIN = 1.25
_SMALLEST = 16


def estimate_search(
    config: SupernetConfig,
    skeleton: SkeletonConfig,
    data: DataConfig,
    dataset_folder: Path,
    device: str,
    cancelled: Cancelled = lambda: False,
) -> Estimate:
    """Seconds an epoch and in all, and peak memory in bytes, of a search with these settings on ``device``.

    Memory is counted on a few images first; only what fits is timed. Where it does not fit, or runs out of memory after
    all, the estimate says what to change. Raises ConfigError as the search would, SearchCancelled.
    """
    short = replace(
        config,
        derive_samples=min(config.derive_samples, _STEPS),
        controller=replace(config.controller, updates=1, samples=min(config.controller.samples, _STEPS)),
    )
    search = SupernetSearch(short, skeleton, data, dataset_folder, device, 0)
    state, activations = _memory(search)
    room = free_memory(search.device)
    batch = search.session.batch_size
    memory = int(state + _MARGIN * activations * batch)
    seconds, measured = 0.0, None
    if memory <= room:
        try:
            seconds, measured = _seconds(search, config, cancelled)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            memory = max(memory, room + 1)
    memory = max(memory, measured or 0)
    fits = seconds > 0
    advice, message = ({}, "") if fits else _advice(config, state, activations, room)
    plan = search.session.net.plan
    return Estimate(
        seconds, seconds * config.weights.epochs, memory, room, fits, describe_device(search.device),
        plan.params, plan.macs, advice, message,
    )  # fmt: skip


def _memory(search: SupernetSearch) -> tuple[int, float]:
    """(bytes that stay, bytes that a backward pass keeps for one image)."""
    session, kept = search.session, {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    state = 3 * 4 * session.sgd.weights.numel() + session.train.pixels.numel() + session.valid.pixels.numel()
    with session.open(1, lambda progress: None, lambda: False):
        count = min(_PROBE, len(session.train))
        images, labels = session.augment_train.batch(torch.arange(count, device=session.device))
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss, _ = session.loss(search.method.probe(), images, labels)
    del loss
    own = {parameter.untyped_storage().data_ptr() for parameter in session.net.parameters()}
    activations = sum(size for pointer, size in kept.items() if pointer not in own)
    return state, activations / count


def _seconds(search: SupernetSearch, config: SupernetConfig, cancelled: Cancelled) -> tuple[float, int]:
    """(seconds an epoch, peak bytes on a GPU) from a shortened epoch: a few steps of every phase."""
    session, marks = search.session, {}
    batches = session.batches
    session.batches = min(batches, _STEPS)
    search.epoch = min(config.alphas.frozen_epochs, config.weights.epochs - 1)  # the alphas learn, and cost
    forget_peak(session.device)

    def report(progress: Progress) -> None:
        if session.device.type == "cuda":
            torch.cuda.synchronize(session.device)
        marks.setdefault(progress.phase, []).append(time.perf_counter())

    search.run_epoch(report, cancelled)
    ended = time.perf_counter()
    # A phase ends where the next begins.
    starts = sorted([*(times[0] for times in marks.values()), ended])
    total = 0.0
    for phase, times in marks.items():
        edges = [*times, min(one for one in starts if one > times[-1])]
        laps = sorted(after - before for before, after in zip(edges, edges[1:], strict=False))
        total += laps[(len(laps) - 1) // 2] * _steps(phase, config, batches)
    # On a processor the peak is the whole process's, libraries and all; what was counted says more.
    peak = peak_memory(session.device) if session.device.type == "cuda" else 0
    return total, peak


def _steps(phase: str, config: SupernetConfig, batches: int) -> int:
    if phase == "weights":
        return batches
    return config.controller.updates * config.controller.samples if phase == "controller" else config.derive_samples


def _advice(config: SupernetConfig, state: int, activations: float, room: int) -> tuple[dict, str]:
    """What to change so that it fits, under dotted fields, and a sentence."""
    fitting = int((room - state) / (_MARGIN * activations)) if room > state else 0
    batch = 1 << max(0, fitting.bit_length() - 1)
    if batch >= _SMALLEST and batch < config.weights.batch_size:
        return {"weights.batch_size": batch}, f"It does not fit: take batches of {batch} images."
    if config.method in DIFFERENTIABLE and config.method != "pc-darts":
        advice = {"method": "pc-darts", "alphas.partial_channels": _PARTIAL, "alphas.edge_weights": True}
        return advice, "It does not fit: mix one channel in four (PC-DARTS), or take fewer filters or cells."
    layers = "layers" if config.method in CONTROLLED else "cells"
    return {}, f"It does not fit on this device: take fewer filters or {layers}, or a device with more memory."
