"""The discrete search space of DARTS (Liu et al. 2019, section 2.1 and 2.4): every node adds two operations on two
different earlier states, and all nodes are concatenated."""

from dataclasses import dataclass
from itertools import combinations

from nas_engine.architecture import Architecture, Choice
from nas_engine.cell import Block, Cell
from nas_engine.config import setting
from nas_engine.errors import ConfigError
from nas_engine.operations import DARTS_OPERATIONS, NASNET_ALL
from nas_engine.search_spaces.base import SearchSpace

KINDS = ("normal", "reduction")


@dataclass(frozen=True)
class DARTSConfig:
    """The knobs of the space; the defaults are the paper's."""

    nodes: int = setting(4, "Nodes in a cell", minimum=1, maximum=8, help="4 in the paper.")
    operations: tuple[str, ...] = setting(DARTS_OPERATIONS, "Operations", options=NASNET_ALL)

    def __post_init__(self):
        if not self.operations:
            raise ConfigError("Choose at least one operation.", "operations")


class DARTSSpace(SearchSpace):
    """Per node of the normal, then of the reduction cell: which two earlier states, and an operation on each. The paper's
    space has 1,037,664,180 cells of either kind. The lower state is the left one."""

    name = "darts"
    family = "nasnet"

    def __init__(self, config: DARTSConfig):
        self.config = config
        self.choices = tuple(
            choice for kind in KINDS for node in range(config.nodes) for choice in self._node_choices(kind, node)
        )

    def _node_choices(self, kind: str, node: int) -> tuple[Choice, ...]:
        at = f"{kind}.{node + 1}"
        return (
            Choice(f"{at}.inputs", tuple(f"s{left}+s{right}" for left, right in input_pairs(node))),
            Choice(f"{at}.left_operation", self.config.operations),
            Choice(f"{at}.right_operation", self.config.operations),
        )

    def cells(self, architecture: Architecture) -> tuple[Cell, ...]:
        """(normal, reduction). Raises ConfigError if the architecture is not of this space."""
        self.check(architecture)
        per_cell = 3 * self.config.nodes
        return tuple(
            self._cell(kind, architecture.choices[at : at + per_cell])
            for kind, at in zip(KINDS, (0, per_cell), strict=True)
        )

    def _cell(self, kind: str, choices: tuple[int, ...]) -> Cell:
        operations, blocks = self.config.operations, []
        for node in range(self.config.nodes):
            pair, left, right = choices[3 * node : 3 * node + 3]
            left_input, right_input = input_pairs(node)[pair]
            blocks.append(Block(left_input, operations[left], right_input, operations[right]))
        return Cell(kind, tuple(blocks), tuple(range(2, self.config.nodes + 2)))

    def architecture(self, normal: Cell, reduction: Cell) -> Architecture:
        """The decisions that decode to these cells, whichever side an input stands on. Raises ConfigError if they are
        outside this space."""
        choices = []
        try:
            for cell in (normal, reduction):
                if len(cell.blocks) != self.config.nodes or sorted(cell.concat) != list(range(2, len(cell.blocks) + 2)):
                    raise ValueError
                for node, block in enumerate(cell.blocks):
                    choices += self._block_choices(node, block)
        except ValueError:
            raise ConfigError("These cells are not of this DARTS space: two different inputs a node, all nodes "
                              "concatenated, operations as chosen.", "cell") from None  # fmt: skip
        return Architecture(self.name, tuple(choices))

    def _block_choices(self, node: int, block: Block) -> list[int]:
        if block.combination != "add":
            raise ValueError
        sides = sorted(
            ((block.left_input, block.left_operation), (block.right_input, block.right_operation)),
            key=lambda side: side[0],
        )
        pair = input_pairs(node).index((sides[0][0], sides[1][0]))
        return [pair, *(self.config.operations.index(operation) for _, operation in sides)]


def input_pairs(node: int) -> list[tuple[int, int]]:
    """The pairs of different states, lower first, that node ``node`` (from 0) can take."""
    return list(combinations(range(node + 2), 2))
