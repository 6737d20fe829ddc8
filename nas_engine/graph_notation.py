"""Cells of NAS-Bench-101 and NAS-Bench-201 as the benchmarks themselves write them. Text is parsed, never evaluated."""

import ast
import json
import re
from collections.abc import Sequence

from nas_engine.cell import Node
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import AnyCell, GraphCell

OPERATIONS_201 = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
OPERATIONS_101 = ("conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3")
_STATES_201 = 4
_VERTICES_101, _EDGES_101 = 7, 9
_MATRIX_NAMES = ("matrix", "module_adjacency", "adjacency")
_OPERATION_NAMES = ("ops", "module_operations", "operations")


def looks_like(text: str) -> bool:
    """Whether a text seems to be in one of these two notations."""
    return _is_201(text) or _is_101(text)


def from_text(text: str) -> tuple[GraphCell]:
    """The cell of a text in one of these notations. Raises ConfigError saying what is wrong."""
    return (from_201(text) if _is_201(text) else from_101(text),)


def _is_201(text: str) -> bool:
    return text.lstrip("'\" ").startswith("|")


def _is_101(text: str) -> bool:
    if re.match(r"[\w.\s=]*ModelSpec\s*\(", text):
        return True
    return text.startswith("{") and any(f'"{name}"' in text for name in _MATRIX_NAMES)


def from_201(text: str) -> GraphCell:
    """From ``|nor_conv_3x3~0|+|skip_connect~0|none~1|+|...~0|...~1|...~2|`` (Dong and Yang 2020, arch_str): a group for
    every state, in it an operation for every earlier one. Raises ConfigError."""
    groups = text.strip("'\" \n").split("+")
    if len(groups) != _STATES_201 - 1:
        raise ConfigError(f"A NAS-Bench-201 cell has three groups joined by +, not {len(groups)}.", "cell")
    nodes = [Node("s0", "input")]
    for state, group in enumerate(groups, start=1):
        arriving = []
        for source, operation in enumerate(_operations_201(group, state)):
            arriving.append(f"e{source}{state}")
            nodes.append(Node(arriving[-1], "op", (f"s{source}",), operation))
        nodes.append(Node(f"s{state}", "add", tuple(arriving)))
    return GraphCell("normal", (*nodes, Node("out", "output", ("s3",))))


def _operations_201(group: str, state: int) -> list[str]:
    """Group ``state`` of the string: its operation for every earlier state, in their order."""
    match = re.fullmatch(r"\|((?:[^|~]+~\d+\|)+)", group.strip())
    parts = [part.split("~") for part in match[1].rstrip("|").split("|")] if match else []
    found = {int(source): operation.strip() for operation, source in parts}
    if sorted(found) != list(range(state)) or len(parts) != state:
        states = ", ".join(map(str, range(state)))
        raise ConfigError(f"Group {state} needs one operation~state for each of the states {states}.", "cell")
    for operation in found.values():
        _check(operation, OPERATIONS_201)
    return [found[source] for source in range(state)]


def to_201(cells: Sequence[AnyCell]) -> str:
    """Inverse of :func:`from_201`. Raises ConfigError for any other cell."""
    try:
        (cell,) = cells
        nodes = {node.id: node for node in cell.nodes}
        states = [node.id for node in cell.nodes if node.kind in ("input", "add")]
        groups = []
        for at, state in enumerate(states[1:], start=1):
            arriving = [nodes[name] for name in nodes[state].inputs]
            found = {states.index(node.inputs[0]): node.operation for node in arriving if len(node.inputs) == 1}
            groups.append("|" + "".join(f"{found[source]}~{source}|" for source in range(at)))
        text = "+".join(groups)
        if from_201(text).key() == cell.key():
            return text
    except (ValueError, KeyError, IndexError, AttributeError):  # ConfigError is a ValueError
        pass
    raise ConfigError("This is not a cell of NAS-Bench-201.", "cell")


