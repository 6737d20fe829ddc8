import itertools
import random
import statistics

import pytest

from nas_engine.significance import holm, interval, paired_test, pairs_needed


def test_an_interval_is_students():
    found = interval([1.0, 2.0, 3.0, 4.0])
    assert (found.mean, found.n) == (2.5, 4)
    assert found.half == pytest.approx(3.182446 * statistics.stdev([1, 2, 3, 4]) / 2)
    assert (found.low, found.high) == (found.mean - found.half, found.mean + found.half)
    alone = interval([5.0])
    assert alone.half is None and alone.low == alone.high == 5.0


def test_all_differences_of_one_sign_give_the_smallest_p():
    for n in (2, 3, 6, 10):
        found = paired_test([1.0 + at / 7 for at in range(n)], [0.0] * n)
        assert found.p == pytest.approx(2 / 2**n) == found.smallest and found.exact and found.n == n


def test_it_counts_sign_assignments():
    first, second = [3.0, 1.0, 4.0, 1.0], [1.0, 2.0, 1.0, 1.5]
    differences = [a - b for a, b in zip(first, second, strict=True)]
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=4)
    ]
    assert paired_test(first, second).p == sum(one >= sum(differences) for one in sums) / 16
    assert paired_test(second, first).p == paired_test(first, second).p
    assert paired_test(first, first).p == 1.0
    assert paired_test([1.0], [2.0]).p is None


def test_many_pairs_are_sampled_and_agree_with_the_exact_count(monkeypatch):
    rng = random.Random(3)
    first = [rng.gauss(0.4, 1) for _ in range(12)]
    exact = paired_test(first, [0.0] * 12)
    monkeypatch.setattr("nas_engine.significance.EXACT", 5)
    sampled = paired_test(first, [0.0] * 12)
    assert exact.exact and not sampled.exact
    assert sampled.p == pytest.approx(exact.p, abs=0.02)
    assert paired_test(first, [0.0] * 12) == sampled


def test_no_difference_is_found_in_noise_more_often_than_promised():
    rng = random.Random(1)
    ps = [paired_test([rng.gauss(0, 1) for _ in range(8)], [rng.gauss(0, 1) for _ in range(8)]).p for _ in range(200)]
    assert sum(p <= 0.05 for p in ps) <= 20


def test_holm_is_what_it_is_in_the_books():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0] and holm([]) == []


def test_smaller_differences_need_more_pairs():
    assert pairs_needed(1.0, 1.0) == 10 and pairs_needed(0.1, 1.0) > 700 and pairs_needed(5.0, 1.0) == 3
    assert pairs_needed(0.0, 1.0) == 10**6
