"""A cell being edited: what it would cost, whether the space it came from has it, and what is known of it already."""

from dataclasses import dataclass

from nas_engine.alignment import align
from nas_engine.blueprint import Blueprint
from nas_engine.cell import Cell, cells_key
from nas_engine.config import as_dict
from nas_engine.editing import MOST_BLOCKS, follows_rule
from nas_engine.errors import ConfigError
from nas_engine.operations import FAMILIES, OPERATIONS
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_config import read_search
from webapp.models import CellRecord, Search, Trial
from webapp.results.cell import PAPER, blueprint

NAMES = ("h(i−1)", "h(i)")


class AgainstOrigin:
    """What a network costs more than the one it was edited from, ``base``."""

    network: Blueprint
    base: Blueprint | None

    @property
    def more_params(self) -> int:
        return self.network.params - self.base.params

    @property
    def more_macs(self) -> int:
        return self.network.macs - self.base.macs


@dataclass(frozen=True)
class Edited(AgainstOrigin):
    """``search`` is the one whose space, network and protocol count, None where there is none. ``outside`` says why its
    space lacks the cells, "" where it has them. ``measured`` is the trial that trained them under its protocol."""

    cells: tuple[Cell, Cell]
    record: CellRecord
    search: Search | None
    network: Blueprint
    skeleton: SkeletonConfig
    base: Blueprint | None
    distance: int
    outside: str
    measured: Trial | None


def judge(cells: tuple[Cell, Cell], record: CellRecord, search: Search | None, origin: tuple | None) -> Edited:
    """``record`` may be made up; ``origin`` are the cells it was edited from, if known."""
    where = _where(search)
    measured = trained(record, search) if search else None
    changed = sum(align(one, two).distance for one, two in zip(origin, cells, strict=True)) if origin else 0
    return Edited(
        cells, record, search, blueprint(cells, *where), where[0], blueprint(origin, *where) if origin else None, changed,
        _outside(cells, search), measured,
    )  # fmt: skip


def trained(record: CellRecord, search: Search) -> Trial | None:
    """The trial that trained it under the search's protocol."""
    found = Trial.objects.filter(cell=record.key, protocol=search.protocol, state=Trial.State.FINISHED)
    return found.select_related("search").first()


def _where(search: Search | None) -> tuple:
    if search is None:
        return PAPER
    data = search.dataset
    return read_search(search.config).skeleton, data.image_shape, len(data.classes)


def _outside(cells: tuple[Cell, Cell], search: Search | None) -> str:
    if search is None:
        return ""
    space = read_search(search.config).build_space()
    if not hasattr(space, "architecture"):
        return "Cells cannot be read back into this space’s decisions."
    try:
        architecture = space.architecture(*cells)
    except ConfigError as error:
        return " ".join(dict.fromkeys(error.problems.values()))
    if space.key(architecture) != cells_key(cells):
        return "This space stacks what no block uses to the output; these cells list other states."
    return ""


def training_config(edited: Edited, line: str) -> dict:
    """The search that trains exactly this cell, under the protocol of ``edited.search``."""
    listed = {"space": "listed", "space_config": {"cells": line}, "strategy_config": {}}
    return one_trial(edited.search, f"Cell {edited.record.short}, edited", **listed)


def one_trial(search: Search, name: str, **changes) -> dict:
    """A search of a single trial under the protocol of ``search``; ``changes`` say which it is, for the grid strategy."""
    config = as_dict(read_search(search.config))
    budget = config["budget"] | {"trials": 1, "parallelism": 1, "hours": 0.0}
    return config | {"name": name, "strategy": "grid", "budget": budget} | changes


def table(cells: tuple[Cell, Cell]) -> list[dict]:
    """Every decision of both cells, for the form: blocks with what each place may take, and the stacked states."""
    return [
        {
            "kind": cell.kind,
            "blocks": [_block(cell.kind, number, block) for number, block in enumerate(cell.blocks, start=1)],
            "states": [_state(cell, state) for state in range(len(cell.blocks) + 2)],
            "rule": follows_rule(cell),
            "full": len(cell.blocks) >= MOST_BLOCKS,
            "last": len(cell.blocks) == 1,
        }
        for cell in cells
    ]


def _block(kind: str, number: int, block) -> dict:
    at = f"{kind}.{number}"
    sides = [
        {
            "side": side,
            "operation": f"{at}.{side}_operation",
            "chosen": getattr(block, f"{side}_operation"),
            "family": OPERATIONS[getattr(block, f"{side}_operation")].family,
            "input": f"{at}.{side}_input",
            "state": getattr(block, f"{side}_input"),
        }
        for side in ("left", "right")
    ]
    inputs = [(state, state_name(state)) for state in range(number + 1)]
    other = "concat" if block.combination == "add" else "add"
    return {"number": number, "at": at, "sides": sides, "inputs": inputs, "joined": block.combination, "other": other}


def _state(cell: Cell, state: int) -> dict:
    return {"at": f"{cell.kind}.concat.{state}", "name": state_name(state), "on": state in cell.concat}


def state_name(state: int) -> str:
    """A state in words: "h(i−1)", "h(i)", "block 3"."""
    return NAMES[state] if state < 2 else f"block {state - 1}"


def operations_by_family() -> list[tuple[str, list]]:
    """Every operation cells can be built from, under its family's name."""
    return [
        (name, [row for row in OPERATIONS.values() if row.family == family]) for family, name in FAMILIES.items()
        if any(row.family == family for row in OPERATIONS.values())
    ]  # fmt: skip
