"""Aligning cells: what is the same whatever the order, and the fewest edits otherwise."""

import itertools
import random

import pytest

from nas_engine import zoo
from nas_engine.alignment import BLOCK_DECISIONS, align
from nas_engine.cell import Block, Cell, Node, unused_states
from nas_engine.graph_cell import GraphCell
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace


def space(blocks: int) -> NASNetSpace:
    return NASNetSpace(NASNetConfig(blocks=blocks))


def shuffled(cell: Cell, rng: random.Random) -> Cell:
    """The same cell with its blocks in another order that still runs forward, and operands exchanged here and there."""
    places, left = {0: 0, 1: 1}, set(range(len(cell.blocks)))
    made = []
    while left:
        ready = [b for b in left if {cell.blocks[b].left_input, cell.blocks[b].right_input} <= places.keys()]
        chosen = rng.choice(ready)
        block = cell.blocks[chosen]
        sides = [(places[block.left_input], block.left_operation), (places[block.right_input], block.right_operation)]
        (a, p), (b, q) = sides if rng.random() < 0.5 else sides[::-1]
        made.append(Block(a, p, b, q, block.combination))
        places[chosen + 2] = len(made) + 1
        left.remove(chosen)
    return Cell(cell.kind, tuple(made), tuple(sorted(places[state] for state in cell.concat)))


@pytest.mark.parametrize("blocks", [1, 5, 7, 12])
def test_isomorphic_cells_align_without_a_difference(blocks):
    rng = random.Random(blocks)
    for _ in range(12):
        cell = space(blocks).cells(space(blocks).sample(rng))[0]
        other = shuffled(cell, rng)
        found = align(cell, other)
        assert found.distance == 0 and found.changes == () and other.key() == cell.key()
        assert sorted(found.nodes) == sorted(found.nodes.values()) == sorted(node.id for node in cell.nodes)


@pytest.mark.parametrize("blocks", [2, 5, 7])
def test_one_mutation_is_one_difference(blocks):
    rng, searched = random.Random(blocks), space(blocks)
    for _ in range(40):
        architecture = searched.sample(rng)
        mutated = searched.mutate(architecture, rng)
        pairs = list(zip(searched.cells(architecture), searched.cells(mutated), strict=True))
        found = [align(cell, shuffled(other, rng)) for cell, other in pairs]
        assert sum(each.distance for each in found) == (searched.key(architecture) != searched.key(mutated))
        assert all(each.exact for each in found)


def test_a_change_says_what_it_changes():
    cell = Cell("normal", (Block(0, "identity", 1, "sep_conv_3x3"), Block(2, "identity", 1, "conv_1x1")), (3,))
    other = Cell(
        "normal", (Block(1, "sep_conv_3x3", 0, "identity"), Block(1, "max_pool_3x3", 0, "identity", "concat")), (2, 3)
    )
    found = align(cell, other)
    assert {(c.kind, c.a, c.b, c.before, c.after, c.weight) for c in found.changes} == {
        ("operation", "b2r", "b2l", "conv_1x1", "max_pool_3x3", 1),
        ("input", "b2l", "b2r", "s2", "s0", 1),
        ("combination", "s3", "s3", "add", "concat", 1),
        ("concat", "concat", "concat", "", "s2", 0),
    }
    assert found.distance == 3 and found.nodes["b1l"] == "b1r"


def test_stacked_states_count_where_they_are_a_decision():
    blocks = zoo.get("nasnet-a").cells[0].blocks
    listed, ruled = zoo.get("nasnet-a").cells[0], Cell("normal", blocks, unused_states(blocks))
    assert [change.before for change in align(listed, ruled).changes] == ["s0"]
    assert align(listed, ruled).distance == align(ruled, listed).distance == 1


def test_blocks_are_added_and_removed_whole():
    cell = zoo.get("darts-v2").cells[0]
    longer = Cell("normal", (*cell.blocks, Block(0, "conv_3x3", 5, "identity")), cell.concat)
    found = align(cell, longer)
    assert [(c.kind, c.b) for c in found.changes] == [("added", "s6")] and found.distance == BLOCK_DECISIONS
    assert [(c.kind, c.a) for c in align(longer, cell).changes] == [("removed", "s6")]


