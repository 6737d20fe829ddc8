"""Cells as text: there and back, and what other text is told."""

import random

import pytest

from nas_engine import notation, zoo
from nas_engine.cell import Block, Cell
from nas_engine.errors import ConfigError
from nas_engine.operations import NASNET_ALL
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace

DARTS_V2 = """
DARTS_V2 = Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1),
 ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5],
 reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0),
 ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(2, 6))
"""
NASNET_A = """
normal_cell_operations = ['separable_5x5_2', 'separable_3x3_2', 'separable_5x5_2', 'separable_3x3_2', 'avg_pool_3x3',
                          'none', 'avg_pool_3x3', 'avg_pool_3x3', 'separable_3x3_2', 'none']
normal_cell_hiddenstate_indices = [0, 1, 1, 1, 0, 1, 1, 1, 0, 0]
normal_cell_used_hiddenstates = [1, 0, 0, 0, 0, 0, 0]
reduction_cell_operations = ['separable_5x5_2', 'separable_7x7_2', 'max_pool_3x3', 'separable_7x7_2', 'avg_pool_3x3',
                             'separable_5x5_2', 'none', 'avg_pool_3x3', 'separable_3x3_2', 'max_pool_3x3']
reduction_cell_hiddenstate_indices = [0, 1, 0, 1, 0, 1, 3, 2, 2, 0]
reduction_cell_used_hiddenstates = [1, 1, 1, 0, 0, 0, 0]
"""


@pytest.mark.parametrize("name", zoo.names())
@pytest.mark.parametrize("write", [notation.to_darts, notation.to_nasnet, notation.to_json])
def test_published_cells_survive_every_notation_that_has_words_for_them(name, write):
    cells = zoo.get(name).cells
    if write is not notation.to_json and not isinstance(cells[0], Cell):
        with pytest.raises(ConfigError):
            write(cells)
    else:
        assert notation.from_text(write(cells)) == cells


@pytest.mark.parametrize("write", [notation.to_darts, notation.to_nasnet, notation.to_json])
def test_sampled_cells_survive_every_notation(write):
    combinations = ("add", "concat") if write is notation.to_json else ("add",)
    space = NASNetSpace(NASNetConfig(operations=NASNET_ALL, combinations=combinations))
    for number in range(50):
        cells = space.cells(space.sample(random.Random(number)))
        assert notation.from_text(write(cells)) == cells


def test_released_texts_are_read():
    assert notation.from_text(DARTS_V2) == zoo.get("darts-v2").cells
    assert notation.from_text(NASNET_A) == zoo.get("nasnet-a").cells


def test_a_genotype_may_leave_out_the_words():
    text = notation.to_darts(zoo.get("darts-v1").cells)
    for word in ("normal=", "normal_concat=", "reduce=", "reduce_concat="):
        text = text.replace(word, "", 1)
    assert notation.from_text(text) == zoo.get("darts-v1").cells


def test_what_a_notation_cannot_say_is_refused():
    block = Block(0, "identity", 1, "identity", "concat")
    cells = Cell("normal", (block,), (2,)), Cell("reduction", (block,), (2,))
    for write in (notation.to_darts, notation.to_nasnet):
        with pytest.raises(ConfigError, match="JSON"):
            write(cells)
    assert notation.from_text(notation.to_json(cells)) == cells


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Paste"),
        ("x" * 200_000, "Paste"),
        ("hello there", "invalid syntax"),
        ("[1, 2", "breaks off"),
        ("[1, 2]", "blocks"),
        ("[]", "list of two"),
        ("Genotype(normal=[('sep_conv_3x3', 0)])", "lacks normal_concat, reduce"),
        ("Genotype(", "never closed"),
        (DARTS_V2.replace("'dil_conv_3x3'", "'conv_9x9'"), "'conv_9x9' is not an operation"),
        (DARTS_V2.replace("('dil_conv_3x3', 2)", "('dil_conv_3x3', 7)"), "states 0 to 4, not 7"),
        (DARTS_V2.replace(", ('dil_conv_3x3', 2)", ""), "two operations"),
        (DARTS_V2.replace("range(2, 6)", "range(2, 10**9)"), "only lists"),
        (DARTS_V2.replace("range(2, 6)", "range(2, 999999999)"), "only lists"),
        (DARTS_V2.replace("range(2, 6)", "exit()"), "only lists"),
        (DARTS_V2.replace("range(2, 6)", "[2, 2]"), "once"),
        (DARTS_V2.strip() + ".normal", "Nothing may follow"),
        (NASNET_A.replace("reduction_cell_used", "used"), "reduction_cell_used_hiddenstates is missing"),
        (NASNET_A.replace("[0, 1, 1, 1, 0, 1, 1, 1, 0, 0]", "[0, 1]"), "not 2"),
        ("import os", "assignments"),
        ("normal_cell_operations = __import__('os').listdir()", "only lists"),
        ("a = " + "(" * 5000 + ")" * 5000, "cannot be read"),
    ],
)
def test_other_text_is_told_what_is_wrong(text, says):
    with pytest.raises(ConfigError) as caught:
        notation.from_text(text)
    assert says in str(caught.value)
