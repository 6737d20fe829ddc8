"""Measuring a network on images it does not train on."""

import contextlib

import torch
from torch import nn

from nas_engine.errors import EvaluationFailed, SearchCancelled
from nas_engine.training.images import DeviceImages
from nas_engine.training.progress import Cancelled

# Activations per batch are kept near what a processor's cache holds; a GPU wants many images at once.
_PIXELS = {"cpu": 1 << 15, "cuda": 1 << 20}


def accuracy(model: nn.Module, images: DeviceImages, cancelled: Cancelled = lambda: False) -> float:
    """The share of ``images`` the network names rightly, in [0, 1]; in evaluation mode and in float32 throughout.

    Raises EvaluationFailed if an output is not a finite number, SearchCancelled between batches.
    """
    return accuracies(model, images, cancelled)[0]


def accuracies(
    model: nn.Module,
    images: DeviceImages,
    cancelled: Cancelled = lambda: False,
    tops: tuple[int, ...] = (1,),
    name: str = "valid",
) -> list[float]:
    """As :func:`accuracy`, for each of ``tops``: the share of images whose class is among so many likeliest ones. ``name``
    is what the images are called where an output is not finite."""
    training = model.training
    model.eval()
    right = torch.zeros(len(tops), dtype=torch.int64, device=images.device)
    finite = torch.ones((), dtype=torch.bool, device=images.device)
    try:
        with torch.inference_mode(), exact_float32(images.device):
            for start, stop in _parts(images):
                if cancelled():
                    raise SearchCancelled
                batch, labels = images.part(start, stop)
                logits = model(batch)
                right += _right(logits, labels, tops)
                finite &= logits.isfinite().all()
    finally:
        model.train(training)
    if not finite:
        raise EvaluationFailed(f"The network's outputs became infinite or NaN on {name}", "Lower the learning rate")
    return [count / len(images) for count in right.tolist()]


def _right(logits: torch.Tensor, labels: torch.Tensor, tops: tuple[int, ...]) -> torch.Tensor:
    if tops == (1,):
        return (logits.argmax(1) == labels).sum().view(1)
    ranks = logits.argsort(1, descending=True).eq(labels.unsqueeze(1)).int().argmax(1)
    return torch.stack([(ranks < top).sum() for top in tops])


def _parts(images: DeviceImages) -> list[tuple[int, int]]:
    """As few equal batches as fit: equal shapes spare the convolution library a second set of kernels."""
    area = images.size[0] * images.size[1]
    most = max(1, _PIXELS.get(images.device.type, 1 << 15) // area)
    batches = -(-len(images) // most)
    edges = [round(number * len(images) / batches) for number in range(batches + 1)]
    return list(zip(edges, edges[1:], strict=False))


@contextlib.contextmanager
def exact_float32(device: torch.device):
    """Without TensorFloat-32, which GPUs otherwise use for float32 convolutions and which keeps 10 bits of 23."""
    if device.type != "cuda":
        yield
        return
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before