def test_no_match_of_small_cells_is_better():
    rng, searched = random.Random(3), space(3)
    for _ in range(30):
        a, b = searched.cells(searched.sample(rng))[0], searched.cells(searched.sample(rng))[0]
        assert align(a, b).distance == align(b, a).distance == brute(a, b)


def brute(a: Cell, b: Cell) -> int:
    best = 10**9
    for order in itertools.permutations(range(3)):
        places = {0: 0, 1: 1} | {i + 2: j + 2 for i, j in enumerate(order)}
        graph = {(("m", i), ("m", s - 2)) for i, k in enumerate(a.blocks) for s in inputs(k) if s > 1}
        back = {j: i for i, j in enumerate(order)}
        graph |= {(("m", back[j]), ("m", back[s - 2])) for j, k in enumerate(b.blocks) for s in inputs(k) if s > 1}
        if not acyclic(graph):
            continue
        best = min(best, sum(blocks_apart(a.blocks[i], b.blocks[j], places) for i, j in enumerate(order)))
    return best


def inputs(block: Block) -> tuple[int, int]:
    return block.left_input, block.right_input


def acyclic(edges: set) -> bool:
    while edges:
        targets = {target for _, target in edges}
        kept = {(source, target) for source, target in edges if source in targets}
        if kept == edges:
            return False
        edges = kept
    return True


def blocks_apart(one: Block, two: Block, places: dict[int, int]) -> int:
    mine = [(places[one.left_input], one.left_operation), (places[one.right_input], one.right_operation)]
    theirs = [(two.left_input, two.left_operation), (two.right_input, two.right_operation)]
    apart = [
        sum((a != c) + (b != d) for (a, b), (c, d) in zip(mine, side, strict=True)) for side in (theirs, theirs[::-1])
    ]
    return min(apart) + (one.combination != two.combination)


def test_cells_of_other_sizes_and_kinds_still_align():
    small, large = zoo.get("darts-v1").cells[0], zoo.get("nasnet-a").cells[1]
    assert align(small, large).exact and align(small, large).distance >= BLOCK_DECISIONS


def graph(operations: str, *edges: tuple[int, int]) -> GraphCell:
    """Nodes 1.. hold the operations, 0 is the input, the one after the last the output."""
    last = len(operations) + 1
    names = ["s0", *(f"v{at}" for at in range(1, last)), "out"]
    nodes = [Node("s0", "input")]
    for at in range(1, last + 1):
        taken = tuple(names[a] for a, b in edges if b == at)
        nodes.append(Node(names[at], "op" if at < last else "output", taken, operations[at - 1] if at < last else ""))
    return GraphCell("normal", tuple(nodes))


def test_graphs_align_by_operation_and_wiring():
    diamond = graph("xyz", (0, 1), (0, 2), (1, 3), (2, 3), (3, 4))
    renumbered = graph("yxz", (0, 1), (0, 2), (1, 3), (2, 3), (3, 4))
    assert align(diamond, renumbered).distance == 0 and align(diamond, renumbered).nodes["v1"] == "v2"
    relabelled = graph("xyw", (0, 1), (0, 2), (1, 3), (2, 3), (3, 4))
    assert [(c.kind, c.before, c.after) for c in align(diamond, relabelled).changes] == [("operation", "z", "w")]
    wired = graph("xyz", (0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (0, 4))
    assert [(c.kind, c.b, c.before, c.after) for c in align(diamond, wired).changes] == [("input", "out", "", "s0")]
    less = graph("xz", (0, 1), (1, 2), (2, 3))
    assert [c.kind for c in align(diamond, less).changes].count("removed") == 1


def test_a_cell_of_blocks_aligns_with_its_own_graph():
    cell = zoo.get("darts-v2").cells[0]
    assert align(cell, GraphCell("normal", cell.nodes)).distance == 0
