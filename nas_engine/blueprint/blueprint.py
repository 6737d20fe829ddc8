"""The blueprint: a whole network as a flat list of layers, with its exact costs; plain JSON both ways."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from nas_engine.blueprint.draft import Layer, Shape
from nas_engine.errors import ConfigError

FORMAT = 1


class NodeCost(NamedTuple):
    """What one node of a placed cell costs for one image, and the shapes it turns into one another."""

    params: int
    macs: int
    in_shape: Shape
    shape: Shape
    stride: int = 1


class Placement(NamedTuple):
    """One part of the stacked network. ``kind`` is stem, head or the kind of its cell (normal, reduction, or what the
    cell's family calls it); ``number`` counts from 1 within it.

    ``inputs`` are the shapes it is given ([older, newer] for a cell), ``shape`` is its output, ``nodes`` maps the node ids
    of its cell to their costs: projections of the inputs are charged to "s0" and "s1", the 1x1 behind a concatenating
    block to its state, and what fits states to the output to "concat". A cell that nothing reads costs nothing, for it is
    not built.
    """

    kind: str
    number: int
    filters: int
    inputs: tuple[Shape, ...]
    shape: Shape
    params: int
    macs: int
    nodes: dict[str, NodeCost]
    name: str = ""


class Feature(NamedTuple):
    """A stage's map: which layer gives it, its channels, and by how much it is smaller than the image."""

    layer: int
    channels: int
    stride: int


class Graph(NamedTuple):
    """Layer 0 is the image. ``logits`` and ``aux`` index the outputs; ``features`` are the stages' maps, in order."""

    layers: tuple[Layer, ...]
    logits: int
    aux: int | None
    features: tuple[Feature, ...]


@dataclass(frozen=True)
class Blueprint:
    """A network: made by :func:`nas_engine.blueprint.build_blueprint`, built by :mod:`nas_engine.networks`.

    ``params`` and ``macs`` leave the auxiliary head out; its parameters are ``aux_params`` (0 without one).
    ``norm_eps`` and ``norm_momentum`` (share of the new batch in the running statistics) hold for every batch norm.
    """

    image_shape: Shape
    classes: int
    params: int
    macs: int
    aux_params: int
    placements: tuple[Placement, ...]
    norm_eps: float
    norm_momentum: float
    init: str
    _expand: Callable[[], Graph] = field(repr=False, compare=False)

    @cached_property
    def graph(self) -> Graph:
        """The layers; worked out when first asked for, since costs do not need them."""
        return self._expand()

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.graph.layers

    def as_json(self) -> dict:
        """Everything, as plain JSON data. A layer's options stand beside its name, kind, inputs and shape."""
        layers = [
            {"name": name, "kind": kind, "inputs": list(inputs), "shape": list(shape), **_plain(options)}
            for name, kind, inputs, shape, options in self.graph.layers
        ]
        return {
            "format": FORMAT,
            "image_shape": list(self.image_shape),
            "classes": self.classes,
            "params": self.params,
            "macs": self.macs,
            "aux_params": self.aux_params,
            "norm_eps": self.norm_eps,
            "norm_momentum": self.norm_momentum,
            "init": self.init,
            "layers": layers,
            "logits": self.graph.logits,
            "aux": self.graph.aux,
            "features": [list(feature) for feature in self.graph.features],
            "placements": [_placement_json(placement) for placement in self.placements],
        }

    @classmethod
    def from_json(cls, data: dict) -> "Blueprint":
        """Inverse of :meth:`as_json`. Raises ConfigError where the data is not a blueprint of this format."""
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ConfigError(f"This is not a blueprint of format {FORMAT}.", "blueprint")
        try:
            layers = tuple(_layer(layer) for layer in data["layers"])
            features = tuple(Feature(*feature) for feature in data["features"])
            graph = Graph(layers, data["logits"], data["aux"], features)
            return cls(
                tuple(data["image_shape"]),
                *(data[name] for name in ("classes", "params", "macs", "aux_params")),
                tuple(_placement(placement) for placement in data["placements"]),
                *(data[name] for name in ("norm_eps", "norm_momentum", "init")),
                lambda: graph,
            )
        except (KeyError, TypeError, ValueError):
            raise ConfigError("This blueprint is incomplete or damaged.", "blueprint") from None


def _plain(options: dict) -> dict:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}


def _layer(data: dict) -> Layer:
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
    return Layer(options.pop("name"), options.pop("kind"), options.pop("inputs"), options.pop("shape"), options)


def _placement_json(placement: Placement) -> dict:
    nodes = {
        name: [cost.params, cost.macs, list(cost.in_shape), list(cost.shape), cost.stride]
        for name, cost in placement.nodes.items()
    }
    inputs = [list(shape) for shape in placement.inputs]
    return {**placement._asdict(), "inputs": inputs, "shape": list(placement.shape), "nodes": nodes}


def _placement(data: dict) -> Placement:
    nodes = {
        name: NodeCost(params, macs, tuple(in_shape), tuple(shape), stride)
        for name, (params, macs, in_shape, shape, stride) in data["nodes"].items()
    }
    inputs = tuple(tuple(shape) for shape in data["inputs"])
    return Placement(**{**data, "inputs": inputs, "shape": tuple(data["shape"]), "nodes": nodes})
