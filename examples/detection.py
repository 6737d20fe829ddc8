"""A downloaded network as the backbone of torchvision's Faster R-CNN with a feature pyramid.

    python examples/detection.py BUNDLE [--steps 60]

BUNDLE is an unzipped bundle of Nasturtium; of it only model.py and weights.safetensors are used, and beside them torch,
torchvision and safetensors alone. The paper that gave us NASNet put its networks to the same use (Zoph et al. 2018,
section 4.3). What is learned here is a toy, to find bright rectangles in noise, so that the example runs in a minute and
needs no data; for real objects replace ``toy_images`` by your data set and train for longer.
"""

import argparse
import importlib.util
import sys
from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool


class PyramidBackbone(nn.Module):
    """The last map of every stage, largest first, brought to one width by a feature pyramid (Lin et al. 2017).

    ``stages`` says how many of the network's stages are used, from the smallest map up; ``out_channels`` is what Faster
    R-CNN reads.
    """

    def __init__(self, network: nn.Module, stages: int = 4, out_channels: int = 64):
        super().__init__()
        self.network, self.stages, self.out_channels = network, stages, out_channels
        channels = network.feature_channels[-stages:]
        self.strides = [stride for _, _, stride in network.blueprint["features"]][-stages:]
        self.pyramid = FeaturePyramidNetwork(channels, out_channels, extra_blocks=LastLevelMaxPool())

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        maps = self.network.forward_features(images)[-self.stages :]
        return self.pyramid(OrderedDict((str(number), one) for number, (one, _) in enumerate(maps)))


def detector(network: nn.Module, classes: int, *, stages: int = 4, side: int = 64) -> FasterRCNN:
    """Faster R-CNN on ``network``; ``classes`` counts the background. Images are resized to ``side`` on their shorter side.

    Its images are RGB from 0 to 1; they are normalised as the network's own training images were.
    """
    backbone = PyramidBackbone(network, min(stages, len(network.feature_channels)))
    levels = len(backbone.strides) + 1
    sizes = tuple((4 * backbone.strides[0] * 2**level,) for level in range(levels))
    statistics = network.meta["normalisation"]
    return FasterRCNN(
        backbone,
        num_classes=classes,
        min_size=side,
        max_size=2 * side,
        image_mean=statistics["mean"],
        image_std=statistics["std"],
        rpn_anchor_generator=AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * levels),
        box_roi_pool=MultiScaleRoIAlign([str(level) for level in range(levels - 1)], output_size=7, sampling_ratio=2),
        # a small head, and few boxes an image: enough for small images
        rpn_pre_nms_top_n_train=200, rpn_post_nms_top_n_train=100,
        rpn_pre_nms_top_n_test=200, rpn_post_nms_top_n_test=50,
        box_batch_size_per_image=64, box_detections_per_img=5,
    )  # fmt: skip


def toy_images(count: int, channels: int, side: int, generator: torch.Generator) -> tuple[list[Tensor], list[dict]]:
    """Noise with one bright rectangle each, and where it is."""
    images, targets = [], []
    for _ in range(count):
        image = 0.3 * torch.rand(channels, side, side, generator=generator)
        low, high = side // 4, side // 2
        width, height = torch.randint(low, high, (2,), generator=generator).tolist()
        left, top = (int(torch.randint(side - size, (1,), generator=generator)) for size in (width, height))
        image[:, top : top + height, left : left + width] += 0.6
        box = torch.tensor([[left, top, left + width, top + height]], dtype=torch.float32)
        images.append(image)
        targets.append({"boxes": box, "labels": torch.ones(1, dtype=torch.int64)})
    return images, targets


def train(model: FasterRCNN, channels: int, side: int, steps: int, seed: int = 0) -> list[float]:
    """Train on toy images; returns the loss of every step."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4)
    # Batches of a detector are small: the running statistics of classification are kept, as detectors usually do.
    model.train()
    model.backbone.network.eval()
    losses = []
    for _ in range(steps):
        images, targets = toy_images(4, channels, side, generator)
        loss = sum(model(images, targets).values())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def overlap(found: Tensor, true: Tensor) -> float:
    """Intersection over union of two boxes (left, top, right, bottom)."""
    from torchvision.ops import box_iou

    return float(box_iou(found.view(1, 4), true.view(1, 4)))


def mean_overlap(model: FasterRCNN, channels: int, side: int, count: int = 16) -> float:
    """Of the likeliest box of each of ``count`` fresh images with the true one; 0 where none is found."""
    images, targets = toy_images(count, channels, side, torch.Generator().manual_seed(99))
    model.eval()
    with torch.inference_mode():
        found = model(images)
    pairs = zip(found, targets, strict=True)
    return sum(overlap(one["boxes"][0], true["boxes"][0]) if len(one["boxes"]) else 0.0 for one, true in pairs) / count


def load_bundle(folder: Path) -> nn.Module:
    """The network of an unzipped bundle, by its own model.py."""
    specification = importlib.util.spec_from_file_location("bundle_model", folder / "model.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.load(folder / "weights.safetensors")


def main() -> int:
    parser = argparse.ArgumentParser(description="Train Faster R-CNN on a bundle's network to find rectangles.")
    parser.add_argument("bundle", type=Path, help="folder of an unzipped bundle")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--side", type=int, default=64, help="pixels of the toy images")
    options = parser.parse_args()
    torch.manual_seed(0)
    network = load_bundle(options.bundle)
    channels = network.blueprint["image_shape"][0]
    model = detector(network, classes=2, side=options.side)
    print(f"maps of {network.feature_channels} channels at strides {model.backbone.strides} of the image")
    print(f"overlap before training: {mean_overlap(model, channels, options.side):.2f}")
    losses = train(model, channels, options.side, options.steps)
    print(f"loss {losses[0]:.2f} -> {losses[-1]:.2f} in {len(losses)} steps")
    print(f"overlap after training: {mean_overlap(model, channels, options.side):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
