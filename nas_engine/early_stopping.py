"""Whether a child in training may still become the best, judged by its learning curve so far and by finished ones.

A curve is the valid accuracies after each epoch, in [0, 1]; finished ones have an entry for every epoch of the protocol.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

FEWEST = 5  # finished curves before anything is stopped
SHORTEST = 3  # epochs a curve is fitted to
NOISE = 0.005  # of one measured accuracy: no fit is taken for more exact

Curve = Sequence[float]


@dataclass(frozen=True)
class Verdict:
    """``expected``: the final accuracy; ``chance``: that it beats the best; ``stop``: whether the rule ends the training."""

    expected: float
    chance: float
    stop: bool


def by_extrapolation(curve: Curve, finished: Sequence[Curve], least: float) -> Verdict | None:
    """Stop where the chance to beat the best finished curve falls below ``least`` (Domhan et al. 2015, section 4).

    The light form: families of saturating curves are fitted by least squares, and weighted by how well they fit. How far the
    same extrapolation was off for the finished curves, from the same epoch, corrects this one and says how sure it is; so a
    schedule that lifts all curves at the end does not end good ones early. None before there is enough to judge by.
    """
    at = len(curve)
    if len(finished) < FEWEST or at < SHORTEST or at >= len(finished[0]):
        return None
    until = len(finished[0])
    off = [other[-1] - extrapolate(other[:at], until) for other in finished]
    expected = extrapolate(curve, until) + statistics.fmean(off)
    spread = max(statistics.stdev(off), NOISE) * math.sqrt(1 + 1 / len(off))
    chance = _beyond((max(other[-1] for other in finished) - expected) / spread, len(off) - 1)
    return Verdict(expected, chance, chance < least)


def by_median(curve: Curve, finished: Sequence[Curve]) -> Verdict | None:
    """Stop where the best accuracy so far is below the median of the finished curves' mean accuracies up to the same epoch
    (the median rule of Vizier, Golovin et al. 2017, section 3.1.1). None before there is enough to judge by."""
    at = len(curve)
    if len(finished) < FEWEST or not 0 < at < len(finished[0]):
        return None
    gains = [other[-1] - other[at - 1] for other in finished]
    expected = curve[-1] + statistics.fmean(gains)
    spread = max(statistics.stdev(gains), NOISE)
    chance = _beyond((max(other[-1] for other in finished) - expected) / spread, len(gains) - 1)
    middle = statistics.median(statistics.fmean(other[:at]) for other in finished)
    return Verdict(expected, chance, max(curve) < middle)


def extrapolate(curve: Curve, until: int) -> float:
    """The accuracy after ``until`` epochs: a weighted mean over c - a g(epoch), a >= 0, with g a power, an exponential, an
    inverse logarithm or an MMF curve of several speeds (families of Domhan et al. 2015, table 1). Never above 1."""
    import numpy

    y = numpy.array(curve, dtype=float)
    shapes = _shapes(len(y), until)
    g, last = shapes[:, : len(y)], shapes[:, until - 1]
    centred = g - g.mean(axis=1, keepdims=True)
    slope = numpy.minimum(centred @ (y - y.mean()) / (centred**2).sum(axis=1), 0.0)
    level = y.mean() - slope * g.mean(axis=1)
    errors = ((level[:, None] + slope[:, None] * g - y) ** 2).sum(axis=1)
    ends = numpy.minimum(level + slope * last, 1.0)
    scale = max(errors.min() / max(len(y) - 2, 1), NOISE**2)
    weights = numpy.exp(-(errors - errors.min()) / (2 * scale))
    return float((weights * ends).sum() / weights.sum())


def _shapes(seen: int, until: int):
    import numpy

    x = numpy.arange(1, until + 1, dtype=float)
    rows = [x**-power for power in (0.25, 0.5, 1.0, 2.0)]
    rows += [numpy.exp(-speed * x / until) for speed in (1.0, 3.0, 10.0, 30.0)]
    rows += [1 / numpy.log(x + 1)]
    rows += [1 / (1 + (x / (half * until)) ** steep) for half in (0.05, 0.2, 0.5) for steep in (1, 2)]
    return numpy.stack(rows)


def _beyond(t: float, freedom: int) -> float:
    """The chance that Student's t exceeds a value."""
    from scipy.special import stdtr

    return float(stdtr(freedom, -t))
