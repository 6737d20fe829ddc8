"""Cells as text: the DARTS authors' Genotype(...), the lists of NASNet's and AmoebaNet's released code, and our JSON.

Text is parsed, never evaluated.
"""

import ast
import json
import re

from nas_engine import graph_notation
from nas_engine.cell import Block, Cell
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import AnyCell, read_cells
from nas_engine.operations import OPERATIONS

LONGEST_TEXT = 100_000
LONGEST_LINE = 4_000

# Ours -> the DARTS authors'. What is not listed has one name for both.
DARTS_NAMES = {"identity": "skip_connect", "conv_1x7_7x1": "conv_7x1_1x7"}
# Ours -> TensorFlow's. Those lists call a bottleneck convolution by its bare kernel.
NASNET_NAMES = {
    "identity": "none",
    "sep_conv_3x3": "separable_3x3_2",
    "sep_conv_5x5": "separable_5x5_2",
    "sep_conv_7x7": "separable_7x7_2",
    "conv_1x1": "1x1",
    "conv_3x3_bottleneck": "3x3",
    "conv_1x7_7x1_bottleneck": "1x7_7x1",
    "conv_1x3_3x1_bottleneck": "1x3_3x1",
}
_FROM_DARTS = {theirs: ours for ours, theirs in DARTS_NAMES.items()}
# The released TPU code runs the dilated name of AmoebaNet-B's list as a plain separable convolution.
_FROM_NASNET = {theirs: ours for ours, theirs in NASNET_NAMES.items()} | {"dil_2_separable_5x5_2": "sep_conv_5x5"}

_DARTS_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
_NASNET_FIELDS = ("operations", "hiddenstate_indices", "used_hiddenstates")


def to_json(cells: tuple[AnyCell, ...]) -> str:
    """Our own notation; it alone can say everything a cell can be."""
    return json.dumps([cell.as_json() for cell in cells])


def to_darts(cells: tuple[AnyCell, ...]) -> str:
    """``Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=[...], reduce=[...], reduce_concat=[...])``.

    Raises ConfigError for a cell that joins by concatenation, which this notation cannot say.
    """
    normal, reduction = _pair(cells)
    parts = []
    for word, cell in (("normal", normal), ("reduce", reduction)):
        _check_adds(cell, "DARTS")
        sides = [side for block in cell.blocks for side in _sides(block)]
        edges = ", ".join(f"({DARTS_NAMES.get(operation, operation)!r}, {state})" for state, operation in sides)
        parts += [f"{word}=[{edges}]", f"{word}_concat={list(cell.concat)}"]
    return f"Genotype({', '.join(parts)})"


def to_nasnet(cells: tuple[AnyCell, ...]) -> str:
    """The three lists a cell has in the released TensorFlow code, as assignments.

    There, hidden state 0 is the newer input and 1 the older, and a state that is not "used" is stacked to the output.
    Raises ConfigError for a cell that joins by concatenation, which this notation cannot say.
    """
    lines = []
    for word, cell in zip(("normal", "reduction"), _pair(cells), strict=True):
        _check_adds(cell, "NASNet")
        sides = [side for block in cell.blocks for side in _sides(block)]
        unused = {_swap(state) for state in cell.concat}
        values = (
            [NASNET_NAMES.get(operation, operation) for _, operation in sides],
            [_swap(state) for state, _ in sides],
            [int(state not in unused) for state in range(len(cell.blocks) + 2)],
        )
        lines += [f"{word}_cell_{name} = {value}" for name, value in zip(_NASNET_FIELDS, values, strict=True)]
    return "\n".join(lines)


def from_text(text: str) -> tuple[AnyCell, ...]:
    """The (normal, reduction) cells of a text in any of the three notations; JSON may also hold the cells of another
    family, and the strings of NAS-Bench-101 and 201 their one cell. Raises ConfigError saying what is wrong."""
    text = text.strip()
    if not text or len(text) > LONGEST_TEXT:
        raise ConfigError("Paste a Genotype(...), NASNet's lists, a NAS-Bench cell or the cells as JSON.", "cell")
    try:
        if graph_notation.looks_like(text):
            return graph_notation.from_text(text)
        if text[0] in "[{":
            return _from_json(json.loads(text))
        if re.match(r"[\w.\s=]*Genotype\s*\(", text):
            return _from_darts(text)
        return _from_nasnet(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"This JSON breaks off at line {error.lineno}: {error.msg}.", "cell") from None
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"This text cannot be read as cells: {_reason(error)}.", "cell") from None


def _reason(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.msg}, line {error.lineno}"
    return "only lists, names in quotes and whole numbers may stand in it"


def _pair(cells: tuple[AnyCell, ...]) -> tuple[Cell, Cell]:
    if len(cells) != 2 or not all(isinstance(cell, Cell) for cell in cells):
        raise ConfigError("This notation takes two cells made of blocks: normal and reduction.", "cell")
    return cells[0], cells[1]


def _check_adds(cell: Cell, notation: str) -> None:
    if any(block.combination != "add" for block in cell.blocks):
        raise ConfigError(f"{notation} notation cannot say that a block concatenates; use JSON.", f"{cell.kind}.concat")


def _sides(block: Block) -> tuple[tuple[int, str], tuple[int, str]]:
    return (block.left_input, block.left_operation), (block.right_input, block.right_operation)


def _swap(state: int) -> int:
    """TensorFlow's lists put the newer input first."""
    return 1 - state if state < 2 else state


