"""What a full training will cost, seen from a few steps of it."""

import time
from pathlib import Path

import torch

from nas_engine.errors import SearchCancelled
from nas_engine.full_training import FullTrainingConfig
from nas_engine.graph_cell import AnyCell
from nas_engine.training import distributed
from nas_engine.training.accuracy import accuracies
from nas_engine.training.devices import describe_device, open_device
from nas_engine.training.full_images import FullImages
from nas_engine.training.full_job import FullJob, settle
from nas_engine.training.full_trainer import FullTrainer, Share
from nas_engine.training.kernels import processor_kernels
from nas_engine.training.memory import forget_peak, peak_memory
from nas_engine.training.micro_batch import lowering_batch
from nas_engine.training.outcome import CostEstimate
from nas_engine.training.progress import Cancelled
from nas_engine.training.randomness import seeded

# Steps are timed until there are enough of them, or enough seconds went by.
_STEPS, _SECONDS = 8, 10.0
_MEASURED_IMAGES = 512


def estimate_cost(
    cells: tuple[AnyCell, ...], config: FullTrainingConfig, dataset_folder: Path, device: str, cancelled: Cancelled
) -> CostEstimate:
    """Time a few steps of the training itself, on its images. Raises what :func:`train_fully` raises.

    Of several devices one is timed, as if they worked without waiting for each other.
    """
    opened = open_device(device)
    job = settle(cells, config, dataset_folder, config.seed, opened)
    world = distributed.world_size(job.config, opened)
    notes: list[str] = []

    def attempt(micro_batch: int) -> CostEstimate:
        with seeded(job.seed, opened):
            return _estimate(job, opened, world, micro_batch, cancelled, notes)

    asked = -(-(job.config.hardware.micro_batch or job.config.optimizer.batch_size) // world)
    first = job.first_micro_batch(opened, world)
    if first < min(asked, -(-job.config.optimizer.batch_size // world)):
        notes.append(f"Main memory holds {first} images at once.")
    return lowering_batch(attempt, first, opened, notes.append)


def _estimate(
    job: FullJob, device: torch.device, world: int, micro_batch: int, cancelled: Cancelled, notes: list[str]
) -> CostEstimate:
    forget_peak(device)
    images, valid = job.images(device)
    trainer = job.trainer(
        images, device, micro_batch, job.precision(device, micro_batch), Share(), cancelled, lambda report: None
    )
    seconds = _seconds_per_image(trainer, cancelled)
    peak = peak_memory(device)
    looking = _seconds_per_measured_image(trainer, images, cancelled)
    of_a_step = trainer.batch_size // world * world
    epoch = seconds * trainer.batches * of_a_step / world + looking * (len(valid) if valid is not None else 0)
    if world > 1:
        notes.append(f"{world} devices, reckoned from one.")
    return CostEstimate(
        seconds_per_epoch=epoch,
        seconds=epoch * job.config.schedule.epochs + looking * job.info.test_images,
        peak_memory=peak,
        images_per_second=world / seconds,
        batch=micro_batch,
        steps_per_epoch=trainer.batches,
        params=job.kept_blueprint.params,
        macs=job.kept_blueprint.macs,
        aux_params=job.blueprint.aux_params,
        device=describe_device(device),
        config=job.config,
        notes=tuple(notes),
    )


def _seconds_per_image(trainer: FullTrainer, cancelled: Cancelled) -> float:
    """Of training, updates included. Batches too large to be computed at once are timed by one of their parts."""
    size = min(trainer.batch_size, trainer.micro_batch)
    trainer.model.train()
    trainer.begin(1)
    order = trainer.some(size)
    times: list[float] = []
    started = time.perf_counter()
    with processor_kernels(trainer.model, trainer.device):
        while len(times) < 2 or (len(times) < _STEPS + 1 and time.perf_counter() - started < _SECONDS):
            if cancelled():
                raise SearchCancelled
            begun = time.perf_counter()
            trainer.step(len(times) % trainer.batches, order)
            _wait(trainer.device)
            times.append(time.perf_counter() - begun)
    steady = sorted(times[1:])
    return steady[len(steady) // 2] / size


def _seconds_per_measured_image(trainer: FullTrainer, images: FullImages, cancelled: Cancelled) -> float:
    some = images.first(_MEASURED_IMAGES)
    begun = time.perf_counter()
    accuracies(trainer.model, some, cancelled)
    return (time.perf_counter() - begun) / len(some)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
