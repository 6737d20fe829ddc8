"""One full training, settled: what every process that takes part in it must agree on."""

import hashlib
import json
import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from nas_engine.blueprint import Blueprint, build_blueprint
from nas_engine.config import as_dict
from nas_engine.datasets import DatasetInfo, read_info, read_split, split_indices
from nas_engine.datasets.splits import stratified_parts
from nas_engine.errors import ConfigError
from nas_engine.full_training import FullTrainingConfig, fitted, read_full_training
from nas_engine.full_training.fit import shape_seen
from nas_engine.graph_cell import AnyCell, read_cells
from nas_engine.networks import build
from nas_engine.protocol import DataConfig
from nas_engine.training.devices import autocast_dtype, memory_format
from nas_engine.training.full_images import FullImages
from nas_engine.training.full_trainer import FullTrainer, Share
from nas_engine.training.latency import measure_latency
from nas_engine.training.micro_batch import SMALLEST_BATCH, batch_that_fits
from nas_engine.training.progress import Cancelled, Progress


@dataclass(frozen=True)
class FullJob:
    """``config`` has N and F settled. Equal jobs give equal weights, on one processor with as many threads bit for bit."""

    cells: tuple[AnyCell, ...]
    config: FullTrainingConfig
    folder: Path
    seed: int

    @cached_property
    def info(self) -> DatasetInfo:
        return read_info(self.folder)

    @cached_property
    def blueprint(self) -> Blueprint:
        """What is trained, with the auxiliary head where there is an auxiliary loss."""
        return self._blueprint(aux=bool(self.config.regularisation.aux_weight))

    @cached_property
    def kept_blueprint(self) -> Blueprint:
        """What is left when the training is done: without the auxiliary head."""
        return self._blueprint(aux=False)

    def _blueprint(self, aux: bool) -> Blueprint:
        shape, classes = shape_seen(self.config, self.info.image_shape), len(self.info.classes)
        return build_blueprint(self.cells, self.config.skeleton, shape, classes, aux=aux)

    @property
    def protocol(self) -> str:
        return self.config.fingerprint(self.info.fingerprint)

    @property
    def identity(self) -> str:
        """What a checkpoint must name to belong to this training."""
        about = [[cell.as_json() for cell in self.cells], self.config.protocol(self.info.fingerprint), self.seed]
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:24]

    def model(self, device: torch.device) -> torch.nn.Module:
        """The network with the weights torch's generator draws."""
        return build(self.blueprint).to(device, memory_format=memory_format(device))

    def trainer(
        self, images: FullImages, device: torch.device, micro_batch: int, precision: str, share: Share,
        cancelled: Cancelled, progress: Progress,
    ) -> FullTrainer:  # fmt: skip
        """This process's trainer, at the start of the training."""
        model = self.model(device)
        return FullTrainer(model, images, self.config, self.seed, micro_batch, cancelled, progress, precision, share)

    def images(self, device: torch.device) -> tuple[FullImages, FullImages | None]:
        """(train, valid); valid is None where nothing is held out."""
        stored, labels = read_split(self.folder, "train")
        train_at, valid_at = _parts(labels, self.config)
        made = [self._images(stored, at, labels[at], device) if len(at) else None for at in (train_at, valid_at)]
        return made[0], made[1]

    def test_images(self, device: torch.device) -> FullImages:
        """Read once, at the end."""
        stored, labels = read_split(self.folder, "test")
        return self._images(stored, np.arange(len(labels)), labels, device)

    def _images(self, stored: np.ndarray, at: np.ndarray, labels: np.ndarray, device: torch.device) -> FullImages:
        size = shape_seen(self.config, self.info.image_shape)[1:]
        statistics = (self.info.mean, self.info.std)
        return FullImages(stored, at, labels, statistics, device, size, self.config.data.central_crop)

    def first_micro_batch(self, device: torch.device, world: int) -> int:
        """How many images a device computes at once, as asked for and as main memory allows."""
        whole = -(-self.config.optimizer.batch_size // world)
        asked = min(whole, self.config.hardware.micro_batch or whole)
        return batch_that_fits(self.blueprint, max(SMALLEST_BATCH, asked), device)

    def precision(self, device: torch.device, micro_batch: int) -> str:
        """ "bfloat16" or "float32", for batches of ``micro_batch`` images."""
        pixels = micro_batch * math.prod(self.blueprint.image_shape[1:])
        half = autocast_dtype(self.config.hardware.precision, device, pixels)
        return "float32" if half is None else "bfloat16"

    def as_json(self) -> dict:
        return {
            "cells": [cell.as_json() for cell in self.cells],
            "config": as_dict(self.config),
            "folder": str(self.folder),
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, data: dict) -> "FullJob":
        cells = read_cells(data["cells"])
        return cls(cells, read_full_training(data["config"]), Path(data["folder"]), data["seed"])


def settle(
    cells: tuple[AnyCell, ...], config: FullTrainingConfig, folder: Path, seed: int, device: torch.device
) -> FullJob:
    """The job, with N and F chosen where they were to be fitted; milliseconds are measured on ``device``.

    Raises ConfigError where the images are not there or the network cannot be built for them.
    """
    info = read_info(folder)

    def latency(blueprint: Blueprint) -> float:
        network = build(blueprint).to(device, memory_format=memory_format(device))
        return measure_latency(network, blueprint.image_shape, device)["median"]

    config = fitted(config, cells, info.image_shape, len(info.classes), latency)
    job = FullJob(tuple(cells), replace(config, name="", seeds=1, seed=seed), Path(folder), seed)
    if not info.test_images:
        raise ConfigError(f"{info.title} has no test images. Add it again with a test part.", "data.dataset")
    if job.blueprint.classes < 2:
        raise ConfigError(f"{info.title} has a single class.", "data.dataset")
    return job


def _parts(labels: np.ndarray, config: FullTrainingConfig) -> tuple[np.ndarray, np.ndarray]:
    """Positions of train and valid among the stored train images."""
    data = config.data
    if data.valid_fraction:
        return split_indices(labels, DataConfig(data.dataset, data.valid_fraction, data.split_seed, data.train_limit))
    if 0 < data.train_limit < len(labels):
        rng = np.random.RandomState(data.split_seed)
        kept, _ = stratified_parts(labels, data.train_limit, rng, least=1, leave=0)
        return kept, kept[:0]
    return np.arange(len(labels)), np.arange(0)
