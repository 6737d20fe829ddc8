import pytest

from nas_engine.blueprint.supernet import darts_rules, draft_supernet, enas_rules
from nas_engine.networks.supernet import Supernet
from nas_engine.protocol import SkeletonConfig


def plan(rules, filters=16, layers=8, shape=(3, 32, 32)):
    return draft_supernet(rules, SkeletonConfig(dialect=rules.dialect, layers=layers, filters=filters), shape, 10)


def test_the_supernet_of_darts_has_the_published_size():
    drafted = plan(darts_rules())
    assert (drafted.params, drafted.macs) == (1_930_618, 300_255_744)
    assert len(drafted.rules.edges) == 14
    assert [part.kind[0] for part in drafted.cells] == list("nnrnnrnn")


@pytest.mark.parametrize(
    "rules",
    [darts_rules(), darts_rules(partial=4), enas_rules(), enas_rules(nodes=2)],
    ids=["darts", "pc", "enas", "small"],
)
def test_the_drafted_parameters_are_those_of_the_network(rules):
    drafted = plan(rules, filters=8, layers=5, shape=(1, 16, 16))
    assert sum(one.numel() for one in Supernet(drafted).parameters()) == drafted.params


def test_enas_keeps_weights_per_node_side_operation_and_previous_state():
    drafted = plan(enas_rules(), filters=20)
    rules = drafted.rules
    assert len(rules.edges) == 2 * (2 + 3 + 4 + 5 + 6)
    assert [len(rows) for rows in drafted.cells[0].edges] == [10, 10, 8, 6, 4, 2]
    reductions = [cell for cell in drafted.cells if cell.kind == "reduction"]
    assert [cell.shape for cell in reductions] == [(40, 16, 16), (80, 8, 8)]
    assert all(shape[1:] == cell.shape[1:] for cell in reductions for shape in cell.inputs[1:])