def from_101(text: str) -> GraphCell:
    """From ``ModelSpec(matrix=[[0, 1, ...], ...], ops=['input', 'conv3x3-bn-relu', ..., 'output'])`` or JSON with the same
    two fields (Ying et al. 2019). Vertices off every path from input to output are left out, as the benchmark does.
    Raises ConfigError, also for an edge that points back: a cycle."""
    matrix, operations = _spec_101(text)
    size = len(matrix)
    edges = [(a, b) for a in range(size) for b in range(size) if matrix[a][b]]
    back = next(((a, b) for a, b in edges if a >= b), None)
    if back:
        raise ConfigError(
            f"The matrix has an edge from vertex {back[0]} back to {back[1]}; a cell has no cycle.", "cell"
        )
    kept = _on_a_path(size, edges)
    if not {0, size - 1} <= kept:
        raise ConfigError("No path leads from the input to the output.", "cell")
    edges = [(a, b) for a, b in edges if {a, b} <= kept]
    if len(kept) > _VERTICES_101 or len(edges) > _EDGES_101:
        raise ConfigError(f"A NAS-Bench-101 cell has at most {_VERTICES_101} vertices and {_EDGES_101} edges.", "cell")
    names = {0: "s0", size - 1: "out"} | {at: f"v{at}" for at in range(1, size - 1)}
    nodes = [Node("s0", "input")]
    for vertex in sorted(kept - {0}):
        inputs = tuple(names[a] for a, b in edges if b == vertex)
        last = vertex == size - 1
        nodes.append(Node(names[vertex], "output" if last else "op", inputs, "" if last else operations[vertex]))
    return GraphCell("normal", tuple(nodes))


def _on_a_path(size: int, edges: list[tuple[int, int]]) -> set[int]:
    """Vertices that the input reaches and that reach the output; every edge points forward."""
    reached, reaching = {0}, {size - 1}
    for a, b in sorted(edges):
        if a in reached:
            reached.add(b)
    for a, b in sorted(edges, reverse=True):
        if b in reaching:
            reaching.add(a)
    return reached & reaching


def to_101(cells: Sequence[AnyCell]) -> str:
    """Inverse of :func:`from_101`, as ``ModelSpec(...)``. Raises ConfigError for any other cell."""
    try:
        (cell,) = cells
        place = {node.id: at for at, node in enumerate(cell.nodes)}
        matrix = [[int(source.id in node.inputs) for node in cell.nodes] for source in cell.nodes]
        operations = ["input", *(node.operation for node in cell.nodes[1:-1]), "output"]
        text = f"ModelSpec(matrix={matrix}, ops={operations})"
        if place and from_101(text).key() == cell.key():
            return text
    except (ValueError, AttributeError):  # ConfigError is a ValueError
        pass
    raise ConfigError("This is not a cell of NAS-Bench-101.", "cell")


def _spec_101(text: str) -> tuple[list[list[int]], list[str]]:
    given = json.loads(text) if text.startswith("{") else _arguments(text)
    matrix = next((given[name] for name in _MATRIX_NAMES if name in given), None)
    operations = next((given[name] for name in _OPERATION_NAMES if name in given), None)
    if not isinstance(matrix, list) or not isinstance(operations, list):
        raise ConfigError("A NAS-Bench-101 cell needs a matrix and ops.", "cell")
    if not all(isinstance(row, list) and len(row) == len(matrix) and set(row) <= {0, 1} for row in matrix):
        raise ConfigError("The matrix must be square, of zeros and ones.", "cell")
    if not 2 <= len(matrix) <= 20 or len(operations) != len(matrix):
        raise ConfigError(f"{len(matrix)} vertices need as many ops, not {len(operations)}.", "cell")
    if operations[0] != "input" or operations[-1] != "output":
        raise ConfigError("The first of the ops is input, the last is output.", "cell")
    for operation in operations[1:-1]:
        _check(operation, OPERATIONS_101)
    return matrix, operations


def _arguments(text: str) -> dict[str, list]:
    """The arguments of a ModelSpec(...), by name or in order; numpy's array(...) around one is looked through."""
    tree = ast.parse(text[text.index("ModelSpec") :].strip(), mode="eval").body
    if not isinstance(tree, ast.Call):
        raise ConfigError("Nothing may follow the ModelSpec(...).", "cell")
    given = dict(zip(("matrix", "ops"), tree.args, strict=False)) | {word.arg: word.value for word in tree.keywords}
    return {name: ast.literal_eval(_inside_array(value)) for name, value in given.items() if name in ("matrix", "ops")}


def _inside_array(value: ast.expr) -> ast.expr:
    called = isinstance(value, ast.Call) and ast.unparse(value.func) in ("np.array", "numpy.array", "array")
    return value.args[0] if called and value.args else value


def _check(operation: object, known: tuple[str, ...]) -> None:
    if operation not in known:
        raise ConfigError(f"{operation!r} is not an operation here. Known: {', '.join(known)}.", "cell")
