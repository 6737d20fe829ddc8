"""Training convolutions on processors in ways that oneDNN does slowly or wrongly.

oneDNN 3.13 has quick kernels for the gradients of dense depthwise convolutions at most 3 wide. What is not one is made of
some: wider kernels strip by strip, dilated ones phase by phase, strided ones, where they are slow, from a gradient spread
out by zeros. On maps of a few pixels two matrix products are quicker still. And oneDNN writes past its buffers in the
weights' gradient of a strided 1 x 1 convolution of fewer than 8 channels in channels-last layout, which ends the process.
The results are the same up to rounding.
"""

import contextlib
import functools
import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas_engine.networks.supernet.banks import BankConv

# Up to these the replacements win (benchmarks/convolutions.py): pairs of an input and an output pixel, for
# kernels larger and not larger than 3 x 3, and pixels of a map.
_MOST_PAIRS = 2500
_MOST_PAIRS_3X3 = 64
_MOST_PIXELS = 16
# The widest kernel for which oneDNN has a quick way to the gradient of depthwise weights, and the numbers in a batch of
# maps from which on wider ones are better put together from such.
_WIDEST = 3
_LEAST_NUMBERS = 1 << 16


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
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        x, weight = x.to(dtype), weight.to(dtype)
    if not torch.is_grad_enabled() or not _slow(geometry, x):
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
    def outputs(self) -> tuple[int, int]:
        return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(*self, strict=True))

    @property
    def strided(self) -> bool:
        return self.stride != (1, 1)

    @property
    def dilated(self) -> bool:
        return self.dilation != (1, 1)

    @property
    def centred(self) -> bool:
        """Whether every pixel has an output, with the kernel centred on it."""
        reach = (d * (k - 1) for d, k in zip(self.dilation, self.kernel, strict=True))
        return not self.strided and all(2 * p == r for p, r in zip(self.padding, reach, strict=True))

    @property
    def divisible(self) -> bool:
        """Whether it is dilated and falls into dense convolutions of the images' phases."""
        same = self._replace(stride=(1, 1)).outputs == self.size
        return self.dilated and same and all(p % d == 0 for p, d in zip(self.padding, self.dilation, strict=True))


def _slow(geometry: _Geometry, x: Tensor) -> bool:
    """Whether oneDNN is slow at a gradient: it has quick kernels for dense ones at most 3 wide alone."""
    wide = geometry.kernel[1] > _WIDEST and x.numel() >= _LEAST_NUMBERS
    half_strided = geometry.strided and x.dtype == torch.bfloat16
    return geometry.dilated or wide or half_strided or _few_pairs(geometry)


@functools.lru_cache(4096)
def _few_pairs(geometry: _Geometry) -> bool:
    """Whether the way by all pairs of an output and an input pixel is the faster one."""
    pairs = math.prod(geometry.size) * math.prod(geometry.outputs)
    slow = geometry.dilated or math.prod(geometry.kernel) > 9
    return pairs <= (_MOST_PAIRS if slow else _MOST_PAIRS_3X3)


@functools.lru_cache(256)
def _incidence(geometry: _Geometry) -> Tensor:
    """Which weight joins an output pixel to an input pixel: 0 or 1, (output pixels x input pixels, weights)."""
    rows, columns = (_axis_incidence(*axis) for axis in zip(*geometry, strict=True))
    joined = torch.einsum("yhi,xwj->yxhwij", rows, columns)
    return joined.reshape(-1, math.prod(geometry.kernel)).contiguous()


def _axis_incidence(size: int, kernel: int, stride: int, padding: int, dilation: int) -> Tensor:
    outputs = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    read = torch.arange(outputs)[:, None] * stride + torch.arange(kernel) * dilation - padding
    return (read[:, None, :] == torch.arange(size)[:, None]).float()


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution that finds its gradients other ways than oneDNN."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, geometry: _Geometry) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = geometry
        return F.conv2d(x, weight, None, geometry.stride, geometry.padding, geometry.dilation, len(weight))

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        grad_x = _of_input(grad, x, weight, ctx.geometry) if ctx.needs_input_grad[0] else None
        return grad_x, _of_weight(grad, x, weight, ctx.geometry) if ctx.needs_input_grad[1] else None, None


def _backward(grad: Tensor, x: Tensor, weight: Tensor, geometry: _Geometry, wanted: tuple[bool, bool]):
    """Gradients of (x, weight), those wanted, as torch computes them."""
    return torch.ops.aten.convolution_backward(
        grad, x, weight, None, geometry.stride, geometry.padding, geometry.dilation, False, (0, 0), len(weight),
        (*wanted, False),
    )  # fmt: skip


def _of_input(grad: Tensor, x: Tensor, weight: Tensor, geometry: _Geometry) -> Tensor:
    if geometry.centred:
        # Forward again, with the kernel turned around: up to ten times quicker than backward where it is dilated.
        turned = weight.flip(2, 3)
        return F.conv2d(grad, turned, None, 1, geometry.padding, geometry.dilation, len(weight))
    if geometry.strided and (geometry.divisible or x.dtype == torch.bfloat16):
        grad, geometry = _spread(grad, geometry)
    if geometry.divisible and not geometry.strided:
        parts, dense = _phases(grad, geometry), _dense(geometry)
        # Of x the operation looks at the shape alone.
        return _joined(_backward(parts, parts, weight, dense, (True, False))[0], x.shape, geometry)
    return _backward(grad, x, weight, geometry, (True, False))[0]


