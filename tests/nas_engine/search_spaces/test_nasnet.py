import random

import pytest

from nas_engine.architecture import Architecture
from nas_engine.cell import Block, Cell, unused_states
from nas_engine.config import read
from nas_engine.errors import ConfigError
from nas_engine.operations import NASNET_ALL, NASNET_PAPER, OPERATIONS
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace

PAPER = NASNetSpace(NASNetConfig())


def test_the_papers_space_has_the_published_size():
    one_cell = 720**2 * 13**10 * 2**5
    assert one_cell == 2_286_906_949_584_691_200
    assert PAPER.size() == one_cell**2
    assert NASNetSpace(NASNetConfig(separate_reduction=False)).size() == one_cell
    assert NASNetSpace(NASNetConfig(combinations=("add",), separate_reduction=False)).size() == 71_465_842_174_521_600


def test_it_takes_fifty_decisions_of_growing_choice():
    assert len(PAPER.choices) == 50
    inputs = [len(choice.options) for choice in PAPER.choices if choice.name.endswith("left_input")]
    assert inputs == [2, 3, 4, 5, 6] * 2
    assert [choice.name for choice in PAPER.choices[25:30]] == [
        f"reduction.1.{part}"
        for part in ("left_input", "right_input", "left_operation", "right_operation", "combination")
    ]


def test_the_operation_lists_are_known_and_the_papers_has_thirteen():
    assert len(NASNET_PAPER) == 13 and set(NASNET_PAPER) < set(NASNET_ALL) <= set(OPERATIONS)


def test_decisions_decode_to_blocks_and_unused_states_are_concatenated():
    space = NASNetSpace(NASNetConfig(blocks=2, operations=("identity", "conv_3x3")))
    normal, reduction = space.cells(
        Architecture("nasnet", (0, 1, 0, 1, 0, 2, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 1))
    )
    assert normal.blocks == (
        Block(0, "identity", 1, "conv_3x3", "add"),
        Block(2, "conv_3x3", 0, "conv_3x3", "concat"),
    )
    assert normal.concat == (3,)
    assert reduction.blocks[1] == Block(0, "conv_3x3", 0, "identity", "concat")
    assert reduction.concat == (2, 3)
    assert (normal.kind, reduction.kind) == ("normal", "reduction")


def test_every_cell_reaches_its_output_with_every_created_state():
    rng = random.Random(0)
    for _ in range(200):
        for cell in PAPER.cells(PAPER.sample(rng)):
            used = {state for block in cell.blocks for state in (block.left_input, block.right_input)}
            assert set(range(2, 7)) <= used | set(cell.concat)
            assert not used & set(cell.concat)


def test_cells_encode_back_to_the_decisions():
    rng = random.Random(1)
    for space in (PAPER, NASNetSpace(NASNetConfig(blocks=3, separate_reduction=False))):
        for _ in range(50):
            architecture = space.sample(rng)
            assert space.architecture(*space.cells(architecture)) == architecture


def test_one_cell_for_both_kinds_when_the_reduction_has_none_of_its_own():
    space = NASNetSpace(NASNetConfig(separate_reduction=False))
    normal, reduction = space.cells(space.sample(random.Random(2)))
    assert normal.blocks == reduction.blocks and reduction.kind == "reduction"


def test_cells_from_elsewhere_are_refused():
    small = NASNetSpace(NASNetConfig(blocks=1, operations=("identity",)))
    blocks = (Block(0, "conv_3x3", 1, "identity"),)
    cells = [Cell(kind, blocks, unused_states(blocks)) for kind in ("normal", "reduction")]
    with pytest.raises(ConfigError, match="has no"):
        small.architecture(*cells)
    with pytest.raises(ConfigError, match="5 blocks; the normal cell has 1"):
        PAPER.architecture(*cells)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"blocks": 0}, "blocks"),
        ({"blocks": 13}, "blocks"),
        ({"operations": []}, "operations"),
        ({"operations": ["conv_9x9"]}, "operations"),
        ({"operations": ["identity", "identity"]}, "operations"),
        ({"combinations": []}, "combinations"),
        ({"separate_reduction": 1}, "separate_reduction"),
    ],
)
def test_a_wrong_setting_is_named(data, field):
    with pytest.raises(ConfigError) as caught:
        read(NASNetConfig, data, "space_config")
    assert list(caught.value.problems) == [f"space_config.{field}"]
