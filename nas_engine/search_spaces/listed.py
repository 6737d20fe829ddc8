"""Cells written out one by one: for training exactly these, under any protocol."""

from dataclasses import dataclass

from nas_engine.architecture import Architecture, Choice
from nas_engine.cell import Cell
from nas_engine.config import setting
from nas_engine.errors import ConfigError
from nas_engine.notation import from_line
from nas_engine.search_spaces.base import SearchSpace

FIRST_ORDER = (
    "1-sep_conv_3x3-0-sep_conv_3x3,0-identity-1-sep_conv_3x3,0-identity-1-sep_conv_3x3,0-sep_conv_3x3-2-identity:2-3-4-5;"
    "0-max_pool_3x3-1-max_pool_3x3,2-identity-0-max_pool_3x3,0-max_pool_3x3-2-identity,2-identity-0-avg_pool_3x3:2-3-4-5"
)
SECOND_ORDER = (
    "0-sep_conv_3x3-1-sep_conv_3x3,0-sep_conv_3x3-1-sep_conv_3x3,1-sep_conv_3x3-0-identity,0-identity-2-dil_conv_3x3:2-3-4-5;"
    "0-max_pool_3x3-1-max_pool_3x3,2-identity-1-max_pool_3x3,0-max_pool_3x3-2-identity,2-identity-1-max_pool_3x3:2-3-4-5"
)


@dataclass(frozen=True)
class ListedConfig:
    """The defaults are the two cells of DARTS (Liu et al. 2019)."""

    cells: str = setting(
        f"{FIRST_ORDER} {SECOND_ORDER}",
        "Cells",
        help="As the address of an edited cell writes them, divided by spaces. Take the grid strategy to train each once.",
    )

    def __post_init__(self):
        lines = self.cells.split()
        if not lines:
            raise ConfigError("Write one cell at least.", "cells")
        if len(set(lines)) != len(lines):
            raise ConfigError("A cell is listed twice.", "cells")
        for place, line in enumerate(lines, start=1):
            try:
                from_line(line)
            except ConfigError as error:
                raise ConfigError(f"cell {place}: {error}", "cells") from None


class ListedSpace(SearchSpace):
    """One decision: which of the cells."""

    name = "listed"
    family = "nasnet"

    def __init__(self, config: ListedConfig):
        lines = config.cells.split()
        self._cells = [from_line(line) for line in lines]
        self.choices = (Choice("cell", tuple(f"cell {place}" for place in range(1, len(lines) + 1))),)

    def cells(self, architecture: Architecture) -> tuple[Cell, Cell]:
        """(normal, reduction). Raises ConfigError if the architecture is not of this space."""
        self.check(architecture)
        return self._cells[architecture.choices[0]]
