"""Augmentation for full trainings: to crops, mirror images and cutout it adds resized crops, colour and other sizes."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from nas_engine.full_training import AugmentationConfig
from nas_engine.protocol import TrainingConfig
from nas_engine.training.full_images import FullImages
from nas_engine.training.images import Augmentation

# Weights of the colours in grey (ITU-R BT.601), and the axes along which colours differ at equal grey (YIQ).
_GREY = (0.299, 0.587, 0.114)
_YIQ = ((0.299, 0.587, 0.114), (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))


class FullAugmentation(Augmentation):
    """Draws batches as the network is shown them in training, whole batches at a time on the device.

    A resized crop takes a box of at least ``resized_crop`` of the area with an aspect ratio up to ``crop_ratio`` either way
    (Szegedy et al. 2015), scaled to the network's size. Colours change by brightness, contrast, saturation and hue, each by
    a factor or turn drawn evenly up to the setting. All randomness comes from ``generator``, on the processor.
    """

    def __init__(self, images: FullImages, config: AugmentationConfig, generator: torch.Generator):
        self.colours = config
        basic = TrainingConfig(crop=config.crop, flip=config.flip, cutout=config.cutout)
        self.sampled = bool(config.resized_crop) or images.resized
        if images.resident:
            super().__init__(images, basic, generator)
        self.images, self.config, self.generator = images, basic, generator
        if self.sampled and images.resident:
            self.height, self.width = images.size
            self.rows, self.columns = (torch.arange(side, device=images.device) for side in images.size)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """The images at ``indices``, augmented and normalised (n, C, H, W), and their labels."""
        if not self.images.resident:
            loaded = self.images.loaded(indices)
            every = torch.arange(len(indices), device=loaded.device)
            return FullAugmentation(loaded, self.colours, self.generator).batch(every)
        indices = indices.to(self.images.device)
        count = len(indices)
        if self.sampled:
            images = self._sampled(self.images.floats(self.images.pixels[indices]))
        elif self.config.crop or self.config.flip:
            images = self.images.floats(self._cropped(indices, count))
        else:
            images = self.images.floats(self.images.pixels[indices])
        batch = self.images.standard(self._recoloured(images))
        if self.config.cutout:
            batch.masked_fill_(self._holes(count), 0.0)
        return batch, self.images.labels[indices]

    # Geometry

    def _sampled(self, images: Tensor) -> Tensor:
        """Boxes of the images, mirrored or not, at the network's size."""
        shrink = min(before // after for before, after in zip(images.shape[2:], self.images.size, strict=True))
        if shrink > 1:  # sampling looks at four pixels alone
            images = F.avg_pool2d(images, shrink)
        shape = (len(images), images.shape[1], *self.images.size)
        grid = F.affine_grid(self._boxes(len(images)), shape, align_corners=False)
        padding = "border" if self.colours.resized_crop else "zeros"
        sampled = F.grid_sample(images, grid, "bilinear", padding, align_corners=False)
        return sampled.contiguous(memory_format=torch.channels_last)

    def _boxes(self, count: int) -> Tensor:
        """Where each image is read: (n, 2, 3), an affine map of [-1, 1] x [-1, 1]."""
        height = width = torch.ones(count)
        down = right = torch.zeros(count)
        if self.colours.resized_crop:
            area = self._uniform(count, self.colours.resized_crop, 1.0)
            widest = math.log(self.colours.crop_ratio)
            shape = (self._uniform(count, -widest, widest) / 2).exp()
            width, height = (area.sqrt() * shape).clamp(max=1), (area.sqrt() / shape).clamp(max=1)
            down, right = (self._uniform(count, -1, 1) * (1 - side) for side in (height, width))
        elif self.config.crop:
            reach = 2 * self.config.crop + 1
            drawn = [torch.randint(reach, (count,), generator=self.generator) - self.config.crop for _ in range(2)]
            down, right = (2 * shift / side for shift, side in zip(drawn, self.images.size, strict=True))
        if self.config.flip:
            width = width * (1 - 2 * torch.randint(2, (count,), generator=self.generator))
        none = torch.zeros(count)
        boxes = torch.stack([width, none, right, none, height, down], 1).view(count, 2, 3)
        return boxes.to(self.images.device, non_blocking=True)

    # Colour

    def _recoloured(self, images: Tensor) -> Tensor:
        """Brightness, contrast, saturation, hue, in this order; the first three channels are red, green, blue. Grey images
        have neither saturation nor hue."""
        setting, coloured = self.colours, images.shape[1] >= 3
        if not (setting.brightness or setting.contrast or (coloured and (setting.saturation or setting.hue))):
            return images
        colours, rest = (images[:, :3], images[:, 3:]) if coloured else (images[:, :1], images[:, 1:])
        if setting.brightness:
            colours = (colours * self._factor(len(images), setting.brightness)).clamp(0, 1)
        if setting.contrast:
            mean = self._grey(colours).mean((2, 3), keepdim=True)
            colours = torch.lerp(mean, colours, self._factor(len(images), setting.contrast)).clamp(0, 1)
        if setting.saturation and coloured:
            colours = torch.lerp(self._grey(colours), colours, self._factor(len(images), setting.saturation)).clamp(
                0, 1
            )
        if setting.hue and coloured:
            colours = self._turned(colours).clamp(0, 1)
        return torch.cat([colours, rest], 1).contiguous(memory_format=torch.channels_last)

    def _grey(self, colours: Tensor) -> Tensor:
        if colours.shape[1] == 1:
            return colours
        return (colours * colours.new_tensor(_GREY).view(1, 3, 1, 1)).sum(1, keepdim=True)

    def _turned(self, colours: Tensor) -> Tensor:
        """Hue turned about the axis of grey, which is linear in the colours."""
        angle = 2 * math.pi * self._uniform(len(colours), -self.colours.hue, self.colours.hue)
        cosine, sine, one, none = angle.cos(), angle.sin(), torch.ones_like(angle), torch.zeros_like(angle)
        turn = torch.stack([one, none, none, none, cosine, -sine, none, sine, cosine], 1).view(-1, 3, 3)
        yiq = torch.tensor(_YIQ)
        matrix = (yiq.inverse() @ turn @ yiq).to(colours.device, non_blocking=True)
        return torch.einsum("nij,njhw->nihw", matrix, colours)

    def _factor(self, count: int, most: float) -> Tensor:
        drawn = self._uniform(count, max(0.0, 1 - most), 1 + most)
        return drawn.view(-1, 1, 1, 1).to(self.images.device, non_blocking=True)

    def _uniform(self, count: int, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=self.generator)