def _from_json(data: object) -> tuple[AnyCell, ...]:
    if isinstance(data, dict):
        data = data.get("cells", [data])
    if isinstance(data, list) and data and isinstance(data[0], dict) and "nodes" in data[0]:
        return read_cells(data)
    if not isinstance(data, list) or not 1 <= len(data) <= 2:
        raise ConfigError("Give the normal and the reduction cell as a list of two.", "cell")
    cells = [Cell.from_json(cell) for cell in data]
    normal, reduction = cells[0], cells[-1]
    return Cell("normal", normal.blocks, normal.concat), Cell("reduction", reduction.blocks, reduction.concat)


def _from_darts(text: str) -> tuple[Cell, Cell]:
    tree = ast.parse(text[text.index("Genotype") :].strip(), mode="eval").body
    if not isinstance(tree, ast.Call):
        raise ConfigError("Nothing may follow the Genotype(...).", "cell")
    given = dict(zip(_DARTS_FIELDS, tree.args, strict=False)) | {word.arg: word.value for word in tree.keywords}
    missing = [name for name in _DARTS_FIELDS if name not in given]
    if missing:
        raise ConfigError(f"This Genotype lacks {', '.join(missing)}.", "cell")
    values = {name: _value(given[name]) for name in _DARTS_FIELDS}
    return tuple(
        _cell(kind, [(state, operation) for operation, state in values[word]], values[f"{word}_concat"], _FROM_DARTS)
        for kind, word in (("normal", "normal"), ("reduction", "reduce"))
    )


def _value(node: ast.expr) -> list:
    """A literal, or the range(2, 6) that stands in many Genotypes."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range" and not node.keywords:
        bounds = [int(ast.literal_eval(argument)) for argument in node.args]
        if all(abs(bound) <= 100 for bound in bounds):
            return list(range(*bounds))
    return list(ast.literal_eval(node))


def _from_nasnet(text: str) -> tuple[Cell, Cell]:
    given = {}
    for statement in ast.parse(text).body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            raise ConfigError("NASNet's lists are assignments: normal_cell_operations = [...], and so on.", "cell")
        given[statement.targets[0].id] = list(ast.literal_eval(statement.value))
    return tuple(_from_lists(kind, given) for kind in ("normal", "reduction"))


def _from_lists(kind: str, given: dict[str, list]) -> Cell:
    values = []
    for name in _NASNET_FIELDS:
        full = f"{kind}_cell_{name}"
        if full not in given:
            raise ConfigError(f"{full} is missing.", "cell")
        values.append(given[full])
    operations, states, used = values
    if len(operations) != len(states):
        raise ConfigError(f"{len(operations)} operations need as many hidden states, not {len(states)}.", kind)
    concat = sorted(_swap(state) for state, flag in enumerate(used) if not flag)
    return _cell(kind, [(_swap(int(s)), o) for s, o in zip(states, operations, strict=True)], concat, _FROM_NASNET)


def _cell(kind: str, sides: list, concat: list, names: dict[str, str]) -> Cell:
    if len(sides) % 2 or not sides:
        raise ConfigError("Every block needs two operations.", kind)
    read = [(int(state), _operation(name, names, kind)) for state, name in sides]
    blocks = tuple(Block(*left, *right) for left, right in zip(read[::2], read[1::2], strict=True))
    return Cell(kind, blocks, tuple(int(state) for state in concat))


def _operation(name: object, names: dict[str, str], kind: str) -> str:
    own = names.get(str(name), str(name))
    if own not in OPERATIONS:
        raise ConfigError(f"{name!r} is not an operation. Known: {', '.join(OPERATIONS)}.", kind)
    return own


def to_line(cells: tuple[Cell, Cell]) -> str:
    """The (normal, reduction) cells in one line that needs no quoting in an address: blocks divided by commas, the stacked
    states behind a colon, the cells divided by a semicolon: ``1-conv_3x3-0-identity,2-conv_1x1-0-identity-concat:3;...``."""
    return ";".join(f"{','.join(map(_block_word, cell.blocks))}:{'-'.join(map(str, cell.concat))}" for cell in cells)


def _block_word(block: Block) -> str:
    words = [str(block.left_input), block.left_operation, str(block.right_input), block.right_operation]
    return "-".join(words + (["concat"] if block.combination == "concat" else []))


def from_line(text: str) -> tuple[Cell, Cell]:
    """Inverse of :func:`to_line`. Raises ConfigError saying what is wrong."""
    if len(text) > LONGEST_LINE or text.count(";") != 1:
        raise ConfigError("Two cells are needed, divided by a semicolon.", "cells")
    return tuple(_line_cell(kind, part) for kind, part in zip(("normal", "reduction"), text.split(";"), strict=True))


def _line_cell(kind: str, text: str) -> Cell:
    blocks, _, concat = text.partition(":")
    try:
        made = tuple(_line_block(word.split("-")) for word in blocks.split(","))
        return Cell(kind, made, tuple(int(state) for state in concat.split("-") if state))
    except ConfigError:
        raise
    except ValueError:
        raise ConfigError(
            "A block is written as input, operation, input, operation, joined by hyphens.", f"{kind}.blocks"
        ) from None


def _line_block(words: list[str]) -> Block:
    left, p, right, q, *joined = words
    if len(joined) > 1:
        raise ValueError(words)
    return Block(int(left), p, int(right), q, joined[0] if joined else "add")
