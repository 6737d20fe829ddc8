"""Is one method better than another, or was it luck? Intervals of means and paired tests over repeated searches."""

import math
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
