import random

import numpy
import pytest

from nas_engine.architecture import Architecture
from nas_engine.search_spaces.tables import read_table
from nas_engine.search_spaces.tabular import NEIGHBOURS, tabular_space
from nas_engine.strategies.paths import paths
from tests.nas_engine.contracts import SpaceContract, build, run
from tests.nas_engine.tables import write_101, write_201, write_301, write_macro


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


@pytest.fixture(scope="module")
def nb201(folder):
    return tabular_space(read_table(write_201(folder / "201.npz")))


@pytest.fixture(scope="module")
def nb101(folder):
    return tabular_space(read_table(write_101(folder / "101.npz")))


class TestNASBench201(SpaceContract):
    @pytest.fixture
    def space(self, nb201):
        return nb201


class TestMacro(SpaceContract):
    @pytest.fixture
    def space(self, folder):
        return tabular_space(read_table(write_macro(folder / "macro.npz")))


def test_every_architecture_is_found_whatever_the_order_of_rows(nb201):
    assert nb201.complete and nb201.size() == 729
    ops = nb201.table.arrays["ops"]
    for row in (0, 17, 728):
        assert nb201.row(Architecture("nas-bench-201", tuple(ops[row].tolist()))) == row


def test_keys_go_by_row(nb201):
    keys = {nb201.key(nb201.sample(random.Random(seed))) for seed in range(40)}
    rows = {nb201.row(nb201.sample(random.Random(seed))) for seed in range(40)}
    assert len(keys) == len(rows)


def test_a_201_cell_is_drawn_with_its_six_edges(nb201):
    (cell,) = nb201.cells(Architecture("nas-bench-201", (0, 1, 2, 0, 1, 2)))
    nodes = {node.id: node for node in cell.nodes}
    assert nodes["s3"].inputs == ("e03", "e13", "e23")
    assert nodes["e12"].operation == "nor_conv_1x1" and nodes["e12"].inputs == ("s1",)
    assert nodes["out"].inputs == ("s3",)
    assert ("normal", "s0", "none", "nor_conv_1x1", "nor_conv_1x1") in paths([cell])


def test_in_a_sample_every_proposal_of_evolution_is_a_row(nb101):
    assert not nb101.complete and nb101.size() < 60
    rows = {tuple(row) for row in nb101._decisions.tolist()}
    rng = random.Random(0)
    for _ in range(50):
        architecture = nb101.sample(rng)
        child = nb101.mutate(architecture, rng)
        assert architecture.choices in rows and child.choices in rows and child != architecture
    around = nb101.neighbours(architecture)
    assert len(around) == len(set(around)) == NEIGHBOURS and architecture not in around


def test_in_a_sample_neighbours_are_the_nearest_rows(nb101):
    architecture = nb101.sample(random.Random(1))

    def distance(choices):
        return sum(a != b for a, b in zip(architecture.choices, choices, strict=True))

    others = sorted({tuple(row) for row in nb101._decisions.tolist()} - {architecture.choices}, key=distance)
    farthest = max(distance(other.choices) for other in nb101.neighbours(architecture))
    assert farthest <= distance(others[NEIGHBOURS])


def test_an_architecture_without_a_row_stands_for_the_nearest(nb101):
    there = nb101.sample(random.Random(2)).choices
    rows = {tuple(row) for row in nb101._decisions.tolist()}
    for index in range(6):
        away = (*there[:index], 1 - there[index], *there[index + 1 :])
        row = nb101.row(Architecture("nas-bench-101", away))
        assert (away in rows) == (tuple(nb101._decisions[row].tolist()) == away)
        assert numpy.abs(nb101._decisions[row].astype(int) - numpy.array(away)).astype(bool).sum() <= 1


def test_a_101_cell_is_drawn_from_input_to_output(nb101):
    (cell,) = nb101.cells(nb101.sample(random.Random(3)))
    assert [node.id for node in cell.nodes] == ["s0", "v1", "v2", "out"]
    assert {"s0"} <= set(cell.nodes[1].inputs) and "v2" in cell.nodes[3].inputs
    assert all(node.operation in nb101.table.arrays["op_names"] for node in cell.nodes if node.kind == "op")


@pytest.mark.parametrize("name", ["random", "ppo", "regularized_evolution", "local_search", "bayesian"])
def test_every_strategy_can_search_a_sample(nb101, name):
    for trial in run(build(name, nb101, 0), 30):
        assert 0 <= nb101.row(trial.architecture) < nb101.table.rows


def test_301_holds_both_cells_of_darts(folder):
    space = tabular_space(read_table(write_301(folder / "301.npz")))
    assert len(space.choices) == 32 and not space.complete
    architecture = space.sample(random.Random(4))
    normal, reduction = space.cells(architecture)
    assert (normal.kind, reduction.kind) == ("normal", "reduction")
    taken = {choice.name: choice.options[at] for choice, at in zip(space.choices, architecture.choices, strict=True)}
    nodes = {node.id: node for node in reduction.nodes}
    assert nodes["b3r"].inputs == (taken["reduction.3.second_input"],)
    assert nodes["b3r"].operation == taken["reduction.3.second_operation"]
    assert nodes["concat"].inputs == ("s2", "s3", "s4", "s5")
    for trial in run(build("regularized_evolution", space, 0), 30):
        assert space.row(trial.architecture) < 40
