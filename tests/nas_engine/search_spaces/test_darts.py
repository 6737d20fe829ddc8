import random

import pytest

from nas_engine import zoo
from nas_engine.architecture import Architecture
from nas_engine.cell import Block, Cell
from nas_engine.errors import ConfigError
from nas_engine.search_spaces.darts import DARTSConfig, DARTSSpace

SPACE = DARTSSpace(DARTSConfig())


def test_the_space_has_the_published_size():
    assert SPACE.size() == 1_037_664_180**2


def test_decisions_decode_to_two_different_inputs_a_node_and_all_nodes_are_concatenated():
    architecture = Architecture("darts", (0, 0, 1, 2, 3, 4, 5, 5, 6, 9, 0, 2) * 2)
    normal, reduction = SPACE.cells(architecture)
    assert normal.blocks == (
        Block(0, "max_pool_3x3", 1, "avg_pool_3x3"),
        Block(1, "sep_conv_3x3", 2, "sep_conv_5x5"),
        Block(2, "dil_conv_3x3", 3, "dil_conv_5x5"),
        Block(3, "max_pool_3x3", 4, "identity"),
    )
    assert normal.concat == reduction.concat == (2, 3, 4, 5)
    rng = random.Random(0)
    for _ in range(100):
        for cell in SPACE.cells(SPACE.sample(rng)):
            assert all(block.left_input < block.right_input for block in cell.blocks)


@pytest.mark.parametrize("name", ["darts-v1", "darts-v2", "snas-mild", "p-darts", "pc-darts-cifar"])
def test_published_cells_are_in_the_space_whichever_side_their_inputs_stand_on(name):
    cells = zoo.get(name).cells
    again = SPACE.cells(SPACE.architecture(*cells))
    assert [cell.key() for cell in again] == [cell.key() for cell in cells]


def test_cells_from_elsewhere_are_refused():
    twice = tuple(Block(0, "identity", 0, "identity") for _ in range(4))
    cell = Cell("normal", twice, (2, 3, 4, 5))
    for strangers in ((cell, cell), zoo.get("nasnet-a").cells):
        with pytest.raises(ConfigError, match="DARTS"):
            SPACE.architecture(*strangers)
