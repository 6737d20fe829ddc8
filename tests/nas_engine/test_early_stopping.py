import math
import random

import pytest

from nas_engine.early_stopping import FEWEST, by_extrapolation, by_median, extrapolate

EPOCHS = 20


def curve(final: float, seed: int, lift: float = 0.0, noise: float = 0.004) -> list[float]:
    """Saturating towards ``final``; a ``lift`` in the last fifth, as a cosine schedule gives."""
    rng = random.Random(seed)
    speed = rng.uniform(0.25, 0.4)
    return [
        (final - lift) * (1 - 0.8 * math.exp(-speed * epoch))
        + lift * max(0.0, (epoch - 0.8 * EPOCHS) / (0.2 * EPOCHS))
        + rng.gauss(0, noise)
        for epoch in range(1, EPOCHS + 1)
    ]


def finished(lift: float = 0.0) -> list[list[float]]:
    return [curve(0.70 + 0.02 * at, at, lift) for at in range(8)]


def test_a_curve_of_a_known_family_is_continued():
    for final in (0.6, 0.9):
        clean = [final - 0.5 * math.exp(-3 * epoch / EPOCHS) for epoch in range(1, EPOCHS + 1)]
        assert extrapolate(clean[:8], EPOCHS) == pytest.approx(clean[-1], abs=0.03)
    assert extrapolate([0.5] * 4, EPOCHS) == pytest.approx(0.5)
    assert extrapolate([0.5, 0.7, 0.9], EPOCHS) <= 1.0
    assert 0.2 < extrapolate([0.5, 0.4, 0.3], EPOCHS) < 0.5  # what falls is not expected to rise


@pytest.mark.parametrize("lift", [0.0, 0.1])
def test_the_hopeless_are_stopped_and_the_best_go_on(lift):
    others = finished(lift)
    hopeless = [curve(0.5, 100 + seed, lift) for seed in range(10)]
    better = [curve(0.90, 200 + seed, lift) for seed in range(10)]
    for bad in hopeless:
        assert any(by_extrapolation(bad[:at], others, 0.05).stop for at in range(3, 10))
    for good in better:
        assert not any(by_extrapolation(good[:at], others, 0.05).stop for at in range(3, EPOCHS))


def test_a_verdict_says_what_is_expected_and_how_likely_the_best_is():
    verdict = by_extrapolation(curve(0.75, 9)[:10], finished(), 0.05)
    assert verdict.expected == pytest.approx(0.75, abs=0.03) and 0 <= verdict.chance < 0.1
    sure = by_extrapolation(curve(0.95, 9)[:10], finished(), 0.05)
    assert sure.chance > 0.9


@pytest.mark.parametrize("rule", [lambda c, f: by_extrapolation(c, f, 0.05), by_median])
def test_nothing_is_judged_before_there_is_enough_to_judge_by(rule):
    assert rule(curve(0.2, 1)[:6], finished()[: FEWEST - 1]) is None
    assert rule(curve(0.2, 1), finished()) is None
    assert rule([], finished()) is None


def test_the_median_rule_stops_what_is_below_the_middle():
    others = finished()
    assert by_median(curve(0.5, 1)[:8], others).stop
    assert not by_median(curve(0.8, 1)[:8], others).stop
    late = [0.1, 0.1, 0.9]
    assert not by_median(late, others).stop
