"""A learnable toy: bright squares in one of four corners."""

import numpy as np
import torch
from torch import nn

from nas_engine.protocol import TrainingConfig
from nas_engine.training.images import DeviceImages

CPU = torch.device("cpu")
PLAIN = TrainingConfig(epochs=3, batch_size=16, learning_rate=0.1, crop=0, flip=False, precision="float32")


def corners(count=64, channels=1, side=8, seed=0):
    """(images uint8 (N, C, H, W), labels): the label is the corner that is bright."""
    rng = np.random.RandomState(seed)
    labels = np.arange(count) % 4
    images = rng.randint(0, 60, (count, channels, side, side)).astype(np.uint8)
    half = side // 2
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 2)
        image[:, row * half : (row + 1) * half, column * half : (column + 1) * half] += 150
    return images, labels


def device_images(count=64, channels=1, side=8, seed=0, device=CPU):
    return DeviceImages(*corners(count, channels, side, seed), [0.3] * channels, [0.2] * channels, device)


def network(channels=1, side=8, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 5, padding=2, stride=2, groups=8, bias=False),
        nn.Conv2d(8, 8, 1, bias=False),
        nn.BatchNorm2d(8),
        nn.Flatten(),
        nn.Linear(8 * side * side // 4, 4),
    ).to(memory_format=torch.channels_last)
