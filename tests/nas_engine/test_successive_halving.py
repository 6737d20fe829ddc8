import random
from itertools import permutations

import pytest

from nas_engine.successive_halving import decide, places, rungs


@pytest.mark.parametrize(
    ("least", "reduction", "rate", "epochs", "expected"),
    [
        (1, 4, 0, 300, (1, 4, 16, 64, 256)),  # the paper's setting for architectures: r 1, R 300, eta 4
        (4, 3, 0, 108, (4, 12, 36)),  # the budgets of NAS-Bench-101
        (1, 2, 0, 8, (1, 2, 4)),  # a rung at the last epoch would judge nothing
        (1, 2, 0, 9, (1, 2, 4, 8)),
        (1, 4, 1, 300, (4, 16, 64, 256)),  # a rate of s leaves out the first s rungs
        (3, 4, 0, 4, (3,)),
        (4, 4, 0, 4, ()),
        (1, 4, 2, 16, ()),
    ],
)
def test_the_rungs_stand_at_powers_of_the_reduction_factor(least, reduction, rate, epochs, expected):
    assert rungs(least, reduction, rate, epochs) == expected


def test_the_top_share_goes_on_and_before_there_is_one_the_best():
    assert [places(n, 3) for n in range(1, 10)] == [1, 1, 1, 1, 1, 2, 2, 2, 3]
    first = decide(0.1, [], 3)
    assert first.goes_on and (first.rank, first.of, first.places, first.cutoff) == (1, 1, 1, 0.1)
    assert not decide(0.1, [0.2], 3).goes_on and decide(0.3, [0.2], 3).goes_on
    nine = [at / 10 for at in range(1, 9)]
    third, fourth = decide(0.65, nine, 3), decide(0.55, nine, 3)
    assert third.goes_on and (third.rank, third.of, third.places, third.cutoff) == (3, 9, 3, 0.65)
    assert not fourth.goes_on and (fourth.rank, fourth.cutoff) == (4, 0.6)


def test_who_equals_the_cutoff_goes_on_and_shares_the_rank():
    tied = decide(0.5, [0.5, 0.5, 0.4], 4)
    assert tied.goes_on and (tied.rank, tied.places, tied.cutoff) == (1, 1, 0.5)
    behind = decide(0.5, [0.6, 0.5, 0.5, 0.4], 2)
    assert (behind.rank, behind.places, behind.cutoff, behind.goes_on) == (2, 2, 0.5, True)
    assert not decide(0.4, [0.6, 0.5, 0.5], 2).goes_on


def test_a_decision_depends_on_what_was_recorded_but_not_on_its_order():
    found = {decide(0.55, order, 2) for order in permutations((0.9, 0.55, 0.3, 0.1))}
    assert len(found) == 1


@pytest.mark.parametrize("reduction", [2, 3, 4])
def test_of_many_in_random_order_about_the_top_share_goes_on_with_the_best_among_them(reduction):
    rng = random.Random(reduction)
    arrived, on = [], []
    for _ in range(2000):
        accuracy = rng.random()
        if decide(accuracy, arrived, reduction).goes_on:
            on.append(accuracy)
        arrived.append(accuracy)
    assert max(arrived) in on
    assert len(on) == pytest.approx(2000 / reduction, rel=0.15)
    last = decide(arrived[-1], arrived[:-1], reduction)
    assert last.cutoff == sorted(arrived)[-(2000 // reduction)]
