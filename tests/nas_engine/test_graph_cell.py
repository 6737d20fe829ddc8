import json

import pytest

from nas_engine.cell import Node
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import GraphCell

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
