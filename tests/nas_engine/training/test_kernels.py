import subprocess
import sys

import pytest
import torch
from torch import nn

from nas_engine.training import kernels
from nas_engine.training.kernels import processor_kernels
from tests.nas_engine.training.fixtures import CPU

SHAPES = [
    # channels in, out, side, kernel, stride, padding, dilation, groups
    (16, 16, 4, (7, 7), 1, (3, 3), 1, 16),
    (16, 16, 4, (5, 5), 2, (2, 2), 1, 16),
    (16, 16, 11, (5, 5), 2, (0, 0), 1, 16),
    (8, 8, 2, (3, 3), 1, (1, 1), 1, 8),
    (8, 8, 7, (5, 5), 1, (4, 4), 2, 8),
    (8, 8, 5, (3, 3), 2, (1, 1), 1, 8),
    (8, 8, 16, (3, 3), 1, (2, 2), 2, 8),
    (8, 8, 15, (3, 3), 2, (2, 2), 2, 8),
    (8, 8, 4, (3, 3), 1, (2, 2), 2, 8),
    (8, 8, 16, (7, 7), 1, (3, 3), 1, 8),
    (8, 12, 4, (1, 1), 1, (0, 0), 1, 1),
    (8, 12, 5, (1, 1), 2, (0, 0), 1, 1),
    (12, 8, 16, (1, 1), 2, (0, 0), 1, 1),
    (8, 8, 4, (3, 3), 1, (1, 1), 1, 1),
    (12, 12, 16, (5, 5), 1, (2, 2), 1, 12),
    (12, 12, 15, (7, 7), 2, (3, 3), 1, 12),
    (12, 12, 15, (5, 5), 1, (4, 4), 2, 12),
    (12, 12, 16, (5, 5), 2, (4, 4), 2, 12),
    (8, 8, 19, (5, 5), 1, (2, 2), 2, 8),
    (8, 8, 16, (1, 7), 1, (0, 3), 1, 8),
    (8, 8, 16, (3, 3), 2, (1, 1), 1, 8),
]


@pytest.fixture(autouse=True)
def small_batches_too(monkeypatch):
    """Every way is tried, however small the batch."""
    monkeypatch.setattr(kernels, "_LEAST_NUMBERS", 0)


def gradients(conv, x, grad=None, half=False):
    """(output, gradient of x, gradient of the weights)."""
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        output = conv(x)
    grad = torch.ones_like(output) if grad is None else grad.to(output.dtype)
    return output.detach(), *torch.autograd.grad(output, (x, conv.weight), grad)


def example(shape):
    """A convolution in channels-last layout with input and gradient of its output."""
    into, out, side, kernel, stride, padding, dilation, groups = shape
    torch.manual_seed(0)
    conv = nn.Conv2d(into, out, kernel, stride, padding, dilation, groups, bias=False)
    conv = conv.to(memory_format=torch.channels_last)
    x = torch.randn(6, into, side, side).contiguous(memory_format=torch.channels_last).requires_grad_()
    return conv, x, torch.randn_like(conv(x))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_results_are_those_of_torch(shape):
    conv, x, grad = example(shape)
    expected = gradients(conv, x, grad)
    with processor_kernels(conv, CPU):
        actual = gradients(conv, x, grad)
    for one, other in zip(actual, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_in_bfloat16_they_are_as_near_to_the_exact_ones_as_torchs_own(shape):
    conv, x, grad = example(shape)
    exact = gradients(conv.double(), x.detach().double().requires_grad_(), grad.double())
    conv = conv.float()
    own = gradients(conv, x, grad, half=True)
    with processor_kernels(conv, CPU):
        ours = gradients(conv, x, grad, half=True)
    for mine, torchs, truth in zip(ours, own, exact, strict=True):
        assert mine.dtype == torchs.dtype
        assert (mine - truth).norm() <= 1.5 * (torchs - truth).norm() + 1e-3 * truth.norm()


def test_the_first_layer_needs_no_gradient_of_its_input():
    conv = nn.Conv2d(8, 8, 5, padding=2, groups=8, bias=False)
    with processor_kernels(conv, CPU):
        conv(torch.randn(2, 8, 4, 4)).sum().backward()
    assert conv.weight.grad.abs().sum() > 0


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Conv2d(8, 8, 1, bias=False), nn.Conv2d(8, 8, 5, groups=8, padding=2, bias=False))
    before = [set(vars(layer)) for layer in model]
    with pytest.raises(KeyError), processor_kernels(model, CPU):
        assert all("_conv_forward" in vars(layer) for layer in model)
        raise KeyError
    assert before == [set(vars(layer)) for layer in model]


def test_strided_pointwise_convolutions_of_few_channels_do_not_end_the_process():
    """oneDNN's own weights' gradient writes past its buffers here; in a process of its own, since it would take it down."""
    code = (
        "import torch\n"
        "from torch import nn\n"
        "from nas_engine.training.kernels import processor_kernels\n"
        "for channels in (2, 4, 6):\n"
        "    conv = nn.Conv2d(channels, channels, 1, 2, bias=False).to(memory_format=torch.channels_last)\n"
        "    x = torch.randn(64, channels, 14, 14).contiguous(memory_format=torch.channels_last)\n"
        "    with processor_kernels(conv, torch.device('cpu')):\n"
        "        for size in range(60):\n"
        "            conv(x).square().sum().backward()\n"
        "            junk = [bytearray(n) for n in range(16, 3000, 64)]\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
