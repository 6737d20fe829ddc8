"""What benchmarks/child_training.py and benchmarks/gpu.py compare: a plain training loop, ours, and the steps between.

The plain loop is what reference code bases of cell search do: a DataLoader over PIL images with per-image transforms
(random crop, flip, to tensor, normalise), NCHW float32, torch.optim.SGD, clipping over the list of parameters, the loss
read after every batch. It trains the very network that ours trains.
"""

import random
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.cell import Cell
from nas_engine.datasets import read_split
from nas_engine.networks import build
from nas_engine.protocol import SkeletonConfig, TrainingConfig
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace
from nas_engine.training.devices import memory_format
from nas_engine.training.images import Augmentation, DeviceImages
from nas_engine.training.kernels import processor_kernels
from nas_engine.training.loop import trainer_for
from nas_engine.training.memory import keep_freed_memory
from nas_engine.training.sgd import FlatSGD

MEAN, STD = 0.45, 0.25
# In the order in which they are added to the plain loop; all of them together are our loop on a processor.
LEVERS = ("batch augmentation", "flat SGD", "channels last", "own kernels", "bfloat16", "kept memory")


@dataclass(frozen=True)
class Setting:
    """``cells`` names a published cell, or says how many random ones; images of ``shape`` (C, H, W); ``steps`` of ``batch``
    images a round and network."""

    cells: str | int
    shape: tuple[int, int, int]
    repeats: int
    filters: int
    batch: int
    steps: int
    crop: int
    flip: bool

    @property
    def images(self) -> int:
        return self.batch * self.steps

    @property
    def config(self) -> TrainingConfig:
        return TrainingConfig(
            epochs=1, batch_size=self.batch, learning_rate=0.01, crop=self.crop, flip=self.flip, precision="auto"
        )


SETTINGS = {
    "digits": Setting(3, (1, 8, 8), 1, 8, 64, 19, 1, False),
    "cifar-10, N 2, F 16": Setting("nasnet-a", (3, 32, 32), 2, 16, 128, 1, 4, True),
    "cifar-10, N 2, F 32": Setting("nasnet-a", (3, 32, 32), 2, 32, 64, 1, 4, True),
}


def cells_of(setting: Setting) -> list[tuple[Cell, ...]]:
    if isinstance(setting.cells, str):
        return [zoo.get(setting.cells).cells]
    space = NASNetSpace(NASNetConfig())
    return [space.cells(space.sample(random.Random(seed))) for seed in range(setting.cells)]


def network(setting: Setting, cells: tuple[Cell, ...]) -> nn.Module:
    torch.manual_seed(0)
    skeleton = SkeletonConfig(repeats=setting.repeats, filters=setting.filters)
    return build(build_blueprint(cells, skeleton, setting.shape, 10))


def pictures(setting: Setting, folder: Path | None, count: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images (uint8, N x C x H x W) and labels: from a prepared data set, or random bytes, which train as fast."""
    count = count or setting.images
    if folder is not None:
        images, labels = read_split(folder, "train")
        return np.asarray(images[:count]), np.asarray(labels[:count])
    rng = np.random.RandomState(0)
    return rng.randint(0, 256, (count, *setting.shape)).astype(np.uint8), rng.randint(0, 10, count)


class PlainLoop:
    """The usual loop, with any of ``levers`` pulled."""

    def __init__(
        self,
        setting: Setting,
        cells: tuple[Cell, ...],
        data: tuple[np.ndarray, np.ndarray],
        device: torch.device,
        levers: tuple[str, ...] = (),
        workers: int = 0,
    ):
        self.model, self.device, self.levers = network(setting, cells).to(device), device, levers
        if "channels last" in levers:
            self.model.to(memory_format=torch.channels_last)
        if "kept memory" in levers:
            keep_freed_memory()
        self.batches = self._whole if "batch augmentation" in levers else self._one_by_one
        if "batch augmentation" in levers:
            self.images = DeviceImages(*data, [MEAN] * setting.shape[0], [STD] * setting.shape[0], device)
            self.augmentation = Augmentation(self.images, setting.config, torch.Generator().manual_seed(0))
            self.batch = setting.batch
        else:
            self.loader = loader(setting, data, device, workers)
        if "flat SGD" in levers:
            self.sgd = FlatSGD(self.model, 0.9, 3e-4, 5.0)
        else:
            self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.9, weight_decay=3e-4)

    def epoch(self) -> None:
        self.model.train()
        loss_sum, right = 0.0, 0
        own = "own kernels" in self.levers
        quickest = torch.backends.cudnn.flags(benchmark=True, allow_tf32=True)  # as those code bases set it
        with quickest, processor_kernels(self.model, self.device) if own else nullcontext():
            for batch, labels in self.batches():
                loss, logits = self._step(batch, labels)
                loss_sum += loss.item() * len(labels)
                right += (logits.argmax(1) == labels).sum().item()

    def _step(self, batch: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        flat = "flat SGD" in self.levers
        (self.sgd if flat else self.optimizer).zero_grad()
        with torch.autocast(self.device.type, torch.bfloat16, enabled="bfloat16" in self.levers):
            logits = self.model(batch)
        loss = nn.functional.cross_entropy(logits.float(), labels)
        loss.backward()
        if flat:
            self.sgd.step(0.01)
        else:
            nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
            self.optimizer.step()
        return loss, logits

    def _whole(self) -> Iterator[tuple[Tensor, Tensor]]:
        layout = torch.channels_last if "channels last" in self.levers else torch.contiguous_format
        for indices in torch.randperm(len(self.images)).split(self.batch):
            batch, labels = self.augmentation.batch(indices.to(self.device))
            yield batch.contiguous(memory_format=layout), labels

    def _one_by_one(self) -> Iterator[tuple[Tensor, Tensor]]:
        layout = torch.channels_last if "channels last" in self.levers else torch.contiguous_format
        for batch, labels in self.loader:
            batch = batch.to(self.device, non_blocking=True).contiguous(memory_format=layout)
            yield batch, labels.to(self.device, non_blocking=True)


class OurLoop:
    """The product's own."""

    def __init__(
        self, setting: Setting, cells: tuple[Cell, ...], data: tuple[np.ndarray, np.ndarray], device: torch.device
    ):
        if device.type == "cpu":
            keep_freed_memory()
        model = network(setting, cells).to(device, memory_format=memory_format(device))
        images = DeviceImages(*data, [MEAN] * setting.shape[0], [STD] * setting.shape[0], device)
        self.trainer = trainer_for(model, images, setting.config, lambda: False)

    def epoch(self) -> None:
        self.trainer.epoch(1)


def loader(
    setting: Setting, data: tuple[np.ndarray, np.ndarray], device: torch.device, workers: int
) -> torch.utils.data.DataLoader:
    return torch.utils.data.DataLoader(
        PerImage(*data, setting),
        batch_size=setting.batch,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=device.type == "cuda",
    )


class PerImage(torch.utils.data.Dataset):
    """PIL images through torchvision's transforms, one at a time."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, setting: Setting):
        from PIL import Image
        from torchvision import transforms

        channels, side = setting.shape[0], setting.shape[1]
        steps = [transforms.RandomCrop(side, padding=setting.crop)]
        steps += [transforms.RandomHorizontalFlip()] if setting.flip else []
        steps += [transforms.ToTensor(), transforms.Normalize([MEAN] * channels, [STD] * channels)]
        self.transform, self.labels = transforms.Compose(steps), labels.tolist()
        self.images = [Image.fromarray(one[0] if channels == 1 else one.transpose(1, 2, 0)) for one in images]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int):
        return self.transform(self.images[index]), self.labels[index]
