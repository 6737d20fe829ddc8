"""Weights kept once an edge: a bank runs the layers of one operation for one edge, or for several at once.

Several edges that leave one state are run as one network with their channels side by side: (N, edges x C, H, W).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas_engine.blueprint import Layer
from nas_engine.blueprint.supernet import Piece
from nas_engine.networks.model import _pooling, _shift


class Source:
    """The map that operations are applied to. What they have in common, its ReLU and its poolings, is worked out once."""

    def __init__(self, x: Tensor):
        self.x = x
        self._known: dict[tuple, Tensor] = {}

    def once(self, key: tuple, compute) -> Tensor:
        """``compute(x)``, remembered under ``key``."""
        if key not in self._known:
            self._known[key] = compute(self.x)
        return self._known[key]


class BankConv(nn.Module):
    """A convolution without bias and with a weight for every edge: (edges, out, in / groups, kernel, kernel).

    It has the attributes of ``nn.Conv2d``, so that a training may replace how it is computed.
    """

    bias, padding_mode = None, "zeros"

    def __init__(self, layer: dict, edges: int, init: str):
        super().__init__()
        self.in_channels, self.out_channels, self.groups = layer["in"], layer["out"], layer["groups"]
        self.kernel_size, self.stride = tuple(layer["kernel"]), tuple(layer["stride"])
        self.dilation = (layer["dilation"],) * 2
        top, bottom, left, right = layer["padding"]
        even = top == bottom and left == right
        self.padding = (top, left) if even else (0, 0)
        self.sides = None if even else (left, right, top, bottom)
        fan_in = self.in_channels // self.groups * self.kernel_size[0] * self.kernel_size[1]
        self.weight = nn.Parameter(
            torch.empty(edges, self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        )
        if init == "he_normal":
            nn.init.normal_(self.weight, std=(2 / fan_in) ** 0.5)
        else:
            nn.init.uniform_(self.weight, -(fan_in**-0.5), fan_in**-0.5)

    def forward(self, x: Tensor, rows: Sequence[int], stacked: bool) -> Tensor:
        """For the edges ``rows``; ``stacked`` says that ``x`` already holds their channels side by side."""
        if self.sides is not None:
            x = F.pad(x, self.sides)
        if len(rows) == 1:
            return self._conv_forward(x, self.weight[rows[0]], None)
        whole = len(rows) == len(self.weight)
        weight = (self.weight if whole else self.weight[list(rows)]).flatten(0, 1)
        if self.groups > 1 or stacked:
            if not stacked:
                x = x.repeat(1, len(rows), 1, 1)
            if self.groups == self.in_channels == self.out_channels:
                return self._conv_forward(x, weight, None)
            return self._plain(x, weight, self.groups * len(rows))
        return self._conv_forward(x, weight, None)

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: None) -> Tensor:
        depthwise = self.groups == self.in_channels == self.out_channels
        return self._plain(x, weight, len(weight) if depthwise else self.groups)

    def _plain(self, x: Tensor, weight: Tensor, groups: int) -> Tensor:
        return F.conv2d(x, weight, None, self.stride, self.padding, self.dilation, groups)


class BankNorm(nn.Module):
    """Batch norm by the batch's own statistics, in evaluation as well: shared weights have no running ones worth keeping.
    ``affine`` gives every edge a scale and an offset (edges, C)."""

    def __init__(self, channels: int, edges: int, eps: float, affine: bool):
        super().__init__()
        self.channels, self.eps = channels, eps
        self.weight = nn.Parameter(torch.ones(edges, channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(edges, channels)) if affine else None

    def forward(self, x: Tensor, rows: Sequence[int], scales: Tensor | None) -> Tensor:
        """``scales`` (edges) multiply the result: free, since the norm multiplies anyway."""
        weight = bias = None
        if self.weight is not None:
            weight, bias = (value[list(rows)].flatten() for value in (self.weight, self.bias))
        if scales is not None:
            spread = scales.repeat_interleave(self.channels)
            weight = spread if weight is None else weight * spread
            bias = None if bias is None else bias * spread
        return F.batch_norm(x, None, None, weight, bias, True, 0.0, self.eps)


class _Step(NamedTuple):
    """One layer of a bank. ``before`` is the shape it is given (None: that of the source), ``key`` what its result is
    remembered under if it is applied to the source."""

    index: int
    layer: Layer
    kind: str
    module: nn.Module | None
    before: tuple[int, ...] | None
    key: tuple | None


class Bank(nn.Module):
    """One operation with the weights of ``edges`` edges. ``shared``: it has none, so all edges get the same."""

    def __init__(self, piece: Piece, edges: int, eps: float, init: str):
        super().__init__()
        self.output, self.steps = piece.output, []
        for index, layer in enumerate(piece.layers, start=1):
            module = self._module(layer, edges, eps, init)
            if module is not None:
                self.add_module(layer.name.rpartition(".")[2], module)
            before = piece.layers[layer.inputs[0] - 1].shape if layer.inputs[0] else None
            # What is worked out once for all operations on a map goes by what it does.
            key = (layer.kind, str(layer.options)) if before is None else None
            self.steps.append(_Step(index, layer, layer.kind, module, before, key))
        self._functions: dict[int, Callable[[Tensor], Tensor]] = {}
        self.shared = not any(True for _ in self.parameters())
        norms = [step.index for step in self.steps if step.kind == "norm"]
        self.scaled = bool(norms) and self._norm_is_last(piece)
        self.last_norm = norms[-1] if self.scaled else 0

    @staticmethod
    def _module(layer: Layer, edges: int, eps: float, init: str) -> nn.Module | None:
        if layer.kind == "conv":
            return BankConv(layer.options, edges, init)
        if layer.kind == "norm":
            return BankNorm(layer.shape[0], edges, eps, layer.options["affine"])
        return None

    def _norm_is_last(self, piece: Piece) -> bool:
        index = piece.output
        while index and piece.layers[index - 1].kind == "drop_path":
            index = piece.layers[index - 1].inputs[0]
        return bool(index) and piece.layers[index - 1].kind == "norm"

    def forward(self, source: Source, rows: Sequence[int], scales: Tensor | None = None) -> Tensor:
        """The result for the edges ``rows`` (indices into this bank): (N, len(rows) x C, H, W), times ``scales`` if given.

        A shared bank takes one row.
        """
        values: list = [source.x] + [None] * len(self.steps)
        stacked, several = [False] * (len(self.steps) + 1), len(rows) > 1
        for index, layer, kind, module, before, key in self.steps:
            first = layer.inputs[0]
            if kind == "conv":
                values[index] = module(values[first], rows, stacked[first])
                stacked[index] = several
                continue
            stacked[index] = stacked[first]
            if kind == "norm":
                values[index] = module(values[first], rows, scales if index == self.last_norm else None)
            elif kind == "concat":
                maps = [values[at] for at in layer.inputs]
                values[index] = _side_by_side(maps, len(rows) if stacked[index] else 1)
            elif kind == "drop_path":
                values[index] = values[first]
            else:
                run = self._functions.get(index)
                if run is None:
                    size = source.x.shape[1:] if before is None else before
                    run = self._functions[index] = _stateless(layer, size)
                values[index] = run(values[first]) if key is None else source.once(key, run)
        result = values[self.output]
        if scales is not None and not self.scaled:
            result = result * (scales[0] if len(rows) == 1 else _spread(scales, result))
        return result


def _side_by_side(maps: list[Tensor], edges: int) -> Tensor:
    if edges == 1:
        return torch.cat(maps, 1)
    batch, _, *size = maps[0].shape
    return torch.cat([one.view(batch, edges, -1, *size) for one in maps], 2).flatten(1, 2)


def _spread(scales: Tensor, result: Tensor) -> Tensor:
    return scales.repeat_interleave(result.shape[1] // len(scales)).view(1, -1, 1, 1).to(result.dtype)


def _stateless(layer: Layer, before):
    if layer.kind == "relu":
        return torch.relu
    if layer.kind == "shift":
        return _shift
    return _pooling({"kind": layer.kind, "shape": layer.shape, **layer.options}, list(before))
