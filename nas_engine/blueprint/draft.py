"""Drafting a piece of network: layers with shapes, and their exact costs, added one after another."""

from functools import cache
from typing import Any, NamedTuple

Shape = tuple[int, int, int]


class Layer(NamedTuple):
    """One primitive layer. ``inputs`` index earlier layers; ``shape`` is its output (channels, height, width).

    ``name`` is its scope ("cells.3.b1l.conv_1"), unique among the layers that have weights. ``kind`` is one of image, relu,
    sigmoid, conv, norm, avg_pool, max_pool, add, mean, weighted_sum, scale, concat, pad, shift, drop_path, global_pool,
    dropout, linear.
    """

    name: str
    kind: str
    inputs: tuple[int, ...]
    shape: Shape
    options: dict[str, Any]


_NO_OPTIONS: dict[str, Any] = {}


class Draft:
    """A growing list of layers. Layers 0 .. len(inputs) - 1 stand for the tensors it is given.

    ``params`` and ``macs`` are the totals so far: weights of convolutions, batch norms (running statistics are no
    parameters), weighted sums and linear layers; multiply-accumulates of convolutions and linear layers for one image,
    biases left out.
    Layers without weights are shared: asking twice for the same ReLU or pooling gives the same layer.
    """

    def __init__(self, inputs: tuple[Shape, ...], same_padding: bool = True):
        self.shapes: list[Shape] = list(inputs)
        self.layers: list[Layer] = []
        self.params = self.macs = 0
        self.same_padding = same_padding
        self._shared: dict[tuple, int] = {}

    def _add(self, name: str, kind: str, inputs: tuple[int, ...], shape: Shape, options: dict = _NO_OPTIONS) -> int:
        self.layers.append(Layer(name, kind, inputs, shape, options))
        self.shapes.append(shape)
        return len(self.shapes) - 1

    def _share(self, name: str, kind: str, source: int, shape: Shape, options: dict, key: tuple) -> int:
        key = (kind, source, *key)
        if key not in self._shared:
            self._shared[key] = self._add(name, kind, (source,), shape, options)
        return self._shared[key]

    def relu(self, source: int, scope: str) -> int:
        return self._share(f"{scope}.relu", "relu", source, self.shapes[source], _NO_OPTIONS, ())

    def sigmoid(self, source: int, scope: str) -> int:
        return self._add(f"{scope}.sigmoid", "sigmoid", (source,), self.shapes[source])

    def conv(
        self,
        source: int,
        name: str,
        channels: int,
        kernel: tuple[int, int] = (1, 1),
        stride: tuple[int, int] = (1, 1),
        *,
        depthwise: bool = False,
        dilation: int = 1,
        valid: bool = False,
        bias: bool = False,
    ) -> int:
        """A convolution; ``valid`` leaves the padding out."""
        before, height, width = self.shapes[source]
        top, bottom, height = _extent(height, kernel[0], stride[0], dilation, self.same_padding, valid)
        left, right, width = _extent(width, kernel[1], stride[1], dilation, self.same_padding, valid)
        groups = before if depthwise else 1
        weights = channels * (before // groups) * kernel[0] * kernel[1]
        self.params += weights + channels * bias
        self.macs += weights * height * width
        options = {
            "in": before, "out": channels, "kernel": kernel, "stride": stride, "padding": (top, bottom, left, right),
            "groups": groups, "dilation": dilation, "rule": self._rule(kernel[0], valid),
            **({"bias": True} if bias else {}),
        }  # fmt: skip
        return self._add(name, "conv", (source,), (channels, height, width), options)

    def _rule(self, kernel: int, valid: bool) -> str:
        """How padding follows from the map's size, for networks that are shown images of another size than planned."""
        return "valid" if valid else "same" if self.same_padding or kernel % 2 == 0 else "symmetric"

    def norm(self, source: int, name: str) -> int:
        """Batch norm with scale and offset."""
        self.params += 2 * self.shapes[source][0]
        return self._add(name, "norm", (source,), self.shapes[source])

    def pool(self, source: int, kind: str, size: int, stride: int, scope: str, *, valid: bool = False) -> int:
        """``kind`` "avg" (padding does not enter the mean) or "max"."""
        channels, height, width = self.shapes[source]
        top, bottom, height = _extent(height, size, stride, 1, self.same_padding, valid)
        left, right, width = _extent(width, size, stride, 1, self.same_padding, valid)
        options = {
            "kernel": (size, size), "stride": (stride, stride), "padding": (top, bottom, left, right),
            "rule": self._rule(size, valid),
        }  # fmt: skip
        name, shape = f"{scope}.{kind}_pool", (channels, height, width)
        return self._share(name, f"{kind}_pool", source, shape, options, (size, stride, valid))

    def shift(self, source: int, scope: str) -> int:
        """Every second row and column, beginning with the second; an odd side is first extended by a line of zeros."""
        channels, height, width = self.shapes[source]
        shape = (channels, -(-height // 2), -(-width // 2))
        return self._share(f"{scope}.shift", "shift", source, shape, _NO_OPTIONS, ())

    def add(self, left: int, right: int, scope: str) -> int:
        return self._add(f"{scope}.add", "add", (left, right), self.shapes[left])

    def mean(self, sources: tuple[int, ...], scope: str) -> int:
        """The average of maps of one shape. A single source is passed through."""
        if len(sources) == 1:
            return sources[0]
        return self._add(f"{scope}.mean", "mean", sources, self.shapes[sources[0]])

    def weighted_sum(self, sources: tuple[int, ...], name: str, edge_drop: float = 0.0) -> int:
        """The sum of maps of one shape, each times the sigmoid of a learned weight (Xie et al. 2019, section 3.2). In
        training, one of them is left out with the chance ``edge_drop``."""
        self.params += len(sources)
        options = {"edge_drop": edge_drop} if edge_drop else _NO_OPTIONS
        return self._add(name, "weighted_sum", sources, self.shapes[sources[0]], options)

    def scale(self, source: int, factors: int, scope: str) -> int:
        """Every channel times its factor, a map of one pixel."""
        return self._add(f"{scope}.scale", "scale", (source, factors), self.shapes[source])

    def pad(self, source: int, size: tuple[int, int], scope: str, channels: int = 0) -> int:
        """Zeros around a map until it has height and width ``size``, and behind it until it has ``channels``; the line
        that cannot be shared out goes right and below. A map that is large enough is passed through."""
        before, height, width = self.shapes[source]
        after = max(channels, before)
        if (height, width) == size and after == before:
            return source
        tall, wide = size[0] - height, size[1] - width
        padding = (tall // 2, tall - tall // 2, wide // 2, wide - wide // 2)
        options = {"padding": padding, "channels": after - before}
        return self._share(f"{scope}.pad", "pad", source, (after, *size), options, (size, after))

    def concat(self, sources: tuple[int, ...], scope: str) -> int:
        """Stack along the channels. A single source is passed through."""
        if len(sources) == 1:
            return sources[0]
        shape = (sum(self.shapes[source][0] for source in sources), *self.shapes[sources[0]][1:])
        return self._add(f"{scope}.concat", "concat", sources, shape)

    def drop_path(self, source: int, scope: str) -> int:
        return self._add(f"{scope}.drop_path", "drop_path", (source,), self.shapes[source])

    def dropout(self, source: int, rate: float, scope: str) -> int:
        return self._add(f"{scope}.dropout", "dropout", (source,), self.shapes[source], {"rate": rate})

    def global_pool(self, source: int, scope: str) -> int:
        return self._add(f"{scope}.global_pool", "global_pool", (source,), (self.shapes[source][0], 1, 1))

    def linear(self, source: int, name: str, outputs: int, bias: bool) -> int:
        """From all values of the source, flattened."""
        channels, height, width = self.shapes[source]
        inputs = channels * height * width
        self.params += inputs * outputs + outputs * bias
        self.macs += inputs * outputs
        return self._add(name, "linear", (source,), (outputs, 1, 1), {"in": inputs, "out": outputs, "bias": bias})

    def conv_norm(self, source: int, scope: str, channels: int, *, relu: bool = True, stride: int = 1) -> int:
        """(ReLU,) 1x1 convolution, batch norm."""
        if relu:
            source = self.relu(source, scope)
        return self.norm(self.conv(source, f"{scope}.conv", channels, stride=(stride, stride)), f"{scope}.norm")

    def factorized_reduction(self, source: int, scope: str, channels: int, *, relu: bool = True) -> int:
        """Halve height and width with two 1x1 convolutions, the second on the map shifted by one pixel each way.

        On even sides this is the same in all released code; on odd ones it follows TensorFlow slim (a line of zeros).
        """
        if relu:
            source = self.relu(source, scope)
        first = self.conv(source, f"{scope}.conv_1", channels // 2, stride=(2, 2))
        second = self.conv(self.shift(source, scope), f"{scope}.conv_2", channels - channels // 2)
        return self.norm(self.concat((first, second), scope), f"{scope}.norm")


@cache
def _extent(size: int, kernel: int, stride: int, dilation: int, same: bool, valid: bool) -> tuple[int, int, int]:
    """(padding before, padding after, output size) along one axis."""
    reach = (kernel - 1) * dilation + 1
    if valid:
        return 0, 0, (size - reach) // stride + 1
    out = -(-size // stride)
    if not same and reach % 2:
        return reach // 2, reach // 2, out
    total = max((out - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2, out
