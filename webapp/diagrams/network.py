"""The stacked network for the page: plain data for ``static/js/explorer.js`` and the geometry of its strip."""

from dataclasses import dataclass

from nas_engine.blueprint import Blueprint, Placement
from nas_engine.graph_cell import AnyCell
from nas_engine.operations import FAMILIES, drawn

TALL, LOW = 64, 8  # pixels of the highest and lowest block
LOADS = 36  # pixels of the highest cost bar
TOP, MIDDLE = 72, 116  # the blocks' row ends, the bars' row ends


def network_data(network: Blueprint) -> list[dict]:
    """One entry a placement: its shapes and costs, and for every node of its cell
    [parameters, MACs, input shape, shape, stride]."""
    return [
        {
            "kind": placed.kind,
            "title": title(placed),
            "filters": placed.filters,
            "inputs": placed.inputs,
            "shape": placed.shape,
            "params": placed.params,
            "macs": placed.macs,
            "nodes": placed.nodes,
        }
        for placed in network.placements
    ]


def operations_data(cells: tuple[AnyCell, ...]) -> dict[str, dict]:
    """What the inspector says of each operation the cells use."""
    names = {node.operation for cell in cells for node in cell.nodes if node.kind == "op"}
    rows = [drawn(name) for name in sorted(names)]
    return {row.name: {"about": row.about, "family": FAMILIES[row.family]} for row in rows}


def title(placed: Placement) -> str:
    """ "normal cell 2", "reduction 1", "stem", "block 3"."""
    return {"normal": f"normal cell {placed.number}", "reduction": f"reduction {placed.number}"}.get(
        placed.kind, placed.kind
    )


def first_shown(network: Blueprint) -> int:
    """The placement whose costs are shown at first: the second normal cell, since the first one sees the raw stem; of
    other networks the first with a cell."""
    normal = [index for index, placed in enumerate(network.placements) if placed.kind == "normal"]
    if normal:
        return normal[1] if len(normal) > 1 else normal[0]
    return next(index for index, placed in enumerate(network.placements) if placed.nodes)


@dataclass(frozen=True)
class Place:
    """A placement in the strip: a block as high as its resolution over a bar as high as its MACs. Lengths across are
    percentages, heights pixels."""

    placed: Placement
    index: int
    title: str
    x: str
    width: str
    middle: str
    block_y: float
    block_height: float
    load_y: float
    load_height: float

    @property
    def look(self) -> str:
        """How it is drawn: stem, head, normal, or reduction where it makes the map smaller."""
        if self.placed.kind in ("stem", "head"):
            return self.placed.kind
        return "reduction" if self.placed.shape[1] < self.placed.inputs[-1][1] else "normal"


@dataclass(frozen=True)
class Stage:
    """A run of placements of one resolution: where it begins, what it is in words, its share of the network's cost."""

    x: str
    words: str
    share: float


def strip(network: Blueprint) -> tuple[list[Place], list[Stage]]:
    """The places of every placement, and the stages they form."""
    placements = network.placements
    unit, most = 100 / len(placements), max(placed.macs for placed in placements)
    sides = [placed.shape[1] for placed in placements]
    places, stages = [], []
    for index, placed in enumerate(placements):
        height = max(LOW, TALL * (sides[index] / max(sides)) ** 0.6)
        load = max(1.0, LOADS * placed.macs / most)
        places.append(
            Place(
                placed, index, title(placed),
                f"{unit * index + 0.1:.3f}%", f"{unit - 0.2:.3f}%", f"{unit * (index + 0.5):.3f}%",
                round((TOP - height) / 2, 1), round(height, 1), round(MIDDLE - load, 1), round(load, 1),
            )
        )  # fmt: skip
        if index == 0 or sides[index] != sides[index - 1]:
            run = next((i for i in range(index, len(sides)) if sides[i] != sides[index]), len(sides))
            size = f"{sides[index]} × {placed.shape[2]}, {placements[run - 1].shape[0]} ch"
            words = "head" if placed.kind == "head" else size
            share = sum(each.macs for each in placements[index:run]) / max(1, network.macs)
            stages.append(Stage(f"{unit * index + 0.1:.3f}%", words, share))
    return places, stages