def _of_weight(grad: Tensor, x: Tensor, weight: Tensor, geometry: _Geometry) -> Tensor:
    if _few_pairs(geometry):
        return _by_pairs(grad, x, weight, geometry)
    if geometry.strided and (geometry.dilated or geometry.kernel[1] > _WIDEST):
        grad, geometry = _spread(grad, geometry)
    if geometry.divisible:
        return _of_weight(_phases(grad, geometry), _phases(x, geometry), weight, _dense(geometry))
    if geometry.dilated:
        return _by_dense_kernel(grad, x, weight, geometry)
    return _by_strips(grad, x, weight, geometry)


def _by_pairs(grad: Tensor, x: Tensor, weight: Tensor, geometry: _Geometry) -> Tensor:
    """The product of every output's gradient with every input, summed over the images; then over pairs with one weight."""
    channels, images = len(weight), len(x)
    # Copied first: bmm would else copy channel by channel.
    outputs, inputs = (one.transpose(0, 1).contiguous().view(channels, images, -1) for one in (grad, x))
    pairs = torch.bmm(outputs.transpose(1, 2), inputs).view(channels, -1)
    exact = torch.promote_types(pairs.dtype, torch.float32)
    return (pairs.to(exact) @ _incidence(geometry).to(exact)).view_as(weight).to(weight.dtype)


def _by_strips(grad: Tensor, x: Tensor, weight: Tensor, geometry: _Geometry) -> Tensor:
    """Columns of the kernel three at a time, each from the part of x it reads."""
    (rows, columns), (top, left) = geometry.kernel, geometry.padding
    if columns <= _WIDEST:
        return _backward(grad, x, weight, geometry, (False, True))[1]
    strips = []
    for start in range(0, columns, _WIDEST):
        width = min(_WIDEST, columns - start)
        before = left - start
        read = F.pad(x, (before, grad.shape[3] - 1 + width - x.shape[3] - before, 0, 0))
        strip = _Geometry(tuple(read.shape[2:]), (rows, width), (1, 1), (top, 0), (1, 1))
        empty = weight.new_empty(len(weight), 1, rows, width)
        strips.append(_backward(grad, read, empty, strip, (False, True))[1])
    return torch.cat(strips, 3)


def _by_dense_kernel(grad: Tensor, x: Tensor, weight: Tensor, geometry: _Geometry) -> Tensor:
    """A dilated kernel is a larger one with holes."""
    kernel = tuple(dilation * (size - 1) + 1 for dilation, size in zip(geometry.dilation, geometry.kernel, strict=True))
    dense = geometry._replace(kernel=kernel, dilation=(1, 1))
    wide = _by_strips(grad, x, weight.new_empty(len(weight), 1, *kernel), dense)
    return wide[:, :, :: geometry.dilation[0], :: geometry.dilation[1]]


def _spread(grad: Tensor, geometry: _Geometry) -> tuple[Tensor, _Geometry]:
    """The gradient of the same convolution with stride 1, of whose outputs the strided one keeps some."""
    whole = geometry._replace(stride=(1, 1))
    spread = grad.new_zeros(grad.shape[0], *whole.outputs, grad.shape[1]).permute(0, 3, 1, 2)
    spread[:, :, :: geometry.stride[0], :: geometry.stride[1]] = grad
    return spread, whole


def _phases(x: Tensor, geometry: _Geometry) -> Tensor:
    """Every d-th row and column, from each of the first d on, as images of their own: (images x d x d, C, H / d, W / d).

    A convolution dilated by d is a dense one of each. Rows and columns missing at the end are zeros.
    """
    (height, width), (down, across) = _padded(geometry), geometry.dilation
    x = F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2])) if (height, width) != geometry.size else x
    pixels = x.permute(0, 2, 3, 1).reshape(len(x), height // down, down, width // across, across, -1)
    return pixels.permute(0, 2, 4, 1, 3, 5).flatten(0, 2).permute(0, 3, 1, 2)


def _joined(parts: Tensor, shape: torch.Size, geometry: _Geometry) -> Tensor:
    """The images (n, C, H, W) of whose phases ``parts`` consists."""
    (height, width), (down, across) = _padded(geometry), geometry.dilation
    pixels = parts.permute(0, 2, 3, 1).view(shape[0], down, across, height // down, width // across, shape[1])
    whole = pixels.permute(0, 3, 1, 4, 2, 5).reshape(shape[0], height, width, shape[1])
    return whole[:, : shape[2], : shape[3]].permute(0, 3, 1, 2)


def _padded(geometry: _Geometry) -> tuple[int, int]:
    """The size rounded up to a multiple of the dilation."""
    return tuple(-(-size // step) * step for size, step in zip(geometry.size, geometry.dilation, strict=True))


def _dense(geometry: _Geometry) -> _Geometry:
    """Of the convolution of the phases."""
    size = tuple(n // d for n, d in zip(_padded(geometry), geometry.dilation, strict=True))
    padding = tuple(p // d for p, d in zip(geometry.padding, geometry.dilation, strict=True))
    return geometry._replace(size=size, padding=padding, dilation=(1, 1))
