"""Training convolutions on processors in ways that oneDNN does slowly or wrongly.

On an 8 x 8 image a cell network spends most of its training on maps of a few pixels: with AVX2 the weights' gradient of a
depthwise 7 x 7 convolution on a 4 x 4 map takes 1.6 ms, as two matrix products 0.1 ms. And oneDNN 3.13 writes past its
buffers in the weights' gradient of a strided 1 x 1 convolution of fewer than 8 channels in channels-last layout, which
ends the process. The results here are the same up to rounding.
"""

import contextlib
import functools
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas_engine.networks.supernet.banks import BankConv

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
            if isinstance(module, (nn.Conv2d, BankConv)) and (forward := _replacement(module)):
                module._conv_forward = forward
                changed.append(module)
    try:
        yield
    finally:
        for module in changed:
            del module._conv_forward


def _replacement(conv: nn.Conv2d | BankConv):
    if conv.bias is not None or conv.padding_mode != "zeros" or isinstance(conv.padding, str):
        return None
    if conv.groups == 1 and conv.kernel_size == (1, 1) and conv.padding == (0, 0):
        return functools.partial(_pointwise, conv)
    if conv.groups == conv.in_channels == conv.out_channels and conv.groups > 1:
        return functools.partial(_depthwise, conv)
    return None


def _plain(conv: nn.Conv2d | BankConv, x: Tensor, weight: Tensor, groups: int) -> Tensor:
    return F.conv2d(x, weight, None, conv.stride, conv.padding, conv.dilation, groups)


def _fits(x: Tensor) -> bool:
    return torch.is_grad_enabled() and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")


def _pointwise(conv: nn.Conv2d | BankConv, x: Tensor, weight: Tensor, bias: None) -> Tensor:
    if not torch.is_grad_enabled():
        return _plain(conv, x, weight, 1)
    pixels = x.permute(0, 2, 3, 1)  # sliced in this order, the gradient of x stays channels last as well
    if conv.stride != (1, 1):
        pixels = pixels[:, :: conv.stride[0], :: conv.stride[1]]
    if pixels.shape[1] * pixels.shape[2] > _MOST_PIXELS or not _fits(x):
        return F.conv2d(pixels.permute(0, 3, 1, 2), weight)
    return F.linear(pixels, weight.flatten(1)).permute(0, 3, 1, 2)


def _depthwise(conv: nn.Conv2d | BankConv, x: Tensor, weight: Tensor, bias: None) -> Tensor:
    geometry = _Geometry(tuple(x.shape[2:]), conv.kernel_size, conv.stride, conv.padding, conv.dilation)
    if not _fits(x) or not (_few_pairs(geometry) or geometry.dilated):
        return _plain(conv, x, weight, len(weight))
    return _Depthwise.apply(x, weight, geometry)


class _Geometry(NamedTuple):
    """Of a convolution: (height, width) pairs."""

    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]

    @property
    def dilated(self) -> bool:
        return self.dilation != (1, 1)


@functools.lru_cache(4096)
def _few_pairs(geometry: _Geometry) -> bool:
    """Whether the way by all pairs of an output and an input pixel is the faster one."""
    outputs = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(*geometry, strict=True)]
    pairs = geometry.size[0] * geometry.size[1] * outputs[0] * outputs[1]
    slow = geometry.dilated or geometry.kernel[0] * geometry.kernel[1] > 9
    return pairs <= (_MOST_PAIRS if slow else _MOST_PAIRS_3X3)


@functools.lru_cache(256)
def _incidence(geometry: _Geometry) -> Tensor:
    """Which weight joins an output pixel to an input pixel: 0 or 1, (output pixels x input pixels, weights)."""
    rows, columns = (_axis_incidence(*axis) for axis in zip(*geometry, strict=True))
    joined = torch.einsum("yhi,xwj->yxhwij", rows, columns)
    return joined.reshape(-1, geometry.kernel[0] * geometry.kernel[1]).contiguous()


def _axis_incidence(size: int, kernel: int, stride: int, padding: int, dilation: int) -> Tensor:
    outputs = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    read = torch.arange(outputs)[:, None] * stride + torch.arange(kernel) * dilation - padding
    return (read[:, None, :] == torch.arange(size)[:, None]).float()


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution that finds the gradient of its weights another way than oneDNN."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, geometry: _Geometry) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = geometry
        return F.conv2d(x, weight, None, geometry.stride, geometry.padding, geometry.dilation, len(weight))

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor, None]:
        x, weight = ctx.saved_tensors
        by_pairs = _few_pairs(ctx.geometry)
        grad_x = _backward(grad, x, weight, ctx.geometry, (True, False))[0] if ctx.needs_input_grad[0] else None
        return grad_x, (_by_pairs if by_pairs else _by_dense_kernel)(grad, x, weight, ctx.geometry), None


def _backward(grad: Tensor, x: Tensor, weight: Tensor, geometry: _Geometry, wanted: tuple[bool, bool]):
    """Gradients of (x, weight), those wanted, as torch computes them."""
    return torch.ops.aten.convolution_backward(
        grad, x, weight, None, geometry.stride, geometry.padding, geometry.dilation, False, (0, 0), len(weight),
        (*wanted, False),
    )  # fmt: skip


def _by_pairs(grad: Tensor, x: Tensor, weight: Tensor, geometry: _Geometry) -> Tensor:
    """The product of every output's gradient with every input, summed over the images; then over pairs with one weight."""
    channels, images = len(weight), len(x)
    # Copied first: bmm would else copy channel by channel.
    outputs, inputs = (one.transpose(0, 1).contiguous().view(channels, images, -1) for one in (grad, x))
    pairs = torch.bmm(outputs.transpose(1, 2), inputs).view(channels, -1)
    return (pairs @ _incidence(geometry)).view_as(weight)


def _by_dense_kernel(grad: Tensor, x: Tensor, weight: Tensor, geometry: _Geometry) -> Tensor:
    """A dilated kernel is a larger one with holes; oneDNN is quick with the larger one."""
    kernel = tuple(dilation * (size - 1) + 1 for dilation, size in zip(geometry.dilation, geometry.kernel, strict=True))
    dense = geometry._replace(kernel=kernel, dilation=(1, 1))
    wide = _backward(grad, x, weight.new_empty(len(weight), 1, *kernel), dense, (False, True))[1]
    return wide[:, :, :: geometry.dilation[0], :: geometry.dilation[1]]
