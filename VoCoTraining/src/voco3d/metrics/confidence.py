"""A mean over cases and how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
RESAMPLES = 5000
SEED = 0


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval.

    Attributes:
        mean: NaN where there is no value.
        low: Lower end of the interval; NaN where there are fewer than two values.
        high: Upper end, likewise.
        n: How many values it is the mean of.
    """

    mean: float
    low: float
    high: float
    n: int


def mean_interval(values: Sequence[float]) -> Interval:
    """The mean of independent values and its 95 % percentile bootstrap interval.

    The resamples have a fixed seed: the same values give the same interval. With few values (below
    ten or so) such an interval is too narrow.

    Args:
        values: One a case, finite.
    """
    array = np.asarray(values, dtype=np.float64)
    n = array.size
    mean = float(array.mean()) if n else np.nan
    if n < 2:
        return Interval(mean, np.nan, np.nan, n)
    draws = np.random.default_rng(SEED).integers(n, size=(RESAMPLES, n))
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(array[draws].mean(axis=1), [tail, 100 - tail])
    return Interval(mean, float(low), float(high), n)
