"""The cell space of ENAS' micro search (Pham et al. 2018, section 2.4; details from its released code)."""

from dataclasses import dataclass

from nas_engine.architecture import Architecture, Choice
from nas_engine.cell import Block, Cell
from nas_engine.config import setting
from nas_engine.errors import ConfigError
from nas_engine.operations import ENAS_OPERATIONS, NASNET_ALL
from nas_engine.search_spaces.base import SearchSpace

KINDS = ("normal", "reduction")
_PARTS = ("left_input", "left_operation", "right_input", "right_operation")


@dataclass(frozen=True)
class ENASConfig:
    """The knobs of the space; the defaults are the released code's."""

    nodes: int = setting(5, "Nodes in a cell", minimum=1, maximum=12, help="5 in the released code.")
    operations: tuple[str, ...] = setting(ENAS_OPERATIONS, "Operations", options=NASNET_ALL)

    def __post_init__(self):
        if not self.operations:
            raise ConfigError("Choose at least one operation.", "operations")


class ENASSpace(SearchSpace):
    """4 decisions a node, 2 x 4B in all (40 for B = 5): input, operation, input, operation, in the order in which the
    released code writes an architecture down. A node adds its two sides. The output is every state that nothing read, the
    cell's own two inputs included, as in the released code (the paper's rule names created states only)."""

    name = "enas"
    family = "nasnet"

    def __init__(self, config: ENASConfig):
        self.config = config
        self.choices = tuple(
            Choice(f"{kind}.{node + 1}.{part}", self._options(node, part))
            for kind in KINDS
            for node in range(config.nodes)
            for part in _PARTS
        )

    def _options(self, node: int, part: str) -> tuple[str, ...]:
        return tuple(f"s{state}" for state in range(node + 2)) if part.endswith("input") else self.config.operations

    def cells(self, architecture: Architecture) -> tuple[Cell, ...]:
        """(normal, reduction). Raises ConfigError if the architecture is not of this space."""
        self.check(architecture)
        per_cell = 4 * self.config.nodes
        return tuple(
            self._cell(kind, architecture.choices[at : at + per_cell])
            for kind, at in zip(KINDS, (0, per_cell), strict=True)
        )

    def _cell(self, kind: str, choices: tuple[int, ...]) -> Cell:
        named = self.config.operations
        blocks = tuple(
            Block(choices[at], named[choices[at + 1]], choices[at + 2], named[choices[at + 3]])
            for at in range(0, len(choices), 4)
        )
        return Cell(kind, blocks, unread_states(blocks))

    def architecture(self, normal: Cell, reduction: Cell) -> Architecture:
        """The decisions that decode to these cells. Raises ConfigError if they are outside this space."""
        choices, named = [], self.config.operations
        try:
            for cell in (normal, reduction):
                if len(cell.blocks) != self.config.nodes or set(cell.concat) != set(unread_states(cell.blocks)):
                    raise ValueError
                for block in cell.blocks:
                    if block.combination != "add":
                        raise ValueError
                    choices += [block.left_input, named.index(block.left_operation)]
                    choices += [block.right_input, named.index(block.right_operation)]
        except ValueError:
            raise ConfigError(
                "These cells use a node count, an operation or an output this space lacks.", "cell"
            ) from None
        return Architecture(self.name, tuple(choices))


def unread_states(blocks: tuple[Block, ...]) -> tuple[int, ...]:
    """The states, the cell's inputs among them, that no block takes as input."""
    used = {state for block in blocks for state in (block.left_input, block.right_input)}
    return tuple(state for state in range(len(blocks) + 2) if state not in used)
