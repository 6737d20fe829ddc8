import json

import pytest

from nas_engine.cell import Block, Cell, Node, frozen_options
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import GraphCell, read_cell, read_cells

A, B = Node("a", "op", ("s0",), "conv"), Node("b", "op", ("s0",), "pool")


def cell(*nodes: Node, kind: str = "stage") -> GraphCell:
    return GraphCell(kind, (Node("s0", "input"), *nodes))


def join(*inputs: str) -> Node:
    return Node("out", "output", inputs)


def test_names_and_order_do_not_matter_to_the_key():
    renamed = cell(Node("x", "op", ("s0",), "pool"), Node("y", "op", ("s0",), "conv"), join("y", "x"))
    assert cell(A, B, join("a", "b")).key() == renamed.key()


def test_operations_edges_and_kind_do():
    base = cell(A, B, join("a", "b"))
    others = [
        cell(A, Node("b", "op", ("s0",), "conv"), join("a", "b")),
        cell(A, Node("b", "op", ("a",), "pool"), join("a", "b")),
        cell(A, B, join("a", "b", "b")),
        cell(A, B, join("a", "b"), kind="normal"),
    ]
    assert len({base.key(), *(other.key() for other in others)}) == 5


def test_json_and_back():
    one = cell(A, B, join("a", "b"))
    assert GraphCell.from_json(json.loads(json.dumps(one.as_json()))) == one


def test_an_input_must_stand_before():
    with pytest.raises(ConfigError) as caught:
        cell(Node("a", "op", ("b",), "conv"), B, join("a"))
    assert list(caught.value.problems) == ["stage.a"]


def made(**options) -> GraphCell:
    frozen = frozen_options(options.pop("cell", {}))
    layer = Node("layer", "op", ("s0",), "conv", options=frozen_options(options))
    return GraphCell("block 1", (Node("s0", "input"), layer, join("layer")), "mnasnet", frozen)


def test_options_are_part_of_the_key_and_of_the_json():
    cells = [
        made(filters=8, kernel=[3, 5]),
        made(filters=8, kernel=[5, 3]),
        made(filters=16, kernel=[3, 5]),
        made(filters=8, kernel=[3, 5], cell={"stem": 8}),
        made(),
    ]
    assert len({cell.key() for cell in cells}) == len(cells)
    assert made(kernel=(3, 5), filters=8) == cells[0] and made(kernel=(3, 5), filters=8).key() == cells[0].key()
    for cell in cells:
        assert read_cell(json.loads(json.dumps(cell.as_json()))) == cell
    assert cells[0].nodes[1].option("kernel") == (3, 5) and cells[3].option("stem") == 8


def test_a_list_may_hold_cells_of_either_kind():
    normal = Cell("normal", (Block(0, "identity", 1, "conv_3x3"),), (2,))
    assert read_cells([normal.as_json(), made().as_json()]) == (normal, made())


@pytest.mark.parametrize(
    "data",
    [
        None,
        {"kind": "a"},
        {"kind": "a", "nodes": []},
        {"kind": "a", "nodes": [["s0"]]},
        {"kind": "a", "nodes": [["s0", "input", [], ""], ["s0", "output", ["s0"], ""]]},
        {"kind": "a", "nodes": [["s0", "gift", [], ""], ["out", "output", ["s0"], ""]]},
        {"kind": "a", "nodes": [["s0", "input", [], ""], ["out", "op", ["s0"], "conv"]]},
        {"kind": "a", "family": "mnasnet", "nodes": [["s0", "input", [], ""], ["x", "op", ["s0"], "bend"]]},
        {"kind": "a", "nodes": [["s0", "input", [], "", {"x": {"y": 1}}], ["out", "output", ["s0"], ""]]},
    ],
)
def test_what_is_no_cell_is_refused(data):
    with pytest.raises(ConfigError):
        read_cell(data)
