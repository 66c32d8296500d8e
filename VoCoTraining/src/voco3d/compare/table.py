"""The table's figures: means over seeds, and gains over random weights seed by seed."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from voco3d.compare.results import RunResult


@dataclass(frozen=True)
class Spread:
    """A mean over seeds.

    Attributes:
        mean: NaN where there is no value.
        deviation: Sample standard deviation; NaN where there are fewer than two values.
        n: How many values it is the mean of.
    """

    mean: float
    deviation: float
    n: int


def spread(values: Sequence[float]) -> Spread:
    """Mean and sample standard deviation."""
    n = len(values)
    return Spread(
        float(np.mean(values)) if n else math.nan,
        float(np.std(values, ddof=1)) if n > 1 else math.nan,
        n,
    )


def dice_by_seed(
    results: Iterable[RunResult], initialisation: str, labels: int
) -> dict[int, float]:
    """The mean Dice, 0..1, of a cell's runs, by seed."""
    return {
        result.run.seed: result.dice
        for result in results
        if (result.run.initialisation, result.run.labels) == (initialisation, labels)
    }


def gain_by_seed(
    results: Sequence[RunResult], initialisation: str, baseline: str, labels: int
) -> dict[int, float]:
    """What a cell's runs have, in Dice points of 100, over those of the baseline, by seed.

    Both runs of a seed have the same labelled cases; seeds that only one has are left out.
    """
    own = dice_by_seed(results, initialisation, labels)
    other = dice_by_seed(results, baseline, labels)
    return {seed: 100 * (own[seed] - other[seed]) for seed in own if seed in other}
