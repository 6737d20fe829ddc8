"""Learning rates and drop path rates, step by step."""

import math

import pytest

from nas_engine.full_training import read_full_training
from nas_engine.full_training.schedule import drop_path_rate, rates


def rate(steps=10, base=0.1, **schedule):
    config = read_full_training({"schedule": schedule, "optimizer": {"learning_rate": base}})
    return rates(config, steps)


def test_a_cosine_goes_from_the_rate_to_the_final_one():
    at = rate(epochs=10, final_rate=0.01)
    assert at(0) == pytest.approx(0.1) and at(50) == pytest.approx(0.055) and at(100) == pytest.approx(0.01)
    values = [at(step) for step in range(101)]
    assert values == sorted(values, reverse=True)


def test_the_exponential_falls_in_steps_or_smoothly():
    at = rate(kind="exponential", epochs=24, decay=0.97, decay_epochs=2.4)
    assert [at(step) for step in (0, 23, 24, 47, 48)] == pytest.approx([0.1, 0.1, 0.097, 0.097, 0.1 * 0.97**2])
    smooth = rate(kind="exponential", epochs=24, decay=0.5, decay_epochs=1, staircase=False)
    assert smooth(5) == pytest.approx(0.1 * 0.5**0.5)
    awkward = rate(steps=521, kind="exponential", epochs=250, decay=0.97, decay_epochs=1)
    assert [awkward(521 * epoch) for epoch in range(250)] == pytest.approx([0.1 * 0.97**epoch for epoch in range(250)])


def test_restarts_begin_anew_in_cycles_that_grow():
    at = rate(kind="restarts", epochs=70, final_rate=0.001, first_cycle=10, cycle_factor=2)
    tops = [step for step in range(700) if at(step) == pytest.approx(0.1)]
    assert tops == [0, 100, 300]
    assert at(99) == pytest.approx(0.001, abs=1e-4) and at(200) == pytest.approx(0.0505)
    even = rate(kind="restarts", epochs=30, first_cycle=10, cycle_factor=1)
    assert [even(step) for step in (0, 100, 200)] == pytest.approx([0.1] * 3)


@pytest.mark.parametrize("kind", ["cosine", "exponential", "restarts", "constant"])
def test_every_schedule_can_be_warmed_up(kind):
    at = rate(kind=kind, epochs=22, warmup_epochs=2)
    plain = rate(kind=kind, epochs=20)
    assert [at(step) for step in (0, 10, 20)] == pytest.approx([0.01, 0.055, 0.1])
    assert [at(20 + step) for step in range(200)] == pytest.approx([plain(step) for step in range(200)])


def test_the_cosine_is_the_papers():
    at = rate(steps=1563, base=0.025, epochs=600)
    for step in (0, 1, 1563 * 100 + 7, 1563 * 600 - 1):
        assert at(step) == pytest.approx(0.0125 * (1 + math.cos(math.pi * step / (1563 * 600))))


def test_the_drop_path_rate_rises_linearly_to_its_end():
    config = read_full_training({"regularisation": {"drop_path": 0.4}})
    assert [drop_path_rate(config, step, 100) for step in (0, 25, 100, 120)] == pytest.approx([0, 0.1, 0.4, 0.4])
