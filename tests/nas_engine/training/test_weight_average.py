"""The moving average of weights, against its definition."""

import torch

from nas_engine.training.sgd import FlatSGD
from nas_engine.training.weight_average import WeightAverage
from tests.nas_engine.training.fixtures import network


def test_it_is_tensorflows_average_of_weights_and_running_statistics():
    model = network()
    sgd = FlatSGD(model, 0.9, 0.0, 0.0)
    average = WeightAverage(model, sgd, 0.99)
    expected = {name: value.clone() for name, value in model.state_dict().items() if value.is_floating_point()}
    for step in range(1, 6):
        sgd.zero_grad()
        model(torch.randn(4, 1, 8, 8)).square().sum().backward()
        sgd.step(0.01)
        average.update(step)
        decay = min(0.99, (1 + step) / (10 + step))
        for name, value in expected.items():
            value.mul_(decay).add_(model.state_dict()[name], alpha=1 - decay)
    last = {name: value.clone() for name, value in model.state_dict().items()}
    with average.in_place():
        for name, value in expected.items():
            torch.testing.assert_close(model.state_dict()[name], value)
    assert all(torch.equal(value, last[name]) for name, value in model.state_dict().items())
