"""Is one method better than another, or was it luck? Intervals of means and paired tests over repeated searches."""

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

# Up to so many pairs every assignment of signs is counted; beyond, so many are drawn.
EXACT = 13
DRAWN = 20_000


@dataclass(frozen=True)
class Interval:
    """A mean with its 95% interval by Student's t; ``half`` is None for fewer than two values."""

    mean: float
    half: float | None
    deviation: float
    n: int

    @property
    def low(self) -> float:
        return self.mean - (self.half or 0.0)

    @property
    def high(self) -> float:
        return self.mean + (self.half or 0.0)


def interval(values: Sequence[float]) -> Interval:
    """Of the mean of one value or more."""
    n, mean = len(values), statistics.fmean(values)
    if n < 2:
        return Interval(mean, None, 0.0, n)
    deviation = statistics.stdev(values)
    return Interval(mean, t_quantile(n - 1) * deviation / math.sqrt(n), deviation, n)


def t_quantile(freedom: int, share: float = 0.975) -> float:
    """Of Student's t with so many degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))


@dataclass(frozen=True)
class PairedTest:
    """``difference``: the mean of first minus second with its interval. ``p``: two-sided, of the paired permutation test,
    exact where every assignment of signs was counted; None for fewer than two pairs. ``smallest`` is the least p that so
    many pairs can give."""

    difference: Interval
    p: float | None
    exact: bool
    smallest: float

    @property
    def n(self) -> int:
        return self.difference.n


def paired_test(first: Sequence[float], second: Sequence[float]) -> PairedTest:
    """Pairs share a seed. Under the null hypothesis each difference might as well have had the other sign (Fisher 1935,
    section 21); p is the share of sign assignments whose mean difference is at least as far from 0 as the one seen."""
    differences = [a - b for a, b in zip(first, second, strict=True)]
    found, n = interval(differences), len(differences)
    if n < 2:
        return PairedTest(found, None, True, 1.0)
    exact = n <= EXACT
    return PairedTest(found, _p(differences, exact), exact, 2.0 / 2**n if exact else 1 / (DRAWN + 1))


def _p(differences: list[float], exact: bool) -> float:
    """Sampled, the assignment seen counts as one of those drawn (Phipson and Smyth 2010)."""
    import numpy

    n = len(differences)
    if exact:
        bits = (numpy.arange(2**n)[:, None] >> numpy.arange(n)) & 1
    else:
        bits = numpy.random.default_rng(0).integers(0, 2, (DRAWN, n))
    beyond = numpy.abs((1 - 2 * bits) @ numpy.array(differences)) >= abs(sum(differences)) * (1 - 1e-9)
    return float(beyond.mean()) if exact else (float(beyond.sum()) + 1) / (DRAWN + 1)


def holm(ps: Sequence[float]) -> list[float]:
    """Adjusted for being several (Holm 1979), in the order given."""
    order = sorted(range(len(ps)), key=ps.__getitem__)
    adjusted, least = [0.0] * len(ps), 0.0
    for place, at in enumerate(order):
        least = max(least, min(1.0, (len(ps) - place) * ps[at]))
        adjusted[at] = least
    return adjusted


def pairs_needed(difference: float, deviation: float) -> int:
    """Pairs with which a paired t-test at 5% finds a true difference of this size four times in five, ``deviation`` being
    that of the pairs' differences (normal approximation)."""
    if not difference:
        return 10**6
    return max(2, math.ceil(((1.96 + 0.84) * deviation / abs(difference)) ** 2) + 2)


@dataclass(frozen=True)
class Agreement:
    """Kendall's tau-b of two rankings with its 95% bootstrap interval; None where there are fewer than five pairs."""

    tau: float
    low: float | None
    high: float | None
    n: int


def agreement(first: Sequence[float], second: Sequence[float], draws: int = 2_000) -> Agreement | None:
    """How far two measures rank the same things alike: 1 for the same order, -1 for the reverse (Kendall 1945, tau-b).

    None for fewer than two pairs, or where one measure tells nothing apart. The interval is drawn with a fixed seed.
    """
    pairs = list(zip(first, second, strict=True))
    tau = _tau(pairs)
    if tau is None:
        return None
    if len(pairs) < 5:
        return Agreement(tau, None, None, len(pairs))
    rng = random.Random(0)
    found = sorted(t for _ in range(draws) if (t := _tau(rng.choices(pairs, k=len(pairs)))) is not None)
    return Agreement(tau, found[int(0.025 * len(found))], found[int(0.975 * len(found))], len(pairs))


def _tau(pairs: Sequence[tuple[float, float]]) -> float | None:
    concordant = ties_first = ties_second = 0
    for at, (a, b) in enumerate(pairs):
        for c, d in pairs[:at]:
            x, y = (a > c) - (a < c), (b > d) - (b < d)
            concordant += x * y
            ties_first += x == 0
            ties_second += y == 0
    total = len(pairs) * (len(pairs) - 1) // 2
    apart = (total - ties_first) * (total - ties_second)
    return concordant / math.sqrt(apart) if apart > 0 else None
