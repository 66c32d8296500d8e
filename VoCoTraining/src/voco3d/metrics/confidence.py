"""A figure over cases and how sure it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Cases = npt.NDArray[np.int64]
"""Indices of cases; one may be there several times."""

LEVEL = 0.95
RESAMPLES = 5000
SEED = 0


@dataclass(frozen=True)
class Interval:
    """A mean, or another figure, with its confidence interval.

    Attributes:
        mean: NaN where there is no value.
        low: Lower end of the interval; NaN where there are fewer than two values.
        high: Upper end, likewise.
        n: How many values, or cases, it is of.
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
    return Interval(mean, *_ends(array[_draws(n)].mean(axis=1)), n)


def bootstrap_interval(statistic: Callable[[Cases], float], n: int) -> Interval:
    """A statistic of ``n`` independent cases and its 95 % percentile bootstrap interval.

    The resamples are those of ``mean_interval``; those that have no such statistic, as where a
    category has no case, are left out.

    Args:
        statistic: Its value for cases, given by index; NaN where they have none.
        n: Number of cases.

    Returns:
        The statistic of all cases as ``mean``.
    """
    value = statistic(np.arange(n))
    if n < 2 or np.isnan(value):
        return Interval(value, np.nan, np.nan, n)
    drawn = np.array([statistic(cases) for cases in _draws(n)])
    return Interval(value, *_ends(drawn[~np.isnan(drawn)]), n)


def _draws(n: int) -> npt.NDArray[np.int64]:
    """Indices ``(resample, case)``."""
    return np.random.default_rng(SEED).integers(n, size=(RESAMPLES, n))


def _ends(drawn: npt.NDArray[np.float64]) -> tuple[float, float]:
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return float(low), float(high)
