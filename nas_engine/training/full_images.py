"""Images of any number and size: on the device where they fit, else read from disk ahead of the training."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from nas_engine.training.images import DeviceImages
from nas_engine.training.memory import free_memory

# Images may take this part of the free memory; the rest is for the network.
_ROOM = 0.3
_CHUNK_BYTES = 1 << 26
_AHEAD = 2


class FullImages(DeviceImages):
    """A part of a data set. ``pixels`` are its bytes (N, H, W, C) if ``resident``, else no images of that shape.

    The network is shown ``size`` (height, width): the central share ``central`` of each side, resampled where that differs.
    """

    def __init__(
        self,
        stored: np.ndarray,
        positions: np.ndarray,
        labels: np.ndarray,
        normalisation: tuple[Sequence[float], Sequence[float]],
        device: torch.device,
        size: tuple[int, int] | None = None,
        central: float = 1.0,
        resident: bool | None = None,
    ):
        """``stored`` is uint8 (all images, C, H, W), perhaps on disk; ``positions`` say which of them belong here, and
        ``labels`` (int64) are theirs. ``resident`` None decides by the device's free memory."""
        super().__init__(np.empty((0, *stored.shape[1:]), np.uint8), labels, *normalisation, device)
        self.stored, self.positions = stored, positions
        self.size, self.central = size or tuple(stored.shape[2:]), central
        wanted = len(positions) * int(np.prod(stored.shape[1:]))
        self.resident = wanted <= _ROOM * free_memory(device) if resident is None else resident
        self._reader = None
        self._ahead: deque[tuple[Tensor, Future]] = deque()
        self._expected: deque[Tensor] = deque()
        if self.resident:
            self.pixels = self._all(device)

    def _all(self, device: torch.device) -> Tensor:
        channels, height, width = self.stored.shape[1:]
        pixels = torch.empty((len(self), height, width, channels), dtype=torch.uint8, device=device)
        step = max(1, _CHUNK_BYTES // (channels * height * width))
        for start in range(0, len(self), step):
            part = torch.from_numpy(self.stored[self.positions[start : start + step]])
            pixels[start : start + step] = part.to(device).permute(0, 2, 3, 1)
        return pixels

    @property
    def resized(self) -> bool:
        """Whether the network sees another size than is stored."""
        return tuple(self.size) != tuple(self.stored.shape[2:])

    def expect(self, batches: Sequence[Tensor]) -> None:
        """The batches (indices) that will be fetched, in order: what lies on disk is read ahead of them."""
        self._expected, self._ahead = deque() if self.resident else deque(batches), deque()
        self._read_ahead()

    def fetch(self, indices: Tensor) -> Tensor:
        """The bytes at ``indices``: (n, H, W, C) on the device."""
        if self.resident:
            return self.pixels[indices.to(self.device)]
        pixels = self._read_before(indices)
        if pixels is None:
            pixels = self._read(indices)
        return pixels.to(self.device, non_blocking=True).permute(0, 2, 3, 1).contiguous()

    def _read_before(self, indices: Tensor) -> Tensor | None:
        if not self._ahead or not torch.equal(self._ahead[0][0], indices):
            return None
        pixels = self._ahead.popleft()[1].result()
        self._read_ahead()
        return pixels

    def _read_ahead(self) -> None:
        while self._expected and len(self._ahead) < _AHEAD:
            if self._reader is None:
                self._reader = ThreadPoolExecutor(1, "images")
            indices = self._expected.popleft()
            self._ahead.append((indices, self._reader.submit(self._read, indices)))

    def _read(self, indices: Tensor) -> Tensor:
        """From disk, in the order of the disk."""
        positions = self.positions[indices.cpu().numpy()]
        order = np.argsort(positions, kind="stable")
        pixels = np.empty((len(positions), *self.stored.shape[1:]), np.uint8)
        pixels[order] = self.stored[positions[order]]
        read = torch.from_numpy(pixels)
        return read.pin_memory() if self.device.type == "cuda" else read

    def loaded(self, indices: Tensor) -> "LoadedImages":
        """A batch as images of its own."""
        return LoadedImages(self, self.fetch(indices), self.labels[indices.to(self.device)])

    def first(self, count: int) -> "LoadedImages":
        """The first ``count`` images, as images of their own."""
        return self.loaded(torch.arange(min(count, len(self))))

    def floats(self, pixels: Tensor) -> Tensor:
        """Bytes (n, H, W, C) to float32 (n, C, H, W) in [0, 1], channels last in memory."""
        return (pixels.float() / 255).permute(0, 3, 1, 2)

    def standard(self, images: Tensor) -> Tensor:
        """Float images (n, C, H, W) in [0, 1], in place, by the mean and spread of train."""
        return images.sub_(self.mean.view(1, -1, 1, 1)).div_(self.std.view(1, -1, 1, 1))

    def part(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """A run of images as the network is shown them when it is measured, and their labels."""
        pixels, labels = self.fetch(torch.arange(start, stop)), self.labels[start:stop]
        if self.central == 1 and not self.resized:
            return self.normalised(pixels), labels
        height, width = (round(side * self.central) for side in pixels.shape[1:3])
        top, left = (pixels.shape[1] - height) // 2, (pixels.shape[2] - width) // 2
        images = self.floats(pixels[:, top : top + height, left : left + width])
        if (height, width) != tuple(self.size):
            images = F.interpolate(images, self.size, mode="bilinear", antialias=True)
        return self.standard(images).contiguous(memory_format=torch.channels_last), labels


class LoadedImages(FullImages):
    """One batch, on the device."""

    def __init__(self, source: FullImages, pixels: Tensor, labels: Tensor):
        vars(self).update(vars(source))
        self.pixels, self.labels, self.resident = pixels, labels, True
