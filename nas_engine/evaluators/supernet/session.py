"""What all weight-sharing methods do alike: draw batches, train the shared weights, score a path."""

import contextlib
import hashlib
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas_engine.errors import SearchCancelled
from nas_engine.evaluators.supernet.config import SupernetConfig
from nas_engine.evaluators.supernet.records import Progress, Report
from nas_engine.training.devices import autocast_dtype
from nas_engine.training.images import Augmentation, DeviceImages
from nas_engine.training.kernels import processor_kernels
from nas_engine.training.loop import LOOK_EVERY, Totals, check_loss
from nas_engine.training.progress import Cancelled
from nas_engine.training.sgd import FlatSGD


def derived_seed(*parts) -> int:
    """A seed that depends on all of ``parts`` and nothing else."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest()[:8], "big") >> 1


class Session:
    """The supernet's weights, their optimiser, and the images of one epoch.

    Every random number of an epoch follows from (seed, epoch, what it is for). So a search that is resumed at the end of
    an epoch draws the same batches, crops, paths and noise as one that was never interrupted.
    """

    def __init__(self, config: SupernetConfig, net: nn.Module, train: DeviceImages, valid: DeviceImages, seed: int):
        self.config, self.net, self.train, self.valid, self.seed = config, net, train, valid, seed
        weights = config.weights
        self.device = train.device
        self.sgd = FlatSGD(net, weights.momentum, weights.weight_decay, weights.clip, weights.nesterov)
        # Finite differences of second order are below what bfloat16 resolves.
        exact = config.alphas.order == "second"
        self.dtype = autocast_dtype("float32" if exact else weights.precision, self.device)
        self.batches = max(1, -(-len(train) // weights.batch_size))
        self.batch_size = len(train) // self.batches
        self.valid_size = min(weights.batch_size, len(valid))
        self.epoch = 0
        self.report: Report = lambda progress: None
        self.cancelled: Cancelled = lambda: False

    @contextlib.contextmanager
    def open(self, epoch: int, report: Report, cancelled: Cancelled) -> Iterator[None]:
        """Everything inside belongs to ``epoch`` (from 1). Torch's global generators are seeded, and put back after."""
        self.epoch, self.report, self.cancelled = epoch, report, cancelled
        self.augment_train = Augmentation(self.train, self.config.weights, self.generator("crops"))
        self.augment_valid = Augmentation(self.valid, self.config.weights, self.generator("valid crops"))
        self.valid_order = self.generator("valid order")
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices), processor_kernels(self.net, self.device):
            torch.manual_seed(derived_seed(self.seed, epoch, "dropout"))
            self.net.train()
            yield

    def generator(self, purpose: str) -> torch.Generator:
        return torch.Generator().manual_seed(derived_seed(self.seed, self.epoch, purpose))

    def step_done(self, phase: str, step: int, steps: int) -> None:
        """Say how far it is. Raises SearchCancelled if that is wanted."""
        self.report(Progress(self.epoch, self.config.weights.epochs, phase, step, steps))
        if self.cancelled():
            raise SearchCancelled

    def learning_rate(self) -> float:
        """Of the weights in this epoch: it changes between epochs, as in the released code of DARTS and ENAS."""
        weights, at, period = self.config.weights, self.epoch - 1, self.config.weights.epochs
        if weights.schedule == "restarts":
            period = weights.first_period
            while at >= period:
                at, period = at - period, period * weights.period_factor
        span = weights.learning_rate - weights.final_learning_rate
        return weights.final_learning_rate + 0.5 * span * (1 + math.cos(math.pi * at / period))

    def train_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass over the train images in a new order: equal batches, the few left over sit it out."""
        order = torch.randperm(len(self.train), generator=self.generator("order")).to(self.device)
        for number in range(self.batches):
            self.step_done("weights", number, self.batches)
            yield self.augment_train.batch(order[number * self.batch_size : (number + 1) * self.batch_size])

    def valid_batch(self) -> tuple[Tensor, Tensor]:
        """A fresh random batch of valid images, augmented as those of train are."""
        order = torch.randperm(len(self.valid), generator=self.valid_order)[: self.valid_size]
        return self.augment_valid.batch(order.to(self.device))

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.dtype or torch.bfloat16, enabled=self.dtype is not None)

    def loss(self, forward: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy of a batch, and the logits."""
        with self.autocast():
            logits = forward(images)
        return F.cross_entropy(logits.float(), labels), logits

    def train_epoch(self, forward: Callable[[Tensor], Tensor], before: Callable | None = None) -> Totals:
        """Train the weights for one epoch. ``forward`` gives logits; ``before(images, labels)`` is called at each batch,
        ahead of its step, with the batch that the step will take."""
        totals = Totals.zero(self.device)
        look_every = LOOK_EVERY.get(self.device.type, 1)
        for number, (images, labels) in enumerate(self.train_batches()):
            if before:
                before(images, labels)
            self.sgd.zero_grad()
            loss, logits = self.loss(forward, images, labels)
            loss.backward()
            self.sgd.step(self.learning_rate())
            totals.add(loss, logits, labels)
            if number % look_every == 0 or number == self.batches - 1:
                check_loss(float(totals.loss), self.epoch, self.config.weights.clip)
        return totals

    @torch.no_grad()
    def score(self, forward: Callable[[Tensor], Tensor], batches: int) -> float:
        """The accuracy in [0, 1] over the first ``batches`` batches of a fixed order of the valid images, unaugmented,
        without dropout, by the statistics of each batch: the same images for everything that is ever scored."""
        order = torch.randperm(
            len(self.valid), generator=torch.Generator().manual_seed(derived_seed(self.seed, "score"))
        )
        right = images = 0
        self.net.eval()
        try:
            for chosen in order.split(self.valid_size)[:batches]:
                if len(chosen) < min(self.valid_size, 2):
                    continue
                chosen = chosen.to(self.device)
                with self.autocast():
                    logits = forward(self.valid.normalised(self.valid.pixels[chosen]))
                right += int((logits.argmax(1) == self.valid.labels[chosen]).sum())
                images += len(chosen)
        finally:
            self.net.train()
        return right / images

    def state(self) -> dict[str, Tensor]:
        """The weights by name, and the momentum in one vector."""
        named = {f"weights/{name}": value.detach() for name, value in self.net.named_parameters()}
        return {**named, "velocity": self.sgd.velocity}

    @torch.no_grad()
    def load_state(self, tensors: dict[str, Tensor]) -> None:
        for name, value in self.net.named_parameters():
            value.copy_(tensors[f"weights/{name}"])
        self.sgd.velocity.copy_(tensors["velocity"])
