"""Edits of a pair of cells: each changes what it names and nothing else, and none leaves a broken cell."""

import random

import pytest

from nas_engine import zoo
from nas_engine.alignment import align
from nas_engine.cell import Block, Cell, cells_key, unused_states
from nas_engine.config import read
from nas_engine.editing import edited, follows_rule
from nas_engine.errors import ConfigError
from nas_engine.notation import to_line
from nas_engine.search_spaces.listed import ListedConfig, ListedSpace
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace

BLOCKS = (Block(0, "identity", 1, "sep_conv_3x3"), Block(2, "conv_1x1", 0, "identity"))
CELLS = Cell("normal", BLOCKS, (3,)), Cell("reduction", BLOCKS, (2, 3))


def test_a_decision_is_changed_where_it_is_named():
    normal, reduction = edited(CELLS, ["normal.2.left_operation=max_pool_3x3"])
    assert normal.blocks[1] == Block(2, "max_pool_3x3", 0, "identity") and reduction == CELLS[1]
    assert edited(CELLS, ["reduction.1.combination=concat"])[1].blocks[0].combination == "concat"
    assert edited(CELLS, [])[0] == CELLS[0]


def test_stacked_states_follow_where_they_did_and_stay_where_they_were_listed():
    normal, reduction = edited(CELLS, ["normal.2.left_input=1", "reduction.2.left_input=1"])
    assert normal.concat == (2, 3) and reduction.concat == (2, 3)
    assert edited(CELLS, ["reduction.concat.0=on"])[1].concat == (0, 2, 3)
    assert edited(CELLS, ["reduction.concat.2=off"])[1].concat == (3,)
    assert edited(CELLS, ["reduction.concat=rule"])[1].concat == (3,)


def test_a_block_added_reads_the_inputs_and_is_stacked():
    for kind, place in (("normal", 0), ("reduction", 1)):
        cell = edited(CELLS, [f"{kind}.add"])[place]
        assert cell.blocks == (*BLOCKS, Block(1, "identity", 0, "identity")) and 4 in cell.concat


def test_a_block_removed_is_bypassed():
    normal, reduction = edited(CELLS, ["normal.1.remove", "reduction.2.remove"])
    assert normal.blocks == (Block(0, "conv_1x1", 0, "identity"),) and normal.concat == (2,)
    assert reduction.blocks == BLOCKS[:1] and reduction.concat == (2,)


def test_any_edit_of_any_cell_leaves_a_cell_one_step_away():
    rng, space = random.Random(0), NASNetSpace(NASNetConfig())
    for _ in range(40):
        cells = space.cells(space.sample(rng))
        number = rng.randint(1, 5)
        after = edited(cells, [f"normal.{number}.left_input={rng.randint(0, number)}"])
        assert align(cells[0], after[0]).distance <= 1 and follows_rule(after[0])
        shorter = edited(cells, [f"reduction.{number}.remove"])[1]
        assert len(shorter.blocks) == 4 and shorter.concat == unused_states(shorter.blocks)


@pytest.mark.parametrize(
    "edit",
    ["", "normal.9.remove", "normal.1.left_input=2", "normal.1.left_input=x", "normal.1.left_operation=nothing", "stem.add",
     "normal.1.combination=multiply", "normal.1.name=x", "normal.concat.7=on", "normal.1.left_operation", "normal.0.remove"],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(edit):
    with pytest.raises(ConfigError):
        edited(CELLS, [edit])


def test_a_cell_keeps_a_block_and_a_stacked_state():
    with pytest.raises(ConfigError, match="one block"):
        edited(edited(CELLS, ["normal.1.remove"]), ["normal.1.remove"])
    with pytest.raises(ConfigError, match="stacked"):
        edited(CELLS, ["normal.concat.3=off"])


def test_a_space_lists_exactly_the_cells_given():
    line = to_line(zoo.get("nasnet-a").cells)
    space = ListedSpace(read(ListedConfig, {"cells": line}))
    assert space.size() == 1 and space.key(space.sample(random.Random(0))) == cells_key(zoo.get("nasnet-a").cells)
    for text in ("", f"{line} {line}", "nonsense"):
        with pytest.raises(ConfigError):
            ListedConfig(text)


def test_a_space_says_why_cells_are_outside():
    space = NASNetSpace(NASNetConfig(blocks=2, operations=("identity", "sep_conv_3x3"), combinations=("add",)))
    with pytest.raises(ConfigError, match="no conv 1×1: normal cell, block 2"):
        space.architecture(*CELLS)
    with pytest.raises(ConfigError, match="2 blocks; the normal cell has 3"):
        space.architecture(*edited(CELLS, ["normal.add"]))
