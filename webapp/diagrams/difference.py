"""Two aligned cells in one layout, so that what they share stands at the same place in both drawings."""

from nas_engine.alignment import Alignment
from nas_engine.cell import Cell
from nas_engine.graph_cell import GraphCell
from webapp.diagrams.layout import layout, place

AnyCell = Cell | GraphCell


def difference(a: AnyCell, b: AnyCell, alignment: Alignment) -> dict[str, dict]:
    """``{"a": layout, "b": layout, "over": layout}`` as :func:`webapp.diagrams.layout.layout` makes them, over the same
    ranks and lanes. Nodes and edges carry ``diff``: same, changed, added (only in B) or removed (only in A). In "over"
    both cells are drawn at once and a changed operation has ``was``, its label in A."""
    return _Union(a, b, alignment).layouts()


class _Union:
    """Nodes of A under their ids, those only in B under "+" and theirs."""

    def __init__(self, a: AnyCell, b: AnyCell, alignment: Alignment):
        self.drawn = layout(a), layout(b)
        back = {there: here for here, there in alignment.nodes.items()}
        self.names = {node.id: back.get(node.id, f"+{node.id}") for node in b.nodes}
        self.matched = set(alignment.nodes)
        changed = [change for change in alignment.changes if change.kind in ("operation", "combination")]
        self.changed = {change.a for change in changed}
        self.edges = tuple(
            {(self._id(side, edge["from"]), self._id(side, edge["to"])) for edge in drawn["edges"]}
            for side, drawn in enumerate(self.drawn)
        )
        self._arrange([node.id for node in a.nodes], [node.id for node in b.nodes])

    def _id(self, side: int, name: str) -> str:
        return self.names[name] if side else name

    def _arrange(self, ours: list[str], theirs: list[str]) -> None:
        order = [*ours, *(self.names[name] for name in theirs if self.names[name] not in self.matched)]
        numbers = {name: number for number, name in enumerate(order)}
        both = sorted({(numbers[source], numbers[target]) for source, target in self.edges[0] | self.edges[1]})
        placed = place(both, numbers["out"])
        self.places = {name: placed.places[number] for name, number in numbers.items()}
        self.routes = {
            (order[s], order[t]): [list(point) for point in route] for (s, t), route in placed.routes.items()
        }

    def layouts(self) -> dict[str, dict]:
        nodes = [[self._node(side, node) for node in drawn["nodes"]] for side, drawn in enumerate(self.drawn)]
        edges = [[self._edge(side, edge) for edge in drawn["edges"]] for side, drawn in enumerate(self.drawn)]
        before = {node["id"]: node for node in nodes[0]}
        over = [self._both(before.get(node["id"]), node) for node in nodes[1]]
        over = [node for node in nodes[0] if node["diff"] == "removed"] + over
        joined = [edge for edge in edges[0] if edge["diff"] == "removed"] + edges[1]
        return {
            "a": {"nodes": nodes[0], "edges": edges[0]},
            "b": {"nodes": nodes[1], "edges": edges[1]},
            "over": {"nodes": sorted(over, key=lambda node: (node["rank"], node["lane"])), "edges": joined},
        }

    def _node(self, side: int, node: dict) -> dict:
        name = self._id(side, node["id"])
        rank, lane = self.places[name]
        diff = ("added" if side else "removed") if name not in self.matched else "same"
        if name in self.changed:
            diff = "changed"
        entry = node | {"id": name, "rank": rank, "lane": lane, "diff": diff}
        if node.get("from"):
            entry["from"] = self._id(side, node["from"])
        return entry

    def _edge(self, side: int, edge: dict) -> dict:
        ends = self._id(side, edge["from"]), self._id(side, edge["to"])
        shared = ends in self.edges[1 - side]
        diff = "same" if shared else "added" if side else "removed"
        return edge | {"from": ends[0], "to": ends[1], "via": self.routes[ends], "diff": diff}

    @staticmethod
    def _both(before: dict | None, after: dict) -> dict:
        if before and after["diff"] == "changed" and after["kind"] == "op":
            return after | {"was": before["label"], "wasFamily": before["family"]}
        return after
