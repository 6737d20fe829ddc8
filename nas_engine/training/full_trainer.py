"""The training loop with what long trainings add: schedules, auxiliary loss, parts of batches, averages, several GPUs."""

import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas_engine.full_training import FullTrainingConfig
from nas_engine.full_training.schedule import drop_path_rate, rates
from nas_engine.protocol import TrainingConfig
from nas_engine.training.full_augmentation import FullAugmentation
from nas_engine.training.full_images import FullImages
from nas_engine.training.loop import Trainer
from nas_engine.training.progress import BatchReport, Cancelled, Progress
from nas_engine.training.sgd import FlatRMSProp, FlatSGD
from nas_engine.training.weight_average import WeightAverage

_TELL_SECONDS = 2.0


@dataclass(frozen=True)
class Share:
    """Which part of every batch this process computes: the part numbered ``rank`` of ``world``."""

    rank: int = 0
    world: int = 1


class FullTrainer(Trainer):
    """Trains ``model`` epoch by epoch.

    What is random in an epoch starts anew from (seed, epoch, rank) when it begins: a training resumed from its last epoch
    needs no generator's state to go on as if it had never stopped. With ``share`` the process group must exist, and the
    gradients of all its processes are averaged by DistributedDataParallel.
    """

    def __init__(
        self,
        model: nn.Module,
        images: FullImages,
        config: FullTrainingConfig,
        seed: int,
        micro_batch: int,
        cancelled: Cancelled,
        progress: Progress,
        precision: str,
        share: Share = Share(),
    ):
        self.full, self.seed, self.share = config, seed, share
        self.micro_batch, self.progress = micro_batch, progress
        self.augmenting = torch.Generator()
        super().__init__(model, images, _basic(config, seed, precision), cancelled)
        self.batch_size = max(2, self.batch_size // share.world)
        self.rates = rates(config, self.batches)
        self.average = None
        if config.optimizer.average:
            self.average = WeightAverage(model, self.sgd, config.optimizer.average)
        self.forward = _Outputs(model, bool(config.regularisation.aux_weight))
        if share.world > 1:
            from torch.nn.parallel import DistributedDataParallel

            devices = [self.device] if self.device.type == "cuda" else None
            self.forward = DistributedDataParallel(self.forward, device_ids=devices)

    @property
    def steps(self) -> int:
        """Of the whole training."""
        return self.batches * self.config.epochs

    def epoch(self, epoch: int):
        """One pass over this process's share of the images in the epoch's order."""
        self.begin(epoch)
        return super().epoch(epoch)

    def begin(self, epoch: int) -> None:
        """Set the generators to where they stand when this epoch begins."""
        start = (self.seed * 1_000_003 + epoch) * 4099
        self.generator.manual_seed(start)
        self.augmenting.manual_seed(start + 1 + self.share.rank)
        torch.manual_seed(start + 2049 + self.share.rank)
        self.epoch_number, self.loss_sum = epoch, torch.zeros((), device=self.device)
        self.started = self.told = time.perf_counter()

    def step(self, step: int, indices: Tensor) -> None:
        """One update from the images at ``indices`` alone."""
        self._step(step, *self.augmentation.batch(indices))

    def some(self, count: int) -> Tensor:
        """Any ``count`` images, as :meth:`step` takes them."""
        order = torch.randperm(len(self.images), generator=self.generator)[:count]
        return order.to(self.device) if self.images.resident else order

    def state(self) -> dict[str, Tensor]:
        """All tensors a later process needs to go on from the end of this epoch."""
        parts = {"model": self.model.state_dict(), "optimizer": self.sgd.state()}
        if self.average:
            parts["average"] = self.average.state()
        return {f"{part}.{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Inverse of :meth:`state`."""
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}, "average": {}}
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = tensor
        self.model.load_state_dict(parts["model"])
        self.sgd.load_state(parts["optimizer"])
        if self.average:
            self.average.load_state(parts["average"])

    # The steps of the loop that differ

    def _order(self) -> Tensor:
        """Every process draws the same order and takes its part of each batch."""
        order = torch.randperm(len(self.images), generator=self.generator)
        whole = self.batch_size * self.share.world
        order = order[: self.batches * whole].view(self.batches, self.share.world, self.batch_size)
        order = order[:, self.share.rank].reshape(-1)
        self.images.expect(order.split(self.batch_size))
        return order.to(self.device) if self.images.resident else order

    def _augmentation(self) -> FullAugmentation:
        return FullAugmentation(self.images, self.full.augmentation, self.augmenting)

    def _optimizer(self) -> FlatSGD:
        chosen = self.full.optimizer
        common = (self.model, chosen.momentum, chosen.weight_decay, chosen.clip)
        if chosen.kind == "rmsprop":
            return FlatRMSProp(*common, chosen.square_decay, chosen.eps, chosen.decay_norms)
        return FlatSGD(*common, chosen.nesterov, chosen.decay_norms)

    def learning_rate(self, step: int) -> float:
        return self.rates(step)

    def drop_path_rate(self, step: int) -> float:
        return drop_path_rate(self.full, step, self.steps)

    def _step(self, step: int, batch: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        done = super()._step(step, batch, labels)
        if self.average:
            self.average.update(step + 1)
        self._tell(step, done[0])
        return done

    def _gradient(self, batch: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The batch in parts of at most ``micro_batch`` images, whose gradients add up to the batch's."""
        # Batch norm wants two images: an odd batch in twos ends in three.
        count = max(1, min(-(-len(batch) // self.micro_batch), len(batch) // 2))
        total, logits = torch.zeros((), device=self.device), []
        parts = list(zip(batch.tensor_split(count), labels.tensor_split(count), strict=True))
        for number, (images, names) in enumerate(parts, start=1):
            loss, outputs = self._part(images, names, len(images) / len(batch), last=number == count)
            total += loss
            logits.append(outputs)
        return total, torch.cat(logits)

    def _part(self, images: Tensor, labels: Tensor, share: float, last: bool) -> tuple[Tensor, Tensor]:
        """Leaves a part's gradient; returns its share of the loss, without the auxiliary one, and its logits."""
        if self.share.world > 1:
            self.forward.require_backward_grad_sync = last  # what DistributedDataParallel.no_sync sets
        with self._autocast():
            logits, aux = self.forward(images)
        loss = self._loss(logits, labels)
        whole = loss if aux is None else loss + self.full.regularisation.aux_weight * self._loss(aux, labels)
        (whole * share).backward()
        return loss.detach() * share, logits.detach()

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits.float(), labels, label_smoothing=self.config.label_smoothing)

    def _tell(self, step: int, loss: Tensor) -> None:
        self.loss_sum += loss
        now = time.perf_counter()
        done = step % self.batches + 1
        if now - self.told < _TELL_SECONDS and done < self.batches:
            return
        self.told = now
        images = done * self.batch_size * self.share.world
        self.progress(
            BatchReport(
                epoch=self.epoch_number,
                epochs=self.config.epochs,
                batch=done,
                batches=self.batches,
                train_loss=float(self.loss_sum) / done,
                learning_rate=self.learning_rate(step),
                images_per_second=images / (now - self.started),
            )
        )


class _Outputs(nn.Module):
    """A network's logits, and those of its auxiliary head or None."""

    def __init__(self, model: nn.Module, aux: bool):
        super().__init__()
        self.model, self.aux = model, aux

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.model.forward_with_aux(x) if self.aux else (self.model(x), None)


def _basic(config: FullTrainingConfig, seed: int, precision: str) -> TrainingConfig:
    """What the loop itself reads."""
    return TrainingConfig(
        epochs=config.schedule.epochs,
        batch_size=config.optimizer.batch_size,
        learning_rate=config.optimizer.learning_rate,
        clip=config.optimizer.clip,
        drop_path=config.regularisation.drop_path,
        label_smoothing=config.regularisation.label_smoothing,
        precision=precision,
        seed=seed,
    )
