"""Images that lie on the device, and their augmentation as operations on whole batches."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from nas_engine.protocol import TrainingConfig


class DeviceImages:
    """A part of a data set on the device: bytes, channels innermost, and labels.

    ``mean`` and ``std`` are those of the train images for each channel, with pixels in [0, 1]; ``size`` is (height, width).
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        mean: Sequence[float],
        std: Sequence[float],
        device: torch.device,
    ):
        """``images`` is uint8 (N, C, H, W), ``labels`` int64 (N)."""
        channels_last = np.ascontiguousarray(np.asarray(images).transpose(0, 2, 3, 1))
        self.pixels = torch.from_numpy(channels_last).to(device)
        self.size = tuple(self.pixels.shape[1:3])
        self.labels = torch.from_numpy(np.array(labels, np.int64)).to(device)
        self.mean = torch.tensor(mean, dtype=torch.float32, device=device)
        self.std = torch.tensor(std, dtype=torch.float32, device=device)
        self.device = device

    def __len__(self) -> int:
        return len(self.labels)

    def normalised(self, pixels: Tensor) -> Tensor:
        """Bytes (n, H, W, C) to float32 (n, C, H, W), channels last in memory, by the mean and spread of train."""
        return (pixels.float() / 255).sub_(self.mean).div_(self.std).permute(0, 3, 1, 2)

    def part(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """A run of images as they are, normalised, and their labels."""
        return self.normalised(self.pixels[start:stop]), self.labels[start:stop]


class Augmentation:
    """Draws batches with random crops, mirror images and cutout (DeVries and Taylor 2017).

    A crop takes the image out of a black border of ``crop`` pixels. Cutout blanks a square of side ``cutout`` around a
    point of the image, clipped at its edge, to the mean colour. All randomness comes from ``generator``, on the processor,
    so every device trains on the same batches.
    """

    def __init__(self, images: DeviceImages, config: TrainingConfig, generator: torch.Generator):
        self.images, self.config, self.generator = images, config, generator
        self.height, self.width = images.pixels.shape[1:3]
        pad = config.crop
        self.padded = torch.nn.functional.pad(images.pixels, (0, 0, pad, pad, pad, pad)) if pad else images.pixels
        self.rows = torch.arange(self.height, device=images.device)
        self.columns = torch.arange(self.width, device=images.device)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """The images at ``indices`` (on the device), augmented and normalised (n, C, H, W), and their labels."""
        count = len(indices)
        if self.config.crop or self.config.flip:
            pixels = self._cropped(indices, count)
        else:
            pixels = self.images.pixels[indices]
        batch = self.images.normalised(pixels)
        if self.config.cutout:
            batch.masked_fill_(self._holes(count), 0.0)
        return batch, self.images.labels[indices]

    def _cropped(self, indices: Tensor, count: int) -> Tensor:
        """Crop and mirror in one gather: a mirrored image reads its columns backwards."""
        rows, columns = self.rows.expand(count, -1), self.columns.expand(count, -1)
        if self.config.flip:
            mirrored = self._draw(2, count).bool()
            columns = torch.where(mirrored, self.width - 1 - columns, columns)
        if self.config.crop:
            rows = rows + self._draw(2 * self.config.crop + 1, count)
            columns = columns + self._draw(2 * self.config.crop + 1, count)
        return self.padded[indices[:, None, None], rows[:, :, None], columns[:, None, :]]

    def _holes(self, count: int) -> Tensor:
        """True inside each image's hole: (n, 1, H, W)."""
        side = self.config.cutout
        top, left = self._draw(self.height, count) - side // 2, self._draw(self.width, count) - side // 2
        rows = (self.rows >= top) & (self.rows < top + side)
        columns = (self.columns >= left) & (self.columns < left + side)
        return (rows[:, :, None] & columns[:, None, :])[:, None]

    def _draw(self, options: int, count: int) -> Tensor:
        """Whole numbers below ``options``, one an image: (n, 1)."""
        drawn = torch.randint(options, (count, 1), generator=self.generator)
        return drawn.to(self.images.device, non_blocking=True)
