"""Full training: any cell at full size and length, resumable, tested once at the end."""

import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from nas_engine.errors import ConfigError
from nas_engine.full_training import FullTrainingConfig
from nas_engine.graph_cell import AnyCell
from nas_engine.networks import build, weights_of
from nas_engine.training import distributed
from nas_engine.training.accuracy import accuracies, accuracy
from nas_engine.training.checkpoint import Checkpoint, CheckpointFile
from nas_engine.training.clock import Clock
from nas_engine.training.cost import estimate_cost
from nas_engine.training.devices import describe_device, memory_format, open_device
from nas_engine.training.full_job import FullJob, settle
from nas_engine.training.full_trainer import FullTrainer
from nas_engine.training.latency import measure_latency
from nas_engine.training.memory import forget_peak, peak_memory
from nas_engine.training.micro_batch import SMALLEST_BATCH, lowering_batch
from nas_engine.training.outcome import FullOutcome
from nas_engine.training.progress import Cancelled, FullEpochReport, FullReport, Log, Progress
from nas_engine.training.randomness import seeded

__all__ = ["estimate_cost", "train_fully"]


def train_fully(
    cells: tuple[AnyCell, ...],
    config: FullTrainingConfig,
    dataset_folder: Path,
    device: str,
    seed: int,
    checkpoint_path: Path,
    report: FullReport,
    cancelled: Cancelled,
    log: Log,
    progress: Progress = lambda report: None,
) -> FullOutcome:
    """Train ``cells`` as ``config`` says from ``seed``, going on from the checkpoint if there is one, and test once.

    ``device`` is "cpu", "cuda", "cuda:1" or "auto". After every epoch a checkpoint is stored at ``checkpoint_path`` (a
    file; its folder must exist, and its predecessor stays beside it), then ``report`` is called; epochs that a resumed
    training finds done are not reported again, they are in the outcome's curve. ``cancelled`` is asked at every batch,
    ``progress`` is told every few seconds, ``log`` gets a sentence where something is decided by itself.
    Raises ConfigError (device, data set, or a checkpoint of something else), EvaluationFailed (diverged; out of memory
    with two images; disk full) and SearchCancelled. The checkpoint stays in all these cases, and when the training is
    done: the caller deletes it (``CheckpointFile(path).delete()``).
    """
    opened = open_device(device)
    job = settle(cells, config, dataset_folder, seed, opened)
    world = distributed.world_size(job.config, opened)
    if job.config.optimizer.batch_size < SMALLEST_BATCH * world:
        raise ConfigError(f"Take {SMALLEST_BATCH * world} or more, for {world} devices.", "optimizer.batch_size")
    checkpoints = CheckpointFile(checkpoint_path)
    listeners = _Listeners(report, cancelled, log, progress)

    def attempt(micro_batch: int) -> FullOutcome:
        found = checkpoints.read(job.identity, log)
        with seeded(seed, opened):
            return _Run(job, opened, world, checkpoints, found, micro_batch, listeners).outcome()

    found = checkpoints.read(job.identity, log)
    first = found.facts["batch"] if found else job.first_micro_batch(opened, world)
    del found
    _tell_batch(job, first, world, log)
    return lowering_batch(attempt, first, opened, log)


@dataclass(frozen=True)
class _Listeners:
    report: FullReport
    cancelled: Cancelled
    log: Log
    progress: Progress


def _tell_batch(job: FullJob, micro_batch: int, world: int, log: Log) -> None:
    asked = job.config.hardware.micro_batch or job.config.optimizer.batch_size
    if micro_batch * world < asked and micro_batch < asked:
        log(
            f"Main memory holds {micro_batch} images at once; the batch of a step stays {job.config.optimizer.batch_size}."
        )


