"""One supernet against the networks it stands for: the same weights give the same outputs, in float64."""

import contextlib
import random

import pytest
import torch

from nas_engine.blueprint import build_blueprint
from nas_engine.blueprint.supernet import darts_rules, draft_supernet, enas_rules
from nas_engine.cell import Block, Cell
from nas_engine.networks import build
from nas_engine.networks.supernet import Choice, Supernet
from nas_engine.networks.supernet import cell as supernet_cell
from nas_engine.networks.supernet.banks import Source
from nas_engine.operations import DARTS_OPERATIONS, ENAS_OPERATIONS, NASNET_ALL
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_spaces.darts import DARTSConfig, DARTSSpace
from nas_engine.search_spaces.enas import ENASConfig, ENASSpace
from nas_engine.training.kernels import processor_kernels

SHAPE = (3, 16, 16)
IMAGES = torch.randn(6, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


def supernet(rules, layers=5, filters=4, seed=0):
    torch.manual_seed(seed)
    skeleton = SkeletonConfig(dialect=rules.dialect, layers=layers, filters=filters)
    return Supernet(draft_supernet(rules, skeleton, SHAPE, 10)).double()


def copy_path(net, cells, network):
    """Give a stand-alone network of ``cells`` the weights of the path that ``cells`` take through ``net``."""
    weights, paths = dict(net.named_parameters()), net.paths_of(cells)
    for name, parameter in network.named_parameters():
        scope, *rest = name.split(".")
        if scope == "cells":
            copy_cell(net.parts[int(rest[0])], paths, rest[1], ".".join(rest[2:]), parameter)
        else:
            source = weights["classifier." + rest[-1]] if scope == "head" else weights[name][0]
            parameter.data.copy_(source)


def copy_cell(cell, paths, node, tail, parameter):
    """One parameter of a stand-alone cell, from the bank of the edge that its path takes. What has no scale and offset in
    the supernet has 1 and 0, as a fresh network has."""
    weights = dict(cell.named_parameters())
    if node in ("s0", "s1"):
        key, row = f"project.{node[1]}.{tail}", 0
    else:
        choice = paths[cell.plan.kind][int(node[1:-1]) - 1]["lr".index(node[-1])]
        state = cell.edges[choice.row].source
        key, row = f"banks.{state}.{choice.operation}.{tail}", cell.local[choice.row]
    if key in weights:
        parameter.data.copy_(weights[key][row])
    else:
        assert ".norm" in key


@pytest.mark.parametrize("seed", range(4))
def test_a_path_equals_the_stand_alone_network_with_the_same_weights(seed):
    net = supernet(darts_rules(pool_norm=False))
    space = DARTSSpace(DARTSConfig())
    cells = space.cells(space.sample(random.Random(seed)))
    network = build(build_blueprint(cells, net.plan.skeleton, SHAPE, 10)).double()
    copy_path(net, cells, network)
    torch.testing.assert_close(net.forward_cells(IMAGES, cells), network(IMAGES), rtol=1e-10, atol=1e-12)


def test_a_path_without_poolings_equals_it_by_the_rules_of_the_darts_search_too():
    net = supernet(darts_rules())
    space = DARTSSpace(DARTSConfig(operations=DARTS_OPERATIONS[2:]))
    cells = space.cells(space.sample(random.Random(9)))
    network = build(build_blueprint(cells, net.plan.skeleton, SHAPE, 10)).double()
    copy_path(net, cells, network)
    torch.testing.assert_close(net.forward_cells(IMAGES, cells), network(IMAGES), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("operations", [ENAS_OPERATIONS, NASNET_ALL], ids=["ENAS", "NASNet"])
def test_a_path_through_an_enas_cell_equals_the_stand_alone_cell(operations, seed):
    """Cell by cell, since the search network of ENAS projects, reduces and gathers its outputs in its own way."""
    net = supernet(enas_rules(operations), layers=3)
    space = ENASSpace(ENASConfig(operations=operations))
    cells = space.cells(space.sample(random.Random(seed)))
    network = build(build_blueprint(cells, SkeletonConfig(dialect="enas", layers=8, filters=4), SHAPE, 10)).double()
    cell, place, paths = net.parts[0], "cells.1.", net.paths_of(cells)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.copy_(torch.randn_like(parameter))
    for name, parameter in network.named_parameters():
        if name.startswith(place + "b"):
            node, tail = name.removeprefix(place).split(".", 1)
            copy_cell(cell, paths, node, tail, parameter)
    layers = {layer["name"]: at for at, layer in enumerate(network.blueprint["layers"])}
    older, newer, whole = network._run(
        IMAGES, tuple(layers[place + name] for name in ("s0.norm", "s1.norm", "concat.concat"))
    )
    states = cell.follow([older, newer], paths["normal"])
    together = torch.cat([states[state] for state in cells[0].concat], 1)
    torch.testing.assert_close(together, whole, rtol=1e-10, atol=1e-12)


def test_the_output_of_an_enas_cell_gathers_the_states_nothing_reads():
    net = supernet(enas_rules(nodes=2), layers=3)
    cell = net.parts[0]
    states = [torch.randn(2, 4, 8, 8, dtype=torch.float64) for _ in range(4)]
    blocks = (Block(1, "identity", 1, "identity"), Block(1, "identity", 2, "identity"))
    path = net.paths_of((Cell("normal", blocks, (0, 3)),))
    read = {cell.edges[choice.row].source for choices in path["normal"] for choice in choices}
    expected = sum(torch.einsum("nchw,oc->nohw", states[at].relu(), cell.final[at]) for at in (0, 3))
    expected = torch.nn.functional.batch_norm(expected, None, None, training=True, eps=1e-5)
    torch.testing.assert_close(cell._output(states, read), expected)


def one_hot(net, paths):
    """The mixture that is a path."""
    weights = {}
    for kind, path in paths.items():
        weights[kind] = torch.zeros(len(net.plan.rules.edges), len(net.plan.rules.operations), dtype=torch.float64)
        for choices in path:
            for choice in choices:
                weights[kind][choice.row, choice.operation] = 1.0
    return weights


@pytest.mark.parametrize("partial", [1, 2])
def test_a_mixture_of_zeros_and_ones_equals_its_path(partial):
    net = supernet(darts_rules(partial=partial), filters=8)
    space = DARTSSpace(DARTSConfig())
    cells = space.cells(space.sample(random.Random(2)))
    paths = net.paths_of(cells)
    if partial == 1:
        mixed = net.forward_mixture(IMAGES, one_hot(net, paths))
    else:  # channels that bypass the operations are weighed by the edge alone
        chosen = {kind: weights.amax(1) for kind, weights in one_hot(net, paths).items()}
        mixed = net.forward_mixture(IMAGES, one_hot(net, paths), chosen)
    torch.testing.assert_close(mixed, net.forward_paths(IMAGES, paths), rtol=1e-9, atol=1e-11)


def test_a_mixture_is_the_weighted_sum_of_the_operations_and_its_gradient_follows():
    net = supernet(darts_rules(), layers=3)
    cell = net.parts[0]
    weights = torch.rand(14, 7, dtype=torch.float64, requires_grad=True)
    states = [torch.randn(3, 4, 8, 8, dtype=torch.float64) for _ in range(2)]
    cell.states = lambda older, newer: list(states)
    output = cell.mixture(None, None, weights)
    alone = list(states)
    for node in range(4):
        alone.append(0)
        for row, edge in enumerate(cell.edges):
            if edge.target == node + 2:
                for column, bank in enumerate(cell.banks[edge.source]):
                    value = bank(Source(alone[edge.source]), (0 if bank.shared else cell.local[row],))
                    alone[-1] = alone[-1] + weights[row, column] * value
    torch.testing.assert_close(output, torch.cat(alone[2:], 1), rtol=1e-10, atol=1e-12)
    both = [
        torch.autograd.grad((one * one.detach().cos()).sum(), weights)[0] for one in (output, torch.cat(alone[2:], 1))
    ]
    torch.testing.assert_close(*both, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("rules", [darts_rules(), enas_rules(NASNET_ALL, nodes=3)], ids=["DARTS", "NASNet"])
def test_edges_side_by_side_and_one_by_one_are_the_same(rules, monkeypatch):
    net = supernet(rules, layers=3)
    weights = {
        kind: torch.rand(len(rules.edges), len(rules.operations), dtype=torch.float64)
        for kind in ("normal", "reduction")
    }
    results = []
    for most in (0, 1 << 30):
        monkeypatch.setitem(supernet_cell._SIDE_BY_SIDE, "cpu", most)
        results.append(net.forward_mixture(IMAGES, weights))
    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-11)


def test_a_scaled_choice_is_multiplied():
    net = supernet(darts_rules(nodes=1), layers=3)
    half = torch.tensor(0.5, dtype=torch.float64)
    whole, halves = ((tuple(Choice(row, column, scale) for row, column in ((0, 3), (1, 2))),) for scale in (None, half))
    cell = net.parts[0]
    states = [torch.randn(3, 4, 8, 8, dtype=torch.float64) for _ in range(2)]
    torch.testing.assert_close(cell.follow(states, halves)[2], cell.follow(states, whole)[2] / 2)


def test_a_training_replaces_convolutions_without_changing_them():
    net = supernet(darts_rules(), layers=3).float()
    images = IMAGES.float().contiguous(memory_format=torch.channels_last)
    weights = {kind: torch.full((14, 7), 0.125) for kind in ("normal", "reduction")}
    gradients = []
    for kernels in (contextlib.nullcontext(), processor_kernels(net, torch.device("cpu"))):
        with kernels:
            loss = net.forward_mixture(images, weights).square().sum()
            gradients.append(torch.autograd.grad(loss, list(net.parameters())))
    for ours, torchs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, torchs, rtol=2e-3, atol=2e-3)


def test_dropout_acts_in_training_alone():
    rules = enas_rules(nodes=1)
    skeleton = SkeletonConfig(dialect="enas", layers=3, filters=4, dropout=0.5)
    net = Supernet(draft_supernet(rules, skeleton, SHAPE, 10)).double()
    paths = {kind: ((Choice(0, 4), Choice(2, 4)),) for kind in ("normal", "reduction")}
    assert not torch.equal(net.forward_paths(IMAGES, paths), net.forward_paths(IMAGES, paths))
    net.eval()
    assert torch.equal(net.forward_paths(IMAGES, paths), net.forward_paths(IMAGES, paths))
