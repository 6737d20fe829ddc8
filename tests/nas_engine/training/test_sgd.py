import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from nas_engine.training.sgd import FlatRMSProp, FlatSGD
from tests.nas_engine.training.fixtures import network


@pytest.mark.parametrize(("momentum", "decay", "clip"), [(0.9, 5e-4, 0.0), (0.9, 5e-4, 1.0), (0.0, 0.0, 1.0)])
def test_it_computes_what_torch_optim_computes(momentum, decay, clip):
    ours = network()
    theirs = copy.deepcopy(ours)
    flat = FlatSGD(ours, momentum, decay, clip)
    reference = torch.optim.SGD(theirs.parameters(), lr=1.0, momentum=momentum, weight_decay=decay)
    generator = torch.Generator().manual_seed(0)
    for step in range(5):
        batch = torch.randn(4, 1, 8, 8, generator=generator)
        rate = 0.05 / (step + 1)
        flat.zero_grad()
        ours(batch).square().sum().backward()
        flat.step(rate)
        reference.zero_grad()
        theirs(batch).square().sum().backward()
        if clip:
            nn.utils.clip_grad_norm_(theirs.parameters(), clip)
        reference.param_groups[0]["lr"] = rate
        reference.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_the_model_keeps_its_layout_and_can_be_saved_and_loaded():
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    strides = [parameter.stride() for parameter in model.parameters()]
    FlatSGD(model, 0.9, 0.0, 0.0)
    assert strides == [parameter.stride() for parameter in model.parameters()]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    network(seed=1).load_state_dict(model.state_dict())


def test_training_does_not_load_the_compiler():
    code = (
        "import sys\n"
        "from tests.nas_engine.training.fixtures import *\n"
        "from nas_engine.training.loop import train\n"
        "train(network(), device_images(), device_images(), PLAIN, print, lambda: False)\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0


def _steps(ours, theirs, flat, reference, rate=0.05):
    generator = torch.Generator().manual_seed(0)
    for step in range(5):
        batch = torch.randn(4, 1, 8, 8, generator=generator)
        flat.zero_grad()
        ours(batch).square().sum().backward()
        flat.step(rate / (step + 1))
        reference.zero_grad()
        theirs(batch).square().sum().backward()
        reference.param_groups[0]["lr"] = reference.param_groups[-1]["lr"] = rate / (step + 1)
        reference.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_nesterov_is_torchs():
    ours = network()
    theirs = copy.deepcopy(ours)
    reference = torch.optim.SGD(theirs.parameters(), lr=1.0, momentum=0.9, weight_decay=5e-4, nesterov=True)
    _steps(ours, theirs, FlatSGD(ours, 0.9, 5e-4, 0.0, nesterov=True), reference)


def test_norms_and_biases_can_be_spared_the_decay():
    ours = network()
    theirs = copy.deepcopy(ours)
    groups = [
        {"params": [one for one in theirs.parameters() if one.dim() > 1], "weight_decay": 0.1},
        {"params": [one for one in theirs.parameters() if one.dim() == 1], "weight_decay": 0.0},
    ]
    reference = torch.optim.SGD(groups, lr=1.0, momentum=0.9)
    _steps(ours, theirs, FlatSGD(ours, 0.9, 0.1, 0.0, decay_norms=False), reference)


@pytest.mark.parametrize("eps", [1.0, 1e-3])
def test_rmsprop_is_tensorflows(eps):
    """mean_square = decay ms + (1 - decay) g^2, from 1; moment = momentum mom + rate g / sqrt(ms + eps); w -= moment."""
    model = network()
    flat = FlatRMSProp(model, 0.9, 0.01, 0.0, 0.9, eps)
    weights, squares, moment = flat.weights.double(), torch.ones(len(flat.weights)).double(), 0.0
    generator = torch.Generator().manual_seed(0)
    for step in range(4):
        flat.zero_grad()
        model(torch.randn(4, 1, 8, 8, generator=generator)).square().mean().backward()
        gradient = flat.gradient.double() + 0.01 * weights
        squares = 0.9 * squares + 0.1 * gradient**2
        moment = 0.9 * moment + 0.1 / (step + 1) * gradient / (squares + eps).sqrt()
        weights = weights - moment
        flat.step(0.1 / (step + 1))
    torch.testing.assert_close(flat.weights.double(), weights, rtol=1e-4, atol=1e-5)
    assert set(flat.state()) == {"velocity", "squares"}
