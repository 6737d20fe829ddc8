"""Training convolutions on processors in ways that oneDNN does slowly or wrongly.

On an 8 x 8 image a cell network spends most of its training on maps of a few pixels: with AVX2 the weights' gradient of a
depthwise 7 x 7 convolution on a 4 x 4 map takes 1.6 ms, as two matrix products 0.1 ms. And oneDNN 3.13 writes past its
buffers in the weights' gradient of a strided 1 x 1 convolution of fewer than 8 channels in channels-last layout, which
ends the process. The results here are the same up to rounding.
"""

import contextlib
import functools
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Up to these the replacements win (benchmarks/child_training.py --kernels): pairs of an input and an output pixel, for
# kernels larger and not larger than 3 x 3, and pixels of a map.
_MOST_PAIRS = 2500
_MOST_PAIRS_3X3 = 64
_MOST_PIXELS = 16


@contextlib.contextmanager
def processor_kernels(model: nn.Module, device: torch.device) -> Iterator[None]:
    """While the block runs, ``model``'s convolutions train this way on a processor; validation is left as it is."""
    changed = []
    if device.type == "cpu":
        for module in model.modules():
            if isinstance(module, nn.Conv2d) and (forward := _replacement(module)):
                module._conv_forward = forward
                changed.append(module)
    try:
        yield
    finally:
        for module in changed:
            del module._conv_forward


def _replacement(conv: nn.Conv2d):
    if conv.bias is not None or conv.padding_mode != "zeros" or isinstance(conv.padding, str):
        return None
    if conv.groups == 1 and conv.kernel_size == (1, 1) and conv.padding == (0, 0):
        return functools.partial(_pointwise, conv)
    if conv.groups == conv.in_channels == conv.out_channels and conv.groups > 1:
        return functools.partial(_depthwise, conv)
    return None


def _plain(conv: nn.Conv2d, x: Tensor, weight: Tensor) -> Tensor:
    return F.conv2d(x, weight, None, conv.stride, conv.padding, conv.dilation, conv.groups)


def _fits(x: Tensor) -> bool:
    return torch.is_grad_enabled() and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")


def _pointwise(conv: nn.Conv2d, x: Tensor, weight: Tensor, bias: None) -> Tensor:
    if not torch.is_grad_enabled():
        return _plain(conv, x, weight)
    if conv.stride != (1, 1):
        x = x[:, :, :: conv.stride[0], :: conv.stride[1]]
    if x.shape[2] * x.shape[3] > _MOST_PIXELS or not _fits(x):
        return F.conv2d(x, weight)
    return F.linear(x.permute(0, 2, 3, 1), weight.flatten(1)).permute(0, 3, 1, 2)


def _depthwise(conv: nn.Conv2d, x: Tensor, weight: Tensor, bias: None) -> Tensor:
    if not _fits(x):
        return _plain(conv, x, weight)
    geometry = (tuple(x.shape[2:]), conv.kernel_size, conv.stride, conv.padding, conv.dilation)
    pairs = _pairs(*geometry)
    if pairs > (_MOST_PAIRS if conv.kernel_size[0] * conv.kernel_size[1] > 9 else _MOST_PAIRS_3X3):
        return _plain(conv, x, weight)
    return _Depthwise.apply(x, weight, geometry)


def _output_size(size, kernel, stride, padding, dilation) -> tuple[int, int]:
    return tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


@functools.lru_cache(4096)
def _pairs(size, kernel, stride, padding, dilation) -> int:
    height, width = _output_size(size, kernel, stride, padding, dilation)
    return size[0] * size[1] * height * width


@functools.lru_cache(256)
def _incidence(size, kernel, stride, padding, dilation) -> Tensor:
    """Which weight joins an output pixel to an input pixel: 0 or 1, (output pixels x input pixels, weights)."""
    rows, columns = (_axis_incidence(*axis) for axis in zip(size, kernel, stride, padding, dilation, strict=True))
    joined = torch.einsum("yhi,xwj->yxhwij", rows, columns)
    return joined.reshape(-1, kernel[0] * kernel[1]).contiguous()


def _axis_incidence(size: int, kernel: int, stride: int, padding: int, dilation: int) -> Tensor:
    outputs = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    read = torch.arange(outputs)[:, None] * stride + torch.arange(kernel) * dilation - padding
    return (read[:, None, :] == torch.arange(size)[:, None]).float()


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution whose weights' gradient goes by way of all pairs of an output and an input pixel."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, geometry: tuple) -> Tensor:
        _, _, stride, padding, dilation = geometry
        ctx.save_for_backward(x, weight)
        ctx.geometry = geometry
        return F.conv2d(x, weight, None, stride, padding, dilation, len(weight))

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor, None]:
        x, weight = ctx.saved_tensors
        _, kernel, stride, padding, dilation = ctx.geometry
        channels, images = len(weight), len(x)
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = torch.ops.aten.convolution_backward(
                grad, x, weight, None, stride, padding, dilation, False, (0, 0), channels, (True, False, False)
            )[0]
        # Copied first: bmm would else copy channel by channel.
        outputs, inputs = (one.transpose(0, 1).contiguous().view(channels, images, -1) for one in (grad, x))
        pairs = torch.bmm(outputs.transpose(1, 2), inputs).view(channels, -1)
        return grad_x, (pairs @ _incidence(*ctx.geometry)).view(channels, 1, *kernel), None
