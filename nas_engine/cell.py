"""The phenotype: a small graph of hidden states and operations, both drawn and built."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, ClassVar

from nas_engine.errors import ConfigError
from nas_engine.isomorphism import canonical_form
from nas_engine.operations import OPERATIONS

COMBINATIONS = ("add", "concat")


@dataclass(frozen=True)
class Block:
    """Two inputs, two operations, one combination. Inputs number the cell's states: see :class:`Cell`."""

    left_input: int
    left_operation: str
    right_input: int
    right_operation: str
    combination: str = "add"

    def as_list(self) -> list:
        return [self.left_input, self.left_operation, self.right_input, self.right_operation, self.combination]


# Options by name, in the names' order, so that they can be compared and hashed: (("filters", 24), ("kernel", (3, 3))).
Options = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Node:
    """A node of the drawn graph. ``kind``: input, op, add, cat, concat or output. ``inputs`` are node ids, in order.

    ``options`` are an operation's own settings, where its name does not say all (see :func:`frozen_options`).
    """

    id: str
    kind: str
    inputs: tuple[str, ...] = ()
    operation: str = ""
    block: int = 0
    side: str = ""
    options: Options = ()

    def option(self, name: str, default: Any = None) -> Any:
        return dict(self.options).get(name, default)


def frozen_options(options: dict[str, Any]) -> Options:
    """Options as nodes keep them; lists become tuples. Raises ConfigError for what is neither a plain value nor a list
    of such."""
    return tuple((str(name), _frozen(name, options[name])) for name in sorted(options))


def _frozen(name: str, value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(name, one) for one in value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ConfigError(f"must be a number, a text or a list of such, not {value!r}", str(name))


@dataclass(frozen=True)
class Cell:
    """A NASNet-style cell. State 0 is the output of the cell before last (h[i-1]), state 1 that of the last cell (h[i]),
    state 2+b the output of block b. ``concat`` lists the states stacked to the output; it is stored, because published
    cells depart from the rule "all unused states".

    Raises ConfigError for an unknown operation, an input that does not exist yet, or an empty concat.
    """

    kind: str
    blocks: tuple[Block, ...]
    concat: tuple[int, ...]
    family: ClassVar[str] = "nasnet"

    def __post_init__(self):
        for number, block in enumerate(self.blocks, start=1):
            self._check_block(number, block)
        last = len(self.blocks) + 1
        if not self.concat or len(set(self.concat)) != len(self.concat) or not all(0 <= s <= last for s in self.concat):
            raise ConfigError(f"The concat list must name each state once, from 0 to {last}.", f"{self.kind}.concat")

    def _check_block(self, number: int, block: Block) -> None:
        at = f"{self.kind}.{number}"
        for operation in (block.left_operation, block.right_operation):
            if operation not in OPERATIONS:
                raise ConfigError(f"{operation!r} is not an operation. Known: {', '.join(OPERATIONS)}.", at)
        for state in (block.left_input, block.right_input):
            if not 0 <= state <= number:
                raise ConfigError(f"Block {number} can take states 0 to {number}, not {state}.", at)
        if block.combination not in COMBINATIONS:
            raise ConfigError(f"{block.combination!r} is not a combination. Known: {', '.join(COMBINATIONS)}.", at)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The drawn graph in topological order: s0, s1, then b1l, b1r, s2 for the first block, ..., concat, out."""
        nodes = [Node("s0", "input"), Node("s1", "input")]
        for number, block in enumerate(self.blocks, start=1):
            left, right = f"b{number}l", f"b{number}r"
            kind = "add" if block.combination == "add" else "cat"
            nodes += [
                Node(left, "op", (f"s{block.left_input}",), block.left_operation, number, "left"),
                Node(right, "op", (f"s{block.right_input}",), block.right_operation, number, "right"),
                Node(f"s{number + 1}", kind, (left, right), block=number),
            ]
        nodes.append(Node("concat", "concat", tuple(f"s{state}" for state in self.concat)))
        return (*nodes, Node("out", "output", ("concat",)))

    def key(self) -> str:
        """64 hex digits, equal exactly for isomorphic cells: block order, operand order and concat order do not matter."""
        labels = ["h[i-1]", "h[i]", *(block.combination for block in self.blocks), "concat"]
        edges = [(state, len(labels) - 1, "") for state in self.concat]
        for state, block in enumerate(self.blocks, start=2):
            edges.append((block.left_input, state, block.left_operation))
            edges.append((block.right_input, state, block.right_operation))
        return hashlib.sha256(json.dumps([self.kind, canonical_form(labels, edges)]).encode()).hexdigest()

    def as_json(self) -> dict:
        return {"kind": self.kind, "blocks": [block.as_list() for block in self.blocks], "concat": list(self.concat)}

    @classmethod
    def from_json(cls, data: dict) -> "Cell":
        """Inverse of :meth:`as_json`. Raises ConfigError where the data is not a cell."""
        try:
            blocks = tuple(Block(int(a), str(p), int(b), str(q), str(c)) for a, p, b, q, c in data["blocks"])
            return cls(str(data["kind"]), blocks, tuple(int(state) for state in data["concat"]))
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, ConfigError):
                raise
            raise ConfigError("A cell needs kind, blocks of five entries each, and concat.", "cell") from None


def unused_states(blocks: tuple[Block, ...]) -> tuple[int, ...]:
    """The created states that no block takes as input: what NASNet concatenates (Zoph et al. 2018, section 3.2)."""
    used = {state for block in blocks for state in (block.left_input, block.right_input)}
    return tuple(state for state in range(2, len(blocks) + 2) if state not in used)


def cells_key(cells: tuple[Cell, ...]) -> str:
    """Identity of an architecture up to isomorphism of its cells: 64 hex digits; pages show the first seven."""
    return hashlib.sha256("".join(cell.key() for cell in cells).encode()).hexdigest()