class _Run:
    """One process's attempt at a training, from its checkpoint to its end."""

    def __init__(
        self,
        job: FullJob,
        device: torch.device,
        world: int,
        checkpoints: CheckpointFile,
        found: Checkpoint | None,
        micro_batch: int,
        listeners: _Listeners,
    ):
        self.job, self.device, self.world, self.micro_batch = job, device, world, micro_batch
        self.checkpoints, self.found, self.listeners = checkpoints, found, listeners
        self.precision = found.facts["precision"] if found else job.precision(device, micro_batch)
        self.curve: list[dict] = list(found.facts["curve"]) if found else []
        self.resumed = len(self.curve)
        self.clock = Clock()

    def outcome(self) -> FullOutcome:
        """Train what is left to train, then test."""
        forget_peak(self.device)
        train_images, valid_images = self.job.images(self.device)
        self.clock.lap("data")
        with distributed.processes(self.job, self.device, self.world, self.facts(), self.checkpoints) as share:
            trainer = self.job.trainer(
                train_images, self.device, self.micro_batch, self.precision, share,
                self.listeners.cancelled, self.listeners.progress,
            )  # fmt: skip
            if self.found:
                trainer.load_state(self.found.tensors)
                self.listeners.log(f"Going on after epoch {self.resumed} of {self.job.config.schedule.epochs}.")
            self.found = None
            self.clock.lap("build")
            for epoch in range(self.resumed + 1, self.job.config.schedule.epochs + 1):
                self.epoch(epoch, trainer, valid_images)
        return self.tested(trainer)

    def facts(self) -> dict:
        return {
            "training": self.job.identity,
            "epoch": len(self.curve),
            "curve": self.curve,
            "batch": self.micro_batch,
            "precision": self.precision,
        }

    def epoch(self, number: int, trainer: FullTrainer, valid_images) -> None:
        started = time.perf_counter()
        totals = trainer.epoch(number)
        trained = time.perf_counter()
        self.clock.lap("train")
        valid = None
        if valid_images is not None:
            with _averaged(trainer):
                valid = accuracy(trainer.model, valid_images, self.listeners.cancelled)
            self.clock.lap("valid")
        row = FullEpochReport(
            epoch=number,
            epochs=self.job.config.schedule.epochs,
            train_loss=float(totals.loss) / totals.images,
            train_accuracy=int(totals.right) / totals.images,
            valid_accuracy=valid,
            seconds=time.perf_counter() - started,
            images_per_second=totals.images * self.world / (trained - started),
            learning_rate=trainer.learning_rate(number * trainer.batches - 1),
            memory=peak_memory(self.device),
            batch=self.micro_batch,
        )
        self.curve.append(asdict(row))
        self.checkpoints.write(Checkpoint(trainer.state(), self.facts()))
        self.clock.lap("checkpoint")
        self.listeners.report(row)

    def tested(self, trainer: FullTrainer) -> FullOutcome:
        job, info = self.job, self.job.info
        with _averaged(trainer):
            weights = weights_of(trainer.model)
        network = build(job.kept_blueprint)
        kept = {name: weights[name] for name in network.state_dict()}
        network.load_state_dict(kept)
        network.to(self.device, memory_format=memory_format(self.device))
        images = job.test_images(self.device)
        tops = (1, 5) if len(info.classes) > 5 else (1,)
        measured = accuracies(network, images, self.listeners.cancelled, tops, "test")
        self.clock.lap("test")
        latency = measure_latency(network, job.kept_blueprint.image_shape, self.device)
        self.clock.lap("latency")
        earlier = sum(row["seconds"] for row in self.curve[: self.resumed])
        return FullOutcome(
            test_accuracy=measured[0],
            test_top5=measured[1] if len(measured) > 1 else None,
            test_images=len(images),
            valid_accuracy=self.curve[-1]["valid_accuracy"],
            curve=self.curve,
            weights=kept,
            blueprint=job.kept_blueprint,
            config=job.config,
            protocol=job.protocol,
            seed=job.seed,
            classes=info.classes,
            normalisation={"mean": list(info.mean), "std": list(info.std)},
            timings={**self.clock.total(), "earlier": earlier},
            device=describe_device(self.device),
            devices=self.world,
            peak_memory=max(row["memory"] for row in self.curve),
            batch=self.micro_batch,
            precision=self.precision,
            latency=latency,
            stored_size=tuple(info.image_shape[1:]),
            aux_params=job.blueprint.aux_params,
            resumed=self.resumed,
        )


def _averaged(trainer: FullTrainer):
    return trainer.average.in_place() if trainer.average else nullcontext()
