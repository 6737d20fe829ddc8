"""The only training loop: data on the device, SGD with momentum, one cosine, and a way out at every batch."""

import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas_engine.errors import EvaluationFailed, SearchCancelled
from nas_engine.protocol import TrainingConfig
from nas_engine.training.accuracy import accuracy
from nas_engine.training.devices import autocast_dtype
from nas_engine.training.images import Augmentation, DeviceImages
from nas_engine.training.kernels import processor_kernels
from nas_engine.training.progress import Cancelled, EpochReport, Report
from nas_engine.training.sgd import FlatSGD

# Reading the loss makes the processor wait for a GPU, so there it is looked at less often.
LOOK_EVERY = {"cpu": 1, "cuda": 50}


@dataclass
class Totals:
    """Sums over an epoch, kept on the device; ``images`` is counted on the processor."""

    loss: Tensor
    right: Tensor
    images: int = 0

    @classmethod
    def zero(cls, device: torch.device) -> "Totals":
        return cls(torch.zeros((), device=device), torch.zeros((), dtype=torch.int64, device=device))

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        self.loss += loss.detach() * len(labels)
        self.right += (logits.detach().argmax(1) == labels).sum()
        self.images += len(labels)


def train(
    model: nn.Module,
    train_images: DeviceImages,
    valid_images: DeviceImages,
    config: TrainingConfig,
    report: Report,
    cancelled: Cancelled,
) -> list[EpochReport]:
    """Trains ``model`` in place and returns one report an epoch, each of which was also given to ``report``.

    The last ``valid_accuracy`` is that of the final weights, in float32. Batches, crops and flips are drawn from
    ``config.seed`` alone; on a processor with a given number of threads the weights come out the same, bit for bit.
    A batch has at most ``config.batch_size`` images: all batches are equal, and the few images left over sit an epoch
    out. Raises EvaluationFailed when the loss is no longer finite, SearchCancelled when ``cancelled()``, asked at every
    batch, says so.
    """
    trainer = trainer_for(model, train_images, config, cancelled)
    reports = []
    for epoch in range(1, config.epochs + 1):
        started = time.perf_counter()
        totals = trainer.epoch(epoch)
        trained = time.perf_counter()
        valid_accuracy = accuracy(model, valid_images, cancelled)
        ended = time.perf_counter()
        reports.append(
            EpochReport(
                epoch=epoch,
                epochs=config.epochs,
                train_loss=float(totals.loss) / totals.images,
                train_accuracy=int(totals.right) / totals.images,
                valid_accuracy=valid_accuracy,
                seconds=ended - started,
                images_per_second=totals.images / (trained - started),
                valid_seconds=ended - trained,
            )
        )
        report(reports[-1])
    return reports


def trainer_for(model: nn.Module, images: DeviceImages, config: TrainingConfig, cancelled: Cancelled) -> "Trainer":
    """The quickest trainer for the images' device."""
    from nas_engine.training.cuda_graph import GraphTrainer, graphs_wanted  # it stands on this module

    return (GraphTrainer if graphs_wanted(images.device) else Trainer)(model, images, config, cancelled)


class Trainer:
    """What stays the same from epoch to epoch. A full training overrides single steps of it (``full_trainer``)."""

    def __init__(self, model: nn.Module, images: DeviceImages, config: TrainingConfig, cancelled: Cancelled):
        self.model, self.images, self.config, self.cancelled = model, images, config, cancelled
        self.device = images.device
        self.generator = torch.Generator().manual_seed(config.seed)
        self.augmentation = self._augmentation()
        self.batches = -(-len(images) // config.batch_size)
        self.batch_size = len(images) // self.batches
        self.sgd = self._optimizer()
        self.dtype = autocast_dtype(config.precision, self.device, self.batch_size * math.prod(images.size))
        self.look_every = LOOK_EVERY.get(self.device.type, 1)

    def _order(self) -> Tensor:
        return torch.randperm(len(self.images), generator=self.generator).to(self.device)

    def _augmentation(self) -> Augmentation:
        return Augmentation(self.images, self.config, self.generator)

    def _optimizer(self) -> FlatSGD:
        return FlatSGD(self.model, self.config.momentum, self.config.weight_decay, self.config.clip)

    def learning_rate(self, step: int) -> float:
        """One cosine to 0 over all steps (Zoph et al. 2018, appendix A.7)."""
        return self.config.learning_rate * 0.5 * (1 + math.cos(math.pi * self._progress(step)))

    def drop_path_rate(self, step: int) -> float:
        """It rises linearly with the steps (Zoph et al. 2018, appendix A.4 and A.7)."""
        return self.config.drop_path * self._progress(step)

    def _progress(self, step: int) -> float:
        return step / (self.config.epochs * self.batches)

    def epoch(self, epoch: int) -> Totals:
        """One pass over the images in a new order."""
        self.model.train()
        totals = self._begin(epoch)
        with processor_kernels(self.model, self.device):
            for number in range(self.batches):
                if self.cancelled():
                    raise SearchCancelled
                self._advance(totals, epoch, number)
                if number % self.look_every == 0 or number == self.batches - 1:
                    self._check(float(totals.loss), epoch)
        return totals

    def _begin(self, epoch: int) -> Totals:
        self.order = self._order()
        return Totals.zero(self.device)

    def _advance(self, totals: Totals, epoch: int, number: int) -> None:
        """Train on the epoch's next batch."""
        chosen = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        step = (epoch - 1) * self.batches + number
        totals.add(*self._step(step, *self.augmentation.batch(chosen)))

    def _step(self, step: int, batch: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        loss, logits = self._update(batch, labels, self.learning_rate(step), self.drop_path_rate(step))
        return loss, logits, labels

    def _update(
        self, batch: Tensor, labels: Tensor, learning_rate: float | Tensor, drop_path: float | Tensor
    ) -> tuple[Tensor, Tensor]:
        """One update; returns loss and logits before it."""
        if self.config.drop_path:
            self.model.set_drop_path(drop_path)
        self.sgd.zero_grad()
        loss, logits = self._gradient(batch, labels)
        self.sgd.step(learning_rate)
        return loss, logits

    def _gradient(self, batch: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The batch's mean loss, whose gradient is left with the weights, and its logits."""
        with self._autocast():
            logits = self.model(batch)
        loss = F.cross_entropy(logits.float(), labels, label_smoothing=self.config.label_smoothing)
        loss.backward()
        return loss, logits

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.dtype or torch.bfloat16, enabled=self.dtype is not None)

    def _check(self, loss: float, epoch: int) -> None:
        check_loss(loss, epoch, self.config.clip)


def check_loss(loss: float, epoch: int, clip: float) -> None:
    """Raises EvaluationFailed unless ``loss`` is a finite number; ``clip`` 0 means that gradients are not clipped."""
    if math.isfinite(loss):
        return
    became = "NaN" if math.isnan(loss) else "infinite"
    raise EvaluationFailed(
        f"Loss became {became} at epoch {epoch}",
        "Lower the learning rate" if clip else "Lower the learning rate, or clip gradients if that is off",
    )
