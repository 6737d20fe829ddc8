"""RandWire's space: what its decisions mean, and the cells they decode to."""

import json
import random

import pytest

from nas_engine.architecture import Architecture
from nas_engine.config import read
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import GraphCell
from nas_engine.search_spaces.random_graphs import Generator, Wiring
from nas_engine.search_spaces.randwire import (
    RandWireConfig,
    RandWireSpace,
    parse_cells,
    removals,
    stage_cell,
    wiring_of,
)
from nas_engine.strategies.grid import Grid
from nas_engine.strategies.settings import GridConfig


def space(**config) -> RandWireSpace:
    return RandWireSpace(read(RandWireConfig, config))


def test_the_generator_its_parameters_and_the_seeds_are_decisions():
    names = [choice.name for choice in space().choices]
    assert names == ["generator", "er.p", "ba.m", "ws.k", "ws.p", "stage 1.seed", "stage 2.seed", "stage 3.seed"]
    names = [choice.name for choice in space(generators=["ws"], own_seeds=False, regime="regular").choices]
    assert names == ["generator", "ws.k", "ws.p", "seed"]


def test_an_architecture_decodes_to_the_graphs_of_its_generator():
    made = space(seeds=7)
    options = {choice.name: choice.options for choice in made.choices}
    taken = {"generator": "ws", "ws.k": "4", "ws.p": "0.75", "stage 1.seed": "3", "stage 2.seed": "6"}
    choices = tuple(options[c.name].index(taken.get(c.name, c.options[0])) for c in made.choices)
    architecture = Architecture(made.name, choices)
    assert made.decided(architecture) == (Generator("ws", p=0.75, k=4), (3, 6, 0))
    cells = made.cells(architecture)
    assert cells == parse_cells("randwire:ws(4,0.75):seed=3,6,0")
    assert [cell.kind for cell in cells] == ["stage 1", "stage 2", "stage 3"]
    assert wiring_of(cells[1]) == Generator.parse("ws(4,0.75)").wiring(32, "6/2")


def test_only_what_the_generator_reads_matters_and_is_mutated():
    made, rng = space(), random.Random(0)
    for _ in range(100):
        parent = made.sample(rng)
        child = made.mutate(parent, rng)
        assert made.key(child) != made.key(parent)
    kind = made.choices[0].options.index("ba")
    matters = made.matters(Architecture(made.name, (kind, *[0] * 7)))
    assert matters == (True, False, True, False, False, True, True, True)


def test_the_size_counts_what_has_a_say():
    assert space().size() == (4 + 4 + 16) * 10**3
    made = space(own_seeds=False, seeds=3, generators=["ba", "ws"], ba_m=["1"], ws_k=["2", "4"])
    assert made.size() == (1 + 2 * 4) * 3
    grid = Grid(made, GridConfig(), 0)
    assert len({grid.ask(number).architecture for number in range(2 * made.size())}) == made.size()


def test_a_parameter_of_another_generator_changes_nothing():
    made = space()
    ba = made.choices[0].options.index("ba")
    keys = {made.key(Architecture(made.name, (ba, er, 1, k, 0, 2, 2, 2))) for er in range(4) for k in range(4)}
    assert len(keys) == 1


def test_one_seed_for_all_draws_a_different_graph_for_each_stage():
    made = space(own_seeds=False, generators=["ba"])
    cells = made.cells(Architecture(made.name, (0, 2, 4)))
    assert len({cell.nodes for cell in cells}) == 3
    assert made.decided(Architecture(made.name, (0, 2, 4)))[1] == (4, 4, 4)


def test_the_regular_regime_has_a_first_stage_of_half_the_nodes():
    cells = parse_cells("ws(4,0.75):regime=regular")
    assert [wiring_of(cell).nodes for cell in cells] == [16, 32, 32, 32]


def test_a_stage_reads_its_input_where_nothing_comes_before_and_gives_what_nothing_reads():
    cell = stage_cell(1, Wiring(4, ((0, 2), (1, 2))))
    inputs = {node.id: node.inputs for node in cell.nodes}
    assert inputs == {"s0": (), "n0": ("s0",), "n1": ("s0",), "n2": ("n0", "n1"), "n3": ("s0",), "out": ("n2", "n3")}
    assert wiring_of(cell) == Wiring(4, ((0, 2), (1, 2)))
    assert GraphCell.from_json(json.loads(json.dumps(cell.as_json()))) == cell


def test_isomorphic_stages_have_one_key():
    assert stage_cell(1, Wiring(3, ((0, 2),))).key() == stage_cell(1, Wiring(3, ((1, 2),))).key()
    assert stage_cell(1, Wiring(3, ((0, 2),))).key() != stage_cell(1, Wiring(3, ((0, 2), (1, 2)))).key()
    assert stage_cell(1, Wiring(3, ((0, 2),))).key() != stage_cell(2, Wiring(3, ((0, 2),))).key()


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"generators": []}, "generators"),
        ({"er_p": []}, "er_p"),
        ({"nodes": 6}, "ba_m"),
        ({"nodes": 8}, "ws_k"),
        ({"nodes": 14, "regime": "regular"}, "ws_k"),
    ],
)
def test_what_cannot_be_drawn_is_said_at_its_field(config, field):
    with pytest.raises(ConfigError) as caught:
        space(**config)
    assert field in caught.value.problems


def test_unused_generators_may_lack_parameters():
    assert space(generators=["er"], ba_m=[], ws_k=[], ws_p=[], nodes=3).choices[-1].name == "stage 3.seed"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ws(4,0.75):sede=3",
        "ba(5):seed=1,2",
        "ba(5):nodes=5",
        "ba(5):seed=x",
        "ba(5):regime=large",
        "ba(5):nodes=999",
    ],
)
def test_a_name_that_is_not_understood_is_said_so(text):
    with pytest.raises(ConfigError):
        parse_cells(text)


def test_removals_are_every_node_and_every_edge_of_the_graphs():
    cells = [stage_cell(1, Wiring(3, ((0, 1), (0, 2), (1, 2))))] * 2
    found = [(one.stage, one.node, one.source, one.degree) for one in removals(cells)]
    first = [(1, "n0", "", 2), (1, "n1", "", 1), (1, "n2", "", 0)]
    assert found[:6] == [*first, (1, "n1", "n0", 1), (1, "n2", "n0", 2), (1, "n2", "n1", 2)]
    assert [stage for stage, *_ in found] == [1] * 6 + [2] * 6
