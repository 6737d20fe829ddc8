"""Two cells side by side: how their numbers differ under one protocol, and what each edit between them costs."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from nas_engine.alignment import Alignment, Change, align
from nas_engine.blueprint import Blueprint
from nas_engine.cell import Cell
from nas_engine.graph_cell import GraphCell
from webapp.models import CellRecord, Trial
from webapp.results.cell import PAPER, Result, blueprint, network_of, results_of
from webapp.templatetags.cells import cells_of

ORDER = {"operation": 0, "input": 1, "combination": 2, "removed": 3, "added": 4, "concat": 5}


@dataclass(frozen=True)
class Row:
    """What differs at one place. ``kind`` is the cell's, ``where`` the place in words; ``before`` and ``after`` are
    (operation, inputs) pairs of what stands there, None where nothing does. Costs are summed over all cells of the kind."""

    kind: str
    where: str
    before: tuple[str, list[str]] | None
    after: tuple[str, list[str]] | None
    params: int | None
    macs: int | None
    counts: bool = True


@dataclass(frozen=True)
class Side:
    """A cell, what it measured under the protocol both share (or its own best known one), and its network."""

    record: CellRecord
    result: Result | None
    network: Blueprint | None

    @property
    def measured(self) -> Trial | None:
        return self.result.measured if self.result else None


@dataclass
class Difference:
    """``alignments`` one a kind of cell. ``shared`` says that both were measured under one protocol."""

    a: Side
    b: Side
    shared: bool
    protocols: list[Result]
    alignments: dict[str, Alignment]
    rows: list[Row] = field(default_factory=list)
    families: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def distance(self) -> int:
        return sum(alignment.distance for alignment in self.alignments.values())

    @property
    def exact(self) -> bool:
        return all(alignment.exact for alignment in self.alignments.values())

    def gained(self, name: str) -> float | None:
        """B minus A of ``valid_accuracy`` or ``latency``, where one protocol, and for a latency one device, gave both."""
        one, two = self.a.measured, self.b.measured
        if not self.shared or one is None or two is None:
            return None
        if name == "latency" and one.device.get("name") != two.device.get("name"):
            return None
        values = getattr(one, name), getattr(two, name)
        return None if None in values else values[1] - values[0]

    @property
    def accuracy(self) -> float | None:
        return self.gained("valid_accuracy")

    @property
    def latency(self) -> float | None:
        return self.gained("latency")

    @property
    def params(self) -> int | None:
        return self.b.network.params - self.a.network.params if self.a.network else None

    @property
    def macs(self) -> int | None:
        return self.b.network.macs - self.a.network.macs if self.a.network else None


def compare(a: CellRecord, b: CellRecord, protocol: str = "") -> Difference:
    """Both cells under the protocol asked for, else the one they share with most results, else in the first's network."""
    results = [{result.fingerprint: result for result in results_of(record)} for record in (a, b)]
    both = [
        result for fingerprint, result in results[0].items() if result.measured and _measured(results[1], fingerprint)
    ]
    chosen = next((result.fingerprint for result in both if result.fingerprint == protocol), None)
    chosen = chosen or (both[0].fingerprint if both else None)
    picked = [each.get(chosen) if chosen else next(iter(each.values()), None) for each in results]
    cells = [cells_of(record) for record in (a, b)]
    stacked = all(isinstance(cell, Cell) for pair in cells for cell in pair)
    networks = _networks(cells, picked) if stacked else (None, None)
    alignments = {one.kind: align(one, two) for one in cells[0] for two in cells[1] if one.kind == two.kind}
    found = Difference(Side(a, picked[0], networks[0]), Side(b, picked[1], networks[1]), bool(chosen), both, alignments)
    for one in cells[0]:
        two = next((cell for cell in cells[1] if cell.kind == one.kind), None)
        if two:
            found.rows += rows(one, two, alignments[one.kind], networks)
    return found


def _measured(results: dict[str, Result], fingerprint: str) -> bool:
    return fingerprint in results and results[fingerprint].measured is not None


def _networks(cells: list, picked: list[Result | None]) -> tuple[Blueprint, Blueprint]:
    """Both cells stacked the same way: as the protocol says, or in the paper's network."""
    leading = next((result for result in picked if result), None)
    if leading is None:
        return tuple(blueprint(pair, *PAPER) for pair in cells)
    return tuple(network_of(pair, leading)[0] for pair in cells)


def rows(a: Cell | GraphCell, b: Cell | GraphCell, alignment: Alignment, networks: tuple) -> list[Row]:
    """The changes of one kind of cell, those at one place together, in the order of the blocks."""
    costs = [_costs(network, a.kind) for network in networks]
    nodes = [{node.id: node for node in cell.nodes} for cell in (a, b)]
    places: dict[tuple[str, str], list[Change]] = defaultdict(list)
    for change in sorted(alignment.changes, key=lambda change: ORDER[change.kind]):
        if change.kind in ("removed", "added"):
            side = int(change.kind == "added")
            block = change.b if side else change.a
            for part in [*_operands(nodes[side], block), block]:
                places[("", part) if side else (part, "")].append(change)
        else:
            places[change.a, change.b].append(change)
    made = [_row(a.kind, ends, changes, nodes, costs) for ends, changes in places.items()]
    return sorted(made, key=lambda row: (not row.counts, row.where in ("concat", "output"), row.where))


def _operands(nodes: dict, block: str) -> list[str]:
    """The operations of a block, whose state is what is reported added or removed."""
    return [name for name in nodes[block].inputs if nodes[name].kind == "op" and nodes[block].block]


def _row(kind: str, ends: tuple[str, str], changes: list[Change], nodes: list[dict], costs: list) -> Row:
    here, there = (nodes[side].get(name) if name else None for side, name in enumerate(ends))
    node = here or there
    params = macs = None
    if costs[0] is not None:
        spent = [costs[side].get(name, (0, 0)) for side, name in enumerate(ends)]
        params, macs = (spent[1][at] - spent[0][at] for at in (0, 1))
    return Row(
        kind, _where(node), _stands(here, nodes[0]), _stands(there, nodes[1]), params, macs,
        any(change.weight for change in changes),
    )  # fmt: skip


def _costs(network: Blueprint | None, kind: str) -> dict[str, tuple[int, int]] | None:
    """Node -> (parameters, MACs), summed over the placements of a kind."""
    if network is None:
        return None
    params, macs = Counter(), Counter()
    for placed in network.placements:
        if placed.kind == kind:
            for name, cost in placed.nodes.items():
                params[name] += cost.params
                macs[name] += cost.macs
    return {name: (params[name], macs[name]) for name in params.keys() | macs.keys()}


def _where(node) -> str:
    if node.kind in ("concat", "output"):
        return node.kind
    if node.block:
        return f"block {node.block}{f', {node.side}' if node.side else ''}"
    return node.id


def _stands(node, nodes: dict) -> tuple[str, list[str]] | None:
    if node is None:
        return None
    names = [] if node.kind in ("add", "cat") and node.block else [_name(nodes[source]) for source in node.inputs]
    return node.operation or {"cat": "concat"}.get(node.kind, node.kind), names


def _name(node) -> str:
    if node.kind == "input":
        return {"s0": "h(i−1)", "s1": "h(i)"}.get(node.id, node.id)
    return f"block {node.block}" if node.block and node.kind != "op" else node.id
