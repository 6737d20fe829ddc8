from dataclasses import replace

import pytest
import torch
from torch import nn

from nas_engine.errors import EvaluationFailed, SearchCancelled
from nas_engine.training import loop
from nas_engine.training.accuracy import accuracy
from nas_engine.training.loop import train
from tests.nas_engine.training.fixtures import PLAIN, device_images, network


def go(config=PLAIN, model=None, report=lambda report: None, cancelled=lambda: False, count=64):
    model = model or network()
    reports = train(model, device_images(count), device_images(40, seed=1), config, report, cancelled)
    return model, reports


def weights(model):
    return torch.cat([value.flatten().double() for value in model.state_dict().values()])


def test_it_learns():
    _, reports = go(replace(PLAIN, epochs=6))
    assert reports[-1].valid_accuracy > 0.9 > 0.5 > reports[0].train_accuracy - 0.3
    assert reports[-1].train_loss < reports[0].train_loss


def test_each_epoch_is_reported_once():
    seen = []
    model, reports = go(report=seen.append)
    assert seen == reports
    assert [(one.epoch, one.epochs) for one in seen] == [(1, 3), (2, 3), (3, 3)]
    assert all(one.seconds > 0 and one.images_per_second > 0 for one in seen)
    assert reports[-1].valid_accuracy == accuracy(model, device_images(40, seed=1))


@pytest.mark.parametrize("changes", [{}, {"crop": 1, "flip": True, "cutout": 2}, {"precision": "bfloat16"}])
def test_the_seed_decides_the_weights_bit_for_bit(changes):
    config = replace(PLAIN, **changes)
    first, _ = go(config)
    torch.rand(17)
    train(network(seed=5), device_images(32), device_images(8), PLAIN, lambda one: None, lambda: False)
    again, _ = go(config)
    other, _ = go(replace(config, seed=1))
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))


def test_batches_are_equal_and_none_is_larger_than_asked():
    sizes = []
    model = network()
    model.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])) if module.training else None)
    go(replace(PLAIN, epochs=1, batch_size=16), model, count=50)
    assert sizes == [12] * 4


def test_the_learning_rate_falls_in_one_cosine_to_zero(monkeypatch):
    rates = []

    class Recorder(loop.FlatSGD):
        def step(self, learning_rate):
            rates.append(learning_rate)
            super().step(learning_rate)

    monkeypatch.setattr(loop, "FlatSGD", Recorder)
    go(replace(PLAIN, epochs=2, batch_size=16, learning_rate=0.2))
    assert len(rates) == 8
    assert rates[0] == 0.2 and rates[4] == pytest.approx(0.1) and 0 < rates[7] < 0.01
    assert rates == sorted(rates, reverse=True)


def test_drop_path_rises_linearly():
    model, rates = network(), []
    model.set_drop_path = rates.append
    go(replace(PLAIN, epochs=2, batch_size=32, drop_path=0.4), model)
    assert rates == pytest.approx([0.0, 0.1, 0.2, 0.3])


def test_label_smoothing_raises_the_smallest_loss():
    _, plain = go(replace(PLAIN, epochs=6))
    _, smooth = go(replace(PLAIN, epochs=6, label_smoothing=0.3))
    assert smooth[-1].train_loss > plain[-1].train_loss + 0.3


def test_a_loss_that_is_not_a_number_ends_it_with_advice():
    class Bad(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.steps = network(), 0

        def forward(self, x):
            self.steps += self.training
            return self.inner(x) * (float("nan") if self.steps > 5 else 1)

    with pytest.raises(EvaluationFailed) as caught:
        go(model=Bad())
    assert caught.value.reason == "Loss became NaN at epoch 2"
    assert "learning rate" in caught.value.advice


def test_diverging_ends_it():
    linear = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    with pytest.raises(EvaluationFailed, match="Loss became .* at epoch"):
        go(replace(PLAIN, learning_rate=10, weight_decay=1, momentum=0, batch_size=1), linear)


def test_clipping_bounds_the_step():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    start = weights(model).clone()
    go(replace(PLAIN, epochs=1, batch_size=64, learning_rate=1.0, clip=0.01, momentum=0, weight_decay=0), model)
    assert (weights(model) - start).norm() <= 0.0101


def test_it_stops_at_the_next_batch_when_told():
    asked = []

    def cancelled():
        asked.append(1)
        return len(asked) == 3

    seen = []
    with pytest.raises(SearchCancelled):
        go(cancelled=cancelled, report=seen.append)
    assert len(asked) == 3 and not seen
