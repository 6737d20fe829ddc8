"""A cell given by its graph itself, for spaces whose cells are not made of NASNet's blocks."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from nas_engine.cell import Cell, Node, Options, frozen_options
from nas_engine.errors import ConfigError
from nas_engine.isomorphism import canonical_form
from nas_engine.operations import GRAPH_OPERATIONS

NODE_KINDS = ("input", "op", "add", "cat", "concat", "output")


@dataclass(frozen=True)
class GraphCell:
    """``nodes`` in topological order, the last one being the output. What is drawn, encoded and compared of a
    :class:`nas_engine.cell.Cell` is drawn, encoded and compared of this one alike.

    ``family`` names the rules that build its network (:data:`nas_engine.blueprint.families.FAMILIES`); a cell without one
    is only drawn, since a table holds its measurements. ``options`` are plain values the family's rules read (see
    :func:`nas_engine.cell.frozen_options`).

    Raises ConfigError where a node takes an input that does not stand before it, and, in a family, for an operation
    nobody knows.
    """

    kind: str
    nodes: tuple[Node, ...]
    family: str = ""
    options: Options = ()

    def __post_init__(self):
        before: set[str] = set()
        for node in self.nodes:
            at = f"{self.kind}.{node.id}"
            if not set(node.inputs) <= before:
                raise ConfigError(f"{node.id} takes an input that does not stand before it", at)
            if node.id in before:
                raise ConfigError(f"{node.id} is there twice", at)
            if self.family and node.kind == "op" and node.operation not in GRAPH_OPERATIONS:
                raise ConfigError(f"{node.operation!r} is not an operation. Known: {', '.join(GRAPH_OPERATIONS)}.", at)
            before.add(node.id)
        if not self.nodes or self.nodes[-1].kind != "output" or any(node.kind not in NODE_KINDS for node in self.nodes):
            raise ConfigError(f"The nodes are {', '.join(NODE_KINDS)}, and the last is the output.", self.kind)

    def option(self, name: str, default: Any = None) -> Any:
        return dict(self.options).get(name, default)

    def key(self) -> str:
        """64 hex digits, equal exactly for isomorphic graphs with the same options: ids and the order of nodes and inputs
        do not matter."""
        place = {node.id: index for index, node in enumerate(self.nodes)}
        edges = [(place[source], place[node.id], "") for node in self.nodes for source in node.inputs]
        graph: list = [self.kind, canonical_form([_label(node) for node in self.nodes], edges)]
        if self.family or self.options:
            graph += [self.family, self.options]
        return hashlib.sha256(json.dumps(graph).encode()).hexdigest()

    def as_json(self) -> dict:
        """Plain data; a node is [id, kind, inputs, operation] and its options, where it has any."""
        nodes = [
            [node.id, node.kind, list(node.inputs), node.operation, *([dict(node.options)] if node.options else [])]
            for node in self.nodes
        ]
        more = {"family": self.family, "options": dict(self.options)}
        return {"kind": self.kind, "nodes": nodes, **{name: value for name, value in more.items() if value}}

    @classmethod
    def from_json(cls, data: dict) -> "GraphCell":
        """Inverse of :meth:`as_json`. Raises ConfigError where the data is not such a cell."""
        try:
            nodes = tuple(_node(*row) for row in data["nodes"])
            return cls(str(data["kind"]), nodes, str(data.get("family", "")), frozen_options(data.get("options", {})))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, ConfigError):
                raise
            raise ConfigError("A cell needs kind and nodes of id, kind, inputs and operation.", "cell") from None


def _label(node: Node) -> str:
    if node.kind == "input":
        return node.id
    label = f"{node.kind}:{node.operation}"
    return f"{label}:{json.dumps(node.options)}" if node.options else label


def _node(name: str, kind: str, inputs: list, operation: str, options: dict | None = None) -> Node:
    inputs = tuple(str(source) for source in inputs)
    return Node(str(name), str(kind), inputs, str(operation), options=frozen_options(options or {}))


AnyCell = Cell | GraphCell


def read_cell(data: Any) -> AnyCell:
    """A cell of either kind from its JSON data. Raises ConfigError where the data is none."""
    if isinstance(data, dict) and "nodes" in data:
        return GraphCell.from_json(data)
    return Cell.from_json(data)


def read_cells(data: Any) -> tuple[AnyCell, ...]:
    """The cells of an architecture from their JSON data. Raises ConfigError where the data is no list of cells."""
    if not isinstance(data, list):
        raise ConfigError("The cells are a list.", "cell")
    return tuple(read_cell(one) for one in data)
