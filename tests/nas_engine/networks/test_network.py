"""The interpreter against what blueprints promise, for published and sampled cells."""

import copy
import random

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nas_engine import zoo
from nas_engine.blueprint import Blueprint, build_blueprint
from nas_engine.cell import Block, Cell
from nas_engine.networks import build
from nas_engine.networks.model import Norm, _pooling, _shift
from nas_engine.operations import NASNET_ALL, OPERATIONS
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace
from nas_engine.training.kernels import processor_kernels

DIALECTS = ("tf", "darts", "enas", "gpipe")


def sampled(number):
    space = NASNetSpace(NASNetConfig(operations=NASNET_ALL))
    return space.cells(space.sample(random.Random(number)))


def small(cells, shape=(3, 16, 16), aux=False, **settings):
    return build_blueprint(cells, SkeletonConfig(**{"repeats": 1, "filters": 8, **settings}), shape, 5, aux=aux)


def images(made, count=2):
    return torch.randn(count, *made.image_shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_at_every_stride_and_size_gives_the_promised_shape(operation):
    """Images of these sides bring maps of 32, 28, 16, 14, 8, 7, 5, 4, 3 and 2 pixels, strided and not."""
    block = Block(0, operation, 1, operation)
    cells = (Cell("normal", (block,), (2,)), Cell("reduction", (block,), (0, 1, 2)))
    for dialect in DIALECTS:
        for shape in ((3, 32, 32), (1, 28, 28), (3, 14, 8), (1, 9, 8)):
            made = small(cells, shape, dialect=dialect)
            network = build(made).eval()
            with torch.inference_mode():
                values = network._run(images(made), tuple(range(len(made.layers))))
            for layer, value in zip(made.layers, values, strict=True):
                height_width = value.shape[2:] if value.dim() == 4 else (1, 1)
                assert (value.shape[1], *height_width) == layer.shape, layer.name


@pytest.mark.parametrize("dialect", DIALECTS)
def test_parameters_and_macs_are_the_modules_own(dialect):
    for number in range(4):
        made = small(sampled(number), (1, 14, 14), dialect=dialect, aux=number % 2 == 0)
        network = build(made).eval()
        assert sum(one.numel() for one in network.parameters()) == made.params + made.aux_params

        macs = []

        def count(module, _, out, macs=macs):
            area = out[0, 0].numel() if out.dim() == 4 else 1
            macs.append(module.weight.numel() * area)

        for module in network.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                module.register_forward_hook(count)
        with torch.inference_mode():
            network(images(made, 1))
        assert sum(macs) == made.macs


@pytest.mark.parametrize("dialect", DIALECTS)
def test_gradients_reach_every_parameter(dialect):
    for pair in (sampled(0), sampled(1), zoo.get("nasnet-a").cells):
        torch.manual_seed(0)
        made = small(pair, (1, 16, 16), aux=True, dialect=dialect)
        network = build(made)
        logits, aux = network.forward_with_aux(images(made, 8))
        (F.cross_entropy(logits, torch.arange(8) % 5) + F.cross_entropy(aux, torch.arange(8) % 5)).backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all() and parameter.grad.abs().sum() > 0, name


def test_overwriting_and_sharing_change_no_result():
    """The frugal plan against one that overwrites nothing, in training mode."""
    for number in range(3):
        torch.manual_seed(number)
        made = small(sampled(number), (1, 8, 8), filters=4)
        network = build(made).train()
        plain = copy.deepcopy(network)
        x, everything = images(made, 4), tuple(range(len(made.layers)))  # outputs are never overwritten
        logits, expected = network(x), plain._run(x, everything)[made.graph.logits]
        assert torch.allclose(logits, expected, atol=1e-5)
        logits.square().sum().backward()
        expected.square().sum().backward()
        for one, other in zip(network.parameters(), plain.parameters(), strict=True):
            assert torch.allclose(one.grad, other.grad, rtol=1e-3, atol=1e-4)


def test_channels_last_gives_the_same():
    made = small(zoo.get("nasnet-a").cells)
    network = build(made).double().eval()
    x = images(made, 4).double()
    with torch.inference_mode():
        expected = network(x)
        last = network.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    assert torch.allclose(last, expected)


def test_in_channels_last_layout_gradients_lie_so_too():
    """Batch norm goes back through any other layout many times slower."""
    made = small(zoo.get("nasnet-a").cells)
    model = build(made).to(memory_format=torch.channels_last)
    scattered = []

    def note(grad):
        if not grad.is_contiguous(memory_format=torch.channels_last):
            scattered.append(grad.stride())

    norms = [module for module in model.modules() if isinstance(module, Norm)]
    for norm in norms:
        norm.register_forward_hook(lambda module, inputs, output: output.register_hook(note) and None)
    with processor_kernels(model, torch.device("cpu")):
        model(images(made).contiguous(memory_format=torch.channels_last)).square().sum().backward()
    assert len(norms) > 20 and not scattered


@pytest.mark.parametrize("kind_size", ["avg 3", "avg 5", "max 2", "max 3", "max 5", "max 7"])
@pytest.mark.parametrize("stride", [1, 2])
def test_padding_enters_neither_mean_nor_maximum(kind_size, stride):
    """Against windows cut out one by one, padded as TensorFlow's SAME."""
    kind, size = kind_size.split()[0], int(kind_size.split()[1])
    for side in range(1, 13):
        x = torch.randn(1, 1, side, side + 1, generator=torch.Generator().manual_seed(side)) - 3
        height, width = (-(-length // stride) for length in x.shape[2:])
        before = [
            max((out - 1) * stride + size - n, 0) // 2 for out, n in zip((height, width), x.shape[2:], strict=True)
        ]
        after = [
            max((out - 1) * stride + size - n, 0) - pad
            for out, n, pad in zip((height, width), x.shape[2:], before, strict=True)
        ]
        layer = {
            "name": "p", "kind": f"{kind}_pool", "kernel": [size, size], "stride": [stride, stride],
            "padding": [before[0], after[0], before[1], after[1]], "shape": [1, height, width],
        }  # fmt: skip
        expected = torch.empty(1, 1, height, width)
        for row in range(height):
            for column in range(width):
                top, left = row * stride - before[0], column * stride - before[1]
                window = x[0, 0, max(top, 0) : top + size, max(left, 0) : left + size]
                expected[0, 0, row, column] = window.mean() if kind == "avg" else window.max()
        assert torch.allclose(_pooling(layer, list(x.shape[1:]))(x), expected, atol=1e-5)


def test_shift_begins_one_pixel_further_and_fills_up_with_zeros():
    x = torch.arange(12.0).view(1, 1, 3, 4)
    assert _shift(x).tolist() == [[[[5.0, 7.0], [0.0, 0.0]]]]


def test_drop_path_rises_with_depth_and_leaves_identity_alone():
    blocks = (Block(0, "identity", 1, "sep_conv_3x3"), Block(0, "max_pool_3x3", 2, "identity"))
    cells = (Cell("normal", blocks, (3,)), Cell("reduction", blocks, (3,)))
    for dialect, per_reduction in (("tf", 2), ("enas", 2), ("darts", 3)):  # DARTS drops the strided identity too
        drops = [layer for layer in small(cells, dialect=dialect).layers if layer.kind == "drop_path"]
        depths = sorted({layer.options["depth"] for layer in drops})
        assert len(drops) == 3 * 2 + 2 * per_reduction
        assert depths == ([1.0] if dialect == "darts" else [0.2, 0.4, 0.6, 0.8, 1.0])


def test_drop_path_drops_whole_paths_per_image_and_keeps_the_mean():
    made = small(zoo.get("nasnet-a").cells)
    network = build(made)
    network.set_drop_path(0.5)
    torch.manual_seed(0)
    masks = network._masks(torch.empty(4000, 1))
    for index, mask in masks.items():
        keep = 1 - 0.5 * made.layers[index].options["depth"]
        assert mask.shape == (4000, 1, 1, 1)
        assert mask.unique().tolist() == pytest.approx([0.0, 1 / keep])
        assert mask.mean().item() == pytest.approx(1, abs=0.06)


def test_drop_path_acts_in_training_only():
    torch.manual_seed(0)
    made = small(zoo.get("nasnet-a").cells)
    network, x = build(made).train(), images(made, 8)
    plain = network(x)
    network.set_drop_path(0.6)
    assert not torch.allclose(network(x), plain)
    network.eval()
    dropping = network(x)
    network.set_drop_path(0)
    assert torch.allclose(network(x), dropping, atol=1e-5)
    with pytest.raises(ValueError, match="0, 1"):
        network.set_drop_path(1)


def test_drop_path_leaves_gradients_whole():
    torch.manual_seed(0)
    made = small(sampled(1))
    network = build(made).train()
    network.set_drop_path(0.3)
    network(images(made, 16)).square().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    network = build(small(sampled(1), dropout=0.5))
    x = torch.randn(4, 3, 16, 16)
    assert not torch.equal(network.train()(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


def test_features_are_every_stages_map():
    made = small(zoo.get("nasnet-a").cells, (3, 28, 28))
    network = build(made).eval()
    maps = network.forward_features(images(made))
    assert [(tuple(one.shape[1:]), stride) for one, stride in maps] == [
        ((48, 28, 28), 1), ((96, 14, 14), 2), ((192, 7, 7), 4),
    ]  # fmt: skip


def test_without_an_auxiliary_head_asking_for_it_says_so():
    made = small(sampled(1))
    with pytest.raises(ValueError, match="auxiliary"):
        build(made).forward_with_aux(images(made))


def test_the_auxiliary_head_does_not_change_the_logits():
    torch.manual_seed(0)
    made = small(sampled(1), aux=True)
    network = build(made).eval()
    x = images(made)
    assert torch.allclose(network.forward_with_aux(x)[0], network(x), atol=1e-5)


def test_weights_are_named_by_scope_and_survive_json():
    made = small(zoo.get("nasnet-a").cells)
    network = build(made)
    names = set(network.state_dict())
    assert {
        "stem.conv.weight", "stem.norm.running_mean", "cells.0.s1.conv.weight", "cells.0.b1l.depthwise_1.weight",
        "cells.0.concat.0.conv.weight", "cells.1.s0.norm.bias", "head.linear.bias",
    } <= names  # fmt: skip
    again = build(Blueprint.from_json(made.as_json()))
    again.load_state_dict(network.state_dict())
    x = images(made)
    assert torch.allclose(again.eval()(x), network.eval()(x), atol=1e-5)


def test_equal_seeds_give_equal_weights_and_finite_logits():
    for dialect in DIALECTS:
        made = small(sampled(3), dialect=dialect)
        torch.manual_seed(7)
        one = build(made)
        torch.manual_seed(7)
        other = build(made)
        for a, b in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.equal(a, b)
        assert one(images(made, 8)).isfinite().all()


def test_a_copy_is_a_network_of_its_own():
    made = small(sampled(1), dropout=0.5)
    network = build(made)
    network(images(made))
    twin = copy.deepcopy(network).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    x = images(made)
    assert torch.equal(twin(x), twin(x)) and twin(x).abs().sum() > 0


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        # sqrt(1.3 x 2 / fan out), cut off at two deviations, which leaves 0.88 of the spread
        ("tf", {"conv_1": 0.88 * (2.6 / (32 * 9)) ** 0.5, "depthwise_1": 0.88 * (2.6 / 9) ** 0.5}),
        ("enas", {"conv_1": (2 / (32 * 9)) ** 0.5, "depthwise_1": (2 / 9) ** 0.5}),
        ("darts", {"conv_1": (1 / 3 / (32 * 9)) ** 0.5, "depthwise_1": (1 / 3 / 9) ** 0.5}),
    ],
)
def test_initial_weights_spread_as_in_the_released_code(dialect, expected):
    torch.manual_seed(0)
    block = Block(1, "conv_3x3", 1, "sep_conv_3x3")
    cells = (Cell("normal", (block,), (2,)), Cell("reduction", (block,), (2,)))
    network = build(small(cells, filters=32, dialect=dialect))
    stage = network.get_submodule("cells.0")
    assert stage.b1l.conv_1.weight.std().item() == pytest.approx(expected["conv_1"], rel=0.05)
    assert stage.b1r.depthwise_1.weight.std().item() == pytest.approx(expected["depthwise_1"], rel=0.1)
    if dialect == "tf":
        assert network.head.linear.weight.std().item() == pytest.approx(0.88 * (2.6 / 5) ** 0.5, rel=0.1)
        assert not network.head.linear.bias.any()
