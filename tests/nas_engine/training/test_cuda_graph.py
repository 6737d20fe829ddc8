"""All of the recorded step but the recording itself, which needs a GPU: here it is run where a graph would be replayed."""

import logging
from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.networks import build
from nas_engine.protocol import SkeletonConfig
from nas_engine.training import cuda_graph
from nas_engine.training.cuda_graph import GraphTrainer, PlannedAugmentation, graphs_wanted
from nas_engine.training.images import Augmentation
from nas_engine.training.loop import Trainer
from tests.nas_engine.training.fixtures import CPU, PLAIN, device_images, network

AUGMENTED = replace(PLAIN, crop=2, flip=True, cutout=3)


def nasnet():
    skeleton = SkeletonConfig(repeats=1, filters=4)
    torch.manual_seed(0)
    model = build(build_blueprint(zoo.get("nasnet-a").cells, skeleton, (1, 8, 8), 4))
    return model.to(memory_format=torch.channels_last)


def trained(kind, model, config, epochs=2, **options):
    """(weights afterwards, totals of every epoch)."""
    trainer = kind(model, device_images(70), config, lambda: False, **options)
    sums = []
    for epoch in range(1, epochs + 1):
        totals = trainer.epoch(epoch)
        sums.append((float(totals.loss), int(totals.right), totals.images))
    return torch.cat([value.flatten() for value in model.state_dict().values()]), sums


def replay(step, stream):
    return step


@pytest.mark.parametrize("config", [PLAIN, AUGMENTED, replace(PLAIN, clip=0, weight_decay=0, label_smoothing=0.1)])
def test_replayed_steps_train_as_the_plain_loop_does(config):
    expected, sums = trained(Trainer, network(), config)
    actual, replayed = trained(GraphTrainer, network(), config, record=replay)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)
    for one, other in zip(replayed, sums, strict=True):
        assert one == pytest.approx(other, rel=1e-4)


def test_it_records_once_after_training_a_few_steps():
    calls, recorded = [], []

    def record(step, stream):
        recorded.append(len(calls))

        def counted():
            calls.append("replayed")
            step()

        return counted

    trained(GraphTrainer, network(), PLAIN, record=record)
    assert recorded == [0] and len(calls) == 2 * 5 - 3


def test_what_cannot_be_recorded_is_trained_step_by_step(caplog):
    attempts = []

    def refuse(step, stream):
        attempts.append(step)
        raise RuntimeError("operation not permitted when stream is capturing")

    with caplog.at_level(logging.WARNING, logger=cuda_graph.__name__):
        actual, sums = trained(GraphTrainer, network(), AUGMENTED, record=refuse)
    expected, plain = trained(Trainer, network(), AUGMENTED)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)
    assert len(attempts) == 1 and "not permitted" in caplog.text
    assert [one[2] for one in sums] == [one[2] for one in plain] == [70, 70]


def test_a_planned_epoch_draws_what_its_batches_would():
    images = device_images(32, channels=3)
    planned, plain = (
        kind(images, AUGMENTED, torch.Generator().manual_seed(4)) for kind in (PlannedAugmentation, Augmentation)
    )
    planned.plan(3, 8)
    for number in range(3):
        planned.turn_to(torch.tensor([number]))
        indices = torch.arange(number, number + 8)
        for one, other in zip(planned.batch(indices), plain.batch(indices), strict=True):
            assert torch.equal(one, other)


def test_rates_follow_the_schedule_step_by_step():
    class Watched(GraphTrainer):
        def _update(self, batch, labels, learning_rate, drop_path):
            seen.append((float(learning_rate), float(drop_path)))
            return super()._update(batch, labels, learning_rate, drop_path)

    seen, config = [], replace(PLAIN, epochs=2, drop_path=0.3)
    model = nasnet()
    trained(Watched, model, config, record=replay)
    plain = Trainer(nasnet(), device_images(70), config, lambda: False)
    expected = [(plain.learning_rate(step), plain.drop_path_rate(step)) for step in range(10)]
    torch.testing.assert_close(torch.tensor(seen), torch.tensor(expected))
    assert isinstance(model.drop_path_rate, float)


def test_a_rate_on_the_device_drops_the_same_paths():
    model, images = nasnet(), torch.randn(4, 1, 8, 8)
    outputs = []
    for rate in (0.4, torch.tensor(0.4)):
        model.set_drop_path(rate)
        torch.manual_seed(3)
        outputs.append(model(images))
    assert torch.equal(*outputs)


class Recordable(TorchDispatchMode):
    """Refuses what would make a recording fail: reading a number back, or making a tensor from Python ones."""

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        name = function.overloadpacket.__name__
        assert name not in ("_local_scalar_dense", "nonzero", "lift_fresh", "masked_select", "item"), name
        return function(*arguments, **(options or {}))


def test_a_step_neither_reads_from_the_device_nor_writes_to_it():
    config = replace(AUGMENTED, drop_path=0.2, label_smoothing=0.1)
    checked = []

    def record(step, stream):
        def watched():
            with Recordable():
                step()
            checked.append(step)

        return watched

    trained(GraphTrainer, nasnet(), config, record=record)
    assert len(checked) == 7


def test_graphs_are_for_gpus_and_can_be_turned_off(monkeypatch):
    assert not graphs_wanted(CPU) and graphs_wanted(torch.device("cuda", 0))
    monkeypatch.setenv(cuda_graph.SWITCH, "0")
    assert not graphs_wanted(torch.device("cuda", 0))
