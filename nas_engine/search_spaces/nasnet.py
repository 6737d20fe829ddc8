"""The NASNet search space (Zoph et al. 2018, section 3.1): B blocks a cell, five decisions a block, two kinds of cell."""

from dataclasses import dataclass

from nas_engine.architecture import Architecture, Choice
from nas_engine.cell import COMBINATIONS, Block, Cell, unused_states
from nas_engine.config import setting
from nas_engine.errors import ConfigError
from nas_engine.operations import NASNET_ALL, NASNET_PAPER, OPERATIONS
from nas_engine.search_spaces.base import SearchSpace


@dataclass(frozen=True)
class NASNetConfig:
    """The knobs of the space; the defaults are the paper's."""

    blocks: int = setting(5, "Blocks in a cell", minimum=1, maximum=12, help="B in the paper; 5 there.")
    operations: tuple[str, ...] = setting(NASNET_PAPER, "Operations", options=NASNET_ALL)
    combinations: tuple[str, ...] = setting(COMBINATIONS, "Joined by", options=COMBINATIONS)
    separate_reduction: bool = setting(True, "Own reduction cell", help="Off: the normal cell with stride 2 reduces.")

    def __post_init__(self):
        if not self.operations:
            raise ConfigError("Choose at least one operation.", "operations")
        if not self.combinations:
            raise ConfigError("Choose at least one way to join.", "combinations")


class NASNetSpace(SearchSpace):
    """2 x 5B decisions: for each block of the normal, then of the reduction cell: input, input, operation, operation,
    combination. Inputs are the two previous cells' outputs and all earlier blocks; unused created states are concatenated.
    """

    name = "nasnet"
    family = "nasnet"

    def __init__(self, config: NASNetConfig):
        self.config = config
        self.kinds = ("normal", "reduction") if config.separate_reduction else ("normal",)
        self.choices = tuple(
            choice
            for kind in self.kinds
            for block in range(config.blocks)
            for choice in self._block_choices(kind, block)
        )

    def _block_choices(self, kind: str, block: int) -> tuple[Choice, ...]:
        states = tuple(f"s{state}" for state in range(block + 2))
        options = {
            "left_input": states,
            "right_input": states,
            "left_operation": self.config.operations,
            "right_operation": self.config.operations,
            "combination": self.config.combinations,
        }
        return tuple(Choice(f"{kind}.{block + 1}.{name}", values) for name, values in options.items())

    def cells(self, architecture: Architecture) -> tuple[Cell, ...]:
        """(normal, reduction). Raises ConfigError if the architecture is not of this space."""
        self.check(architecture)
        taken = [choice.options[index] for choice, index in zip(self.choices, architecture.choices, strict=True)]
        blocks = [self._block(*taken[at : at + 5]) for at in range(0, len(taken), 5)]
        size = self.config.blocks
        normal, reduction = tuple(blocks[:size]), tuple(blocks[size:] or blocks[:size])
        return (
            Cell("normal", normal, unused_states(normal)),
            Cell("reduction", reduction, unused_states(reduction)),
        )

    @staticmethod
    def _block(left_input: str, right_input: str, left_operation: str, right_operation: str, combination: str) -> Block:
        return Block(int(left_input[1:]), left_operation, int(right_input[1:]), right_operation, combination)

    def architecture(self, normal: Cell, reduction: Cell) -> Architecture:
        """The decisions that decode to these cells, stacked states aside. Raises ConfigError saying why they are outside."""
        choices = []
        if not self.config.separate_reduction and normal.blocks != reduction.blocks:
            raise ConfigError("This space has one cell for both; these two differ.", "cell")
        for cell in (normal, reduction)[: len(self.kinds)]:
            self._check_cell(cell)
            for block in cell.blocks:
                choices += [f"s{block.left_input}", f"s{block.right_input}"]
                choices += [block.left_operation, block.right_operation, block.combination]
        indices = tuple(c.options.index(taken) for c, taken in zip(self.choices, choices, strict=True))
        return Architecture(self.name, indices)

    def _check_cell(self, cell: Cell) -> None:
        if len(cell.blocks) != self.config.blocks:
            raise ConfigError(f"This space has {self.config.blocks} blocks; the {cell.kind} cell has {len(cell.blocks)}.",
                              "cell")  # fmt: skip
        for number, block in enumerate(cell.blocks, start=1):
            for operation in (block.left_operation, block.right_operation):
                if operation not in self.config.operations:
                    label = OPERATIONS[operation].label
                    raise ConfigError(f"This space has no {label}: {cell.kind} cell, block {number}.", "cell")
            if block.combination not in self.config.combinations:
                raise ConfigError(
                    f"Blocks of this space are not joined by {block.combination}: {cell.kind} cell, block {number}.",
                    "cell",
                )
