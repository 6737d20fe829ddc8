"""How many images are computed at once."""

import pytest
import torch

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.protocol import SkeletonConfig
from nas_engine.training import micro_batch
from nas_engine.training.micro_batch import batch_that_fits, lowering_batch

CPU = torch.device("cpu")


def test_main_memory_bounds_the_batch_before_the_system_ends_the_process(monkeypatch):
    made = build_blueprint(zoo.get("nasnet-a").cells, SkeletonConfig(repeats=2), (3, 32, 32), 10)
    monkeypatch.setattr(micro_batch, "free_memory", lambda device: 1 << 40)
    assert batch_that_fits(made, 128, CPU) == 128
    monkeypatch.setattr(micro_batch, "free_memory", lambda device: 1 << 30)
    smaller = batch_that_fits(made, 128, CPU)
    assert 2 < smaller < 128 and smaller & (smaller - 1) == 0
    monkeypatch.setattr(micro_batch, "free_memory", lambda device: 0)
    assert batch_that_fits(made, 128, CPU) == 2


def test_other_errors_rise_at_once():
    def attempt(batch):
        raise RuntimeError("a shape is wrong")

    with pytest.raises(RuntimeError, match="a shape"):
        lowering_batch(attempt, 64, CPU, print)
