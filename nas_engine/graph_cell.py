"""A cell given by its graph itself, for spaces whose cells are not made of NASNet's blocks."""

import hashlib
import json
from dataclasses import dataclass

from nas_engine.cell import Cell, Node
from nas_engine.errors import ConfigError
from nas_engine.isomorphism import canonical_form


@dataclass(frozen=True)
class GraphCell:
    """``nodes`` in topological order, the last one being the output. What is drawn, encoded and compared of a
    :class:`nas_engine.cell.Cell` is drawn, encoded and compared of this one alike; it is not trained.

    Raises ConfigError where a node takes an input that does not stand before it.
    """

    kind: str
    nodes: tuple[Node, ...]

    def __post_init__(self):
        before = set()
        for node in self.nodes:
            if not set(node.inputs) <= before:
                raise ConfigError(f"{node.id} takes an input that does not stand before it", f"{self.kind}.{node.id}")
            before.add(node.id)

    def key(self) -> str:
        """64 hex digits, equal exactly for isomorphic graphs: ids and the order of nodes and inputs do not matter."""
        place = {node.id: index for index, node in enumerate(self.nodes)}
        labels = [node.id if node.kind == "input" else f"{node.kind}:{node.operation}" for node in self.nodes]
        edges = [(place[source], place[node.id], "") for node in self.nodes for source in node.inputs]
        return hashlib.sha256(json.dumps([self.kind, canonical_form(labels, edges)]).encode()).hexdigest()

    def as_json(self) -> dict:
        return {"kind": self.kind, "nodes": [[n.id, n.kind, list(n.inputs), n.operation] for n in self.nodes]}

    @classmethod
    def from_json(cls, data: dict) -> "GraphCell":
        """Inverse of :meth:`as_json`."""
        nodes = tuple(Node(name, kind, tuple(inputs), operation) for name, kind, inputs, operation in data["nodes"])
        return cls(data["kind"], nodes)


def read_cell(data: dict) -> Cell | GraphCell:
    """A cell of either kind from its JSON. Raises ConfigError where the data is none."""
    return GraphCell.from_json(data) if "nodes" in data else Cell.from_json(data)
