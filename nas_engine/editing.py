"""Changing a pair of cells one decision at a time, as a person at a diagram does.

An edit is a line of text, so that a form's button, a script and an address say it the same way::

    normal.2.left_operation=sep_conv_3x3    normal.2.right_input=3    normal.2.combination=concat
    normal.add    normal.2.remove           normal.concat.4=on        normal.concat=rule
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from nas_engine.cell import Block, Cell, unused_states
from nas_engine.errors import ConfigError

DECISIONS = ("left_input", "left_operation", "right_input", "right_operation", "combination")
MOST_BLOCKS = 12
_EDIT = re.compile(r"(normal|reduction)\.(?:(\d+)\.(\w+)|concat(?:\.(\d+))?|(add))(?:=(\w+))?")

Cells = tuple[Cell, Cell]


def edited(cells: Cells, edits: Iterable[str]) -> Cells:
    """``cells`` after ``edits``, decisions first, so that numbers of blocks mean the cells as given. A cell that stacked
    what no block uses goes on doing so. Raises ConfigError (field: the edit's place) for an edit that cannot be done."""
    found = {cell.kind: cell for cell in cells}
    parsed = [_parsed(edit) for edit in edits]
    for kind, act, *rest in sorted(
        parsed, key=lambda edit: ("decide", "stack", "rule", "remove", "add").index(edit[1])
    ):
        found[kind] = globals()[f"_{act}"](found[kind], *rest)
    return found["normal"], found["reduction"]


def follows_rule(cell: Cell) -> bool:
    """Whether the cell stacks exactly what no block uses."""
    return set(cell.concat) == set(unused_states(cell.blocks))


def _parsed(edit: str) -> tuple:
    match = _EDIT.fullmatch(edit)
    if not match:
        raise ConfigError(f"{edit!r} is not an edit.", "set")
    kind, block, what, state, add, value = match.groups()
    if add:
        return kind, "add"
    if block is None:
        return (kind, "stack", int(state), value == "on") if state else (kind, "rule")
    if what == "remove":
        return kind, "remove", int(block)
    if what not in DECISIONS or value is None:
        raise ConfigError(f"A block has {', '.join(DECISIONS)}; {what!r} is none of them.", f"{kind}.{block}")
    return kind, "decide", int(block), what, value


def _decide(cell: Cell, number: int, what: str, value: str) -> Cell:
    _check(cell, number)
    if what.endswith("input"):
        if not value.isdigit() or int(value) > number:
            raise ConfigError(f"Block {number} can take states 0 to {number}, not {value}.", f"{cell.kind}.{number}")
        value = int(value)
    blocks = list(cell.blocks)
    blocks[number - 1] = replace(blocks[number - 1], **{what: value})
    return _with(cell, blocks)


def _add(cell: Cell) -> Cell:
    """One block more, which passes both inputs on."""
    if len(cell.blocks) >= MOST_BLOCKS:
        raise ConfigError(f"{MOST_BLOCKS} blocks are the most that a cell can have here.", f"{cell.kind}.add")
    made = _with(cell, [*cell.blocks, Block(1, "identity", 0, "identity")])
    return made if follows_rule(made) else replace(made, concat=(*made.concat, len(made.blocks) + 1))


def _remove(cell: Cell, number: int) -> Cell:
    """Without a block; whoever read it reads the block's left input instead."""
    _check(cell, number)
    if len(cell.blocks) == 1:
        raise ConfigError("A cell needs one block at least.", f"{cell.kind}.{number}")
    gone, instead = number + 1, cell.blocks[number - 1].left_input

    def moved(state: int) -> int:
        state = instead if state == gone else state
        return state - (state > gone)

    blocks = [
        replace(block, left_input=moved(block.left_input), right_input=moved(block.right_input))
        for block in (*cell.blocks[: number - 1], *cell.blocks[number:])
    ]
    kept = tuple(state - (state > gone) for state in cell.concat if state != gone)
    return Cell(cell.kind, tuple(blocks), unused_states(tuple(blocks)) if follows_rule(cell) or not kept else kept)


def _stack(cell: Cell, state: int, on: bool) -> Cell:
    if state > len(cell.blocks) + 1:
        raise ConfigError(f"There is no state {state}.", f"{cell.kind}.concat")
    chosen = tuple(sorted(({*cell.concat} | {state}) if on else ({*cell.concat} - {state})))
    if not chosen:
        raise ConfigError("One state at least must be stacked to the output.", f"{cell.kind}.concat")
    return replace(cell, concat=chosen)


def _rule(cell: Cell) -> Cell:
    return replace(cell, concat=unused_states(cell.blocks))


def _with(cell: Cell, blocks: list[Block]) -> Cell:
    blocks = tuple(blocks)
    return Cell(cell.kind, blocks, unused_states(blocks) if follows_rule(cell) else cell.concat)


def _check(cell: Cell, number: int) -> None:
    if not 1 <= number <= len(cell.blocks):
        raise ConfigError(f"The {cell.kind} cell has no block {number}.", f"{cell.kind}.{number}")


# In the order in which they are done.
_ACTS = {"decide": _decide, "stack": _stack, "rule": _rule, "remove": _remove, "add": _add}
