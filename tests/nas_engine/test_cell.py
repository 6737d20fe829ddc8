import itertools
import random

import pytest

from nas_engine.cell import Block, Cell, cells_key, unused_states
from nas_engine.errors import ConfigError
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace

BLOCKS = (
    Block(0, "identity", 1, "sep_conv_3x3"),
    Block(2, "max_pool_3x3", 0, "identity", "concat"),
    Block(2, "conv_1x1", 3, "identity"),
)
CELL = Cell("normal", BLOCKS, (4,))


def reordered(cell: Cell, order: tuple[int, ...]) -> Cell | None:
    """The cell with its blocks in another order, or None where a block would come before its input."""
    place = {0: 0, 1: 1} | {2 + block: 2 + position for position, block in enumerate(order)}
    blocks = []
    for position, block in enumerate(order):
        old = cell.blocks[block]
        left, right = place[old.left_input], place[old.right_input]
        if max(left, right) > position + 1:
            return None
        blocks.append(Block(left, old.left_operation, right, old.right_operation, old.combination))
    return Cell(cell.kind, tuple(blocks), tuple(sorted(place[state] for state in cell.concat)))


def flipped(cell: Cell, which: int) -> Cell:
    blocks = list(cell.blocks)
    old = blocks[which]
    blocks[which] = Block(old.right_input, old.right_operation, old.left_input, old.left_operation, old.combination)
    return Cell(cell.kind, tuple(blocks), cell.concat)


def test_every_order_of_blocks_and_operands_has_one_key():
    rng = random.Random(0)
    space = NASNetSpace(NASNetConfig())
    compared = 0
    for _ in range(20):
        for cell in space.cells(space.sample(rng)):
            for order in itertools.permutations(range(5)):
                other = reordered(cell, order)
                if other is not None:
                    other = flipped(other, rng.randrange(5))
                    assert other.key() == cell.key()
                    compared += 1
    assert compared > 100


def test_the_order_of_the_concat_list_does_not_matter():
    blocks = BLOCKS[:2]
    assert Cell("normal", blocks, (2, 3)).key() == Cell("normal", blocks, (3, 2)).key()


@pytest.mark.parametrize(
    "other",
    [
        Cell("reduction", BLOCKS, (4,)),
        Cell("normal", BLOCKS, (3, 4)),
        Cell("normal", (*BLOCKS[:2], Block(2, "conv_1x1", 3, "conv_1x1")), (4,)),
        Cell("normal", (*BLOCKS[:2], Block(2, "conv_1x1", 3, "identity", "concat")), (4,)),
        Cell("normal", (*BLOCKS[:2], Block(2, "identity", 3, "conv_1x1")), (4,)),
        Cell("normal", (Block(1, "identity", 0, "sep_conv_3x3"), *BLOCKS[1:]), (4,)),
    ],
)
def test_any_real_difference_changes_the_key(other):
    assert other.key() != CELL.key()


def test_the_key_is_pinned():
    """Keys are stored in databases: they must not change from one version to the next."""
    assert CELL.key() == "ddb79c34216c62eb8746fcbf5133c356808927f6743169cac1fa15fdce702526"
    assert (
        cells_key((CELL, Cell("reduction", BLOCKS, (4,))))
        == "49571d87a6714b3c866b5540804ad8f1752d27ac6317fe7225194228a5b1d833"
    )


def test_the_drawn_graph_lists_inputs_blocks_and_output_in_order():
    assert [node.id for node in CELL.nodes] == [
        "s0", "s1", "b1l", "b1r", "s2", "b2l", "b2r", "s3", "b3l", "b3r", "s4", "concat", "out",
    ]  # fmt: skip
    nodes = {node.id: node for node in CELL.nodes}
    assert nodes["b2l"].inputs == ("s2",) and nodes["b2l"].operation == "max_pool_3x3"
    assert (nodes["s2"].kind, nodes["s3"].kind) == ("add", "cat")
    assert nodes["concat"].inputs == ("s4",) and nodes["out"].inputs == ("concat",)
    assert (nodes["b3r"].block, nodes["b3r"].side) == (3, "right")


def test_unused_states():
    assert unused_states(BLOCKS) == (4,)
    assert unused_states(BLOCKS[:1]) == (2,)
    assert unused_states((Block(0, "identity", 1, "identity"), Block(0, "identity", 1, "identity"))) == (2, 3)


@pytest.mark.parametrize(
    ("blocks", "concat", "field"),
    [
        ((Block(0, "conv_9x9", 1, "identity"),), (2,), "normal.1"),
        ((Block(0, "identity", 2, "identity"),), (2,), "normal.1"),
        ((Block(-1, "identity", 1, "identity"),), (2,), "normal.1"),
        ((Block(0, "identity", 1, "identity", "times"),), (2,), "normal.1"),
        (BLOCKS, (), "normal.concat"),
        (BLOCKS, (5,), "normal.concat"),
        (BLOCKS, (4, 4), "normal.concat"),
    ],
)
def test_what_is_no_cell_is_refused_by_place(blocks, concat, field):
    with pytest.raises(ConfigError) as caught:
        Cell("normal", blocks, concat)
    assert list(caught.value.problems) == [field]


@pytest.mark.parametrize(
    "data", [{}, {"kind": "normal", "blocks": [[0, "identity"]], "concat": [2]}, {"kind": "normal", "blocks": 3}, []]
)
def test_what_is_no_json_of_a_cell_is_refused(data):
    with pytest.raises(ConfigError):
        Cell.from_json(data)
