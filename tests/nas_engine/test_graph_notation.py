"""Cells of NAS-Bench-101 and 201 as text: there and back, and what other text is told."""

import random

import pytest

from nas_engine import graph_notation, notation, zoo
from nas_engine.errors import ConfigError
from nas_engine.graph_notation import OPERATIONS_101, OPERATIONS_201
from nas_engine.search_spaces.tables import read_table
from nas_engine.search_spaces.tabular import tabular_space
from tests.nas_engine import tables

# The cell with which the authors of NAS-Bench-201 show that ResNet's block is in the space.
RESNET = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"
# The README's example of the NAS-Bench-101 authors: Inception-like.
INCEPTION = """ModelSpec(
    matrix=[[0, 1, 1, 1, 0, 1, 0], [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 1, 0, 0],
            [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0]],
    ops=['input', 'conv1x1-bn-relu', 'conv3x3-bn-relu', 'conv3x3-bn-relu', 'conv3x3-bn-relu', 'maxpool3x3', 'output'])"""


WRITE = {"nas-bench-201": tables.write_201, "nas-bench-101": tables.write_101}


def string_201(rng: random.Random) -> str:
    return "+".join(
        "|" + "".join(f"{rng.choice(OPERATIONS_201)}~{source}|" for source in range(state)) for state in (1, 2, 3)
    )


def test_strings_of_nas_bench_201_survive():
    for number in range(100):
        text = string_201(random.Random(number))
        cells = notation.from_text(text)
        assert graph_notation.to_201(cells) == text
        assert notation.from_text(notation.to_json(cells)) == cells


def test_the_residual_cell_has_the_edges_it_says():
    (cell,) = notation.from_text(RESNET)
    nodes = {node.id: node for node in cell.nodes}
    assert nodes["e03"].operation == "skip_connect" and nodes["e03"].inputs == ("s0",)
    assert nodes["s3"].inputs == ("e03", "e13", "e23") and nodes["out"].inputs == ("s3",)


def test_specs_of_nas_bench_101_survive():
    (cell,) = notation.from_text(INCEPTION)
    assert [node.operation for node in cell.nodes if node.kind == "op"].count("conv3x3-bn-relu") == 3
    assert notation.from_text(graph_notation.to_101((cell,))) == (cell,)
    assert notation.from_text(
        "spec = api." + INCEPTION.replace("matrix=[", "matrix=np.array([").replace("]],", "]]),")
    ) == (cell,)
    as_json = '{"module_adjacency": [[0, 1], [0, 0]], "module_operations": ["input", "output"]}'
    assert [node.kind for node in notation.from_text(as_json)[0].nodes] == ["input", "output"]


def test_random_specs_of_nas_bench_101_survive():
    kept = 0
    for number in range(200):
        rng = random.Random(number)
        size = rng.randint(2, 7)
        matrix = [[int(a < b and rng.random() < 0.4) for b in range(size)] for a in range(size)]
        ops = ["input", *(rng.choice(OPERATIONS_101) for _ in range(size - 2)), "output"]
        try:
            cells = notation.from_text(f"ModelSpec({matrix}, {ops})")
        except ConfigError as error:
            assert "No path" in str(error) or "at most" in str(error)
            continue
        kept += 1
        assert notation.from_text(graph_notation.to_101(cells))[0].key() == cells[0].key()
    assert kept > 60


def test_vertices_on_no_path_are_left_out():
    dangling = "ModelSpec([[0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]], ['input', {}, {}, 'output'])"
    (cell,) = notation.from_text(dangling.replace("{}", "'maxpool3x3'"))
    assert [node.id for node in cell.nodes] == ["s0", "out"]


@pytest.mark.parametrize("kind", ["nas-bench-201", "nas-bench-101"])
def test_a_pasted_cell_is_the_cell_of_the_table(tmp_path, kind):
    space = tabular_space(read_table(WRITE[kind](tmp_path / "table.npz")))
    write = {"nas-bench-201": graph_notation.to_201, "nas-bench-101": graph_notation.to_101}[kind]
    cells = space.cells(space.sample(random.Random(1)))
    assert notation.from_text(write(cells))[0].key() == cells[0].key()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("|nor_conv_3x3~0|", "three groups joined by +, not 1"),
        (RESNET.replace("none~1", "none~2"), "Group 3 needs one operation~state for each of the states 0, 1, 2"),
        (RESNET.replace("none~0", "none~7"), "Group 2 needs"),
        (RESNET.replace("nor_conv_3x3~1", "nor_conv_5x5~1"), "'nor_conv_5x5' is not an operation here"),
        (RESNET.replace("|none~0|", "|none|"), "Group 2 needs"),
        ("ModelSpec([[0, 1], [1, 0]], ['input', 'output'])", "back to 0; a cell has no cycle"),
        ("ModelSpec([[1, 1], [0, 0]], ['input', 'output'])", "from vertex 0 back to 0"),
        ("ModelSpec([[0, 0], [0, 0]], ['input', 'output'])", "No path leads"),
        ("ModelSpec([[0, 1]], ['input', 'output'])", "must be square"),
        ("ModelSpec([[0, 2], [0, 0]], ['input', 'output'])", "zeros and ones"),
        ("ModelSpec([[0, 1], [0, 0]], ['input'])", "2 vertices need as many ops, not 1"),
        ("ModelSpec([[0, 1], [0, 0]], ['output', 'input'])", "first of the ops is input"),
        (INCEPTION.replace("'maxpool3x3'", "'maxpool5x5'"), "'maxpool5x5' is not an operation here"),
        ("ModelSpec(matrix=open('/etc/passwd'), ops=[])", "cannot be read"),
        ("ModelSpec(ops=['input', 'output'])", "needs a matrix and ops"),
        ('{"matrix": [[0, 1], [0, 0]]}', "needs a matrix and ops"),
        ('{"matrix": 7, "ops": 7}', "needs a matrix and ops"),
        ("ModelSpec(" + "[" * 3000, "cannot be read"),
    ],
)
def test_what_is_no_such_cell_gets_a_reason(text, says):
    with pytest.raises(ConfigError) as caught:
        notation.from_text(text)
    assert says in str(caught.value)


def test_other_cells_cannot_be_written_so():
    for cells in (zoo.get("nasnet-a").cells, notation.from_text(INCEPTION)):
        with pytest.raises(ConfigError):
            graph_notation.to_201(cells)
    for cells in (zoo.get("nasnet-a").cells, notation.from_text(RESNET)):
        with pytest.raises(ConfigError):
            graph_notation.to_101(cells)
