import random

import torch

from nas_engine.blueprint.supernet import darts_rules
from nas_engine.evaluators.supernet.derivation import derive_cell, sample_cell
from nas_engine.operations import DARTS_OPERATIONS

RULES = darts_rules()


def softmax(alphas):
    return torch.tensor(alphas, dtype=torch.float64).softmax(1).tolist()


def derive(strengths):
    return derive_cell("normal", strengths, RULES.edges, RULES.operations)


def test_the_two_edges_with_the_strongest_operation_are_kept_the_stronger_first():
    alphas = [[0.0] * 8 for _ in range(14)]
    alphas[0][4], alphas[1][2] = 1.0, 2.0  # node 2: from states 0 and 1
    alphas[2][7], alphas[3][1], alphas[4][3] = 1.0, 0.5, 3.0  # node 3: from 0, 1, 2
    cell = derive(softmax(alphas))
    first, second = cell.blocks[:2]
    assert (first.left_input, first.left_operation) == (1, "avg_pool_3x3")
    assert (first.right_input, first.right_operation) == (0, "sep_conv_3x3")
    assert (second.left_input, second.left_operation) == (2, "identity")
    assert (second.right_input, second.right_operation) == (0, "dil_conv_5x5")
    assert cell.concat == (2, 3, 4, 5)


def test_none_takes_its_share_before_edges_are_compared_but_is_never_chosen():
    alphas = [[0.0] * 8 for _ in range(14)]
    alphas[2][0], alphas[2][4] = 9.0, 3.0  # mostly none: what is left of the separable convolution is little
    alphas[3][5], alphas[4][6] = 1.0, 0.5
    block = derive(softmax(alphas)).blocks[1]
    assert {block.left_input, block.right_input} == {1, 2}
    everywhere = [[9.0, *(0.1 * column for column in range(7))] for _ in range(14)]
    cell = derive(softmax(everywhere))
    used = {name for block in cell.blocks for name in (block.left_operation, block.right_operation)}
    assert used == {DARTS_OPERATIONS[-1]}


def test_never_none_and_never_two_edges_from_one_state():
    rng = random.Random(0)
    for _ in range(200):
        strengths = softmax([[rng.gauss(0, 3) for _ in range(8)] for _ in range(14)])
        drawn = sample_cell("reduction", strengths, RULES.edges, RULES.operations, torch.Generator().manual_seed(1))
        for cell in (derive(strengths), drawn):
            for block in cell.blocks:
                assert block.left_input != block.right_input
                assert {block.left_operation, block.right_operation} <= set(DARTS_OPERATIONS)


def test_samples_follow_the_strengths():
    strengths = [[0.0] * 8 for _ in range(14)]
    for row in range(14):
        strengths[row][0], strengths[row][1 + row % 7] = 0.5, 0.1
    strengths[2][3] = 5.0
    generator = torch.Generator().manual_seed(0)
    cells = [sample_cell("normal", strengths, RULES.edges, RULES.operations, generator) for _ in range(50)]
    kept = sum("identity" in (cell.blocks[1].left_operation, cell.blocks[1].right_operation) for cell in cells)
    assert kept > 40
