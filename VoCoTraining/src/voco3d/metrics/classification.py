"""How good a classification is: accuracy, area under the ROC curve, confusion matrix."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from voco3d.metrics.confidence import Interval, bootstrap_interval, mean_interval

Floats = npt.NDArray[np.floating]
Indices = npt.NDArray[np.integer]


def accuracy(reference: Indices, probabilities: Floats) -> float:
    """Share of cases whose most probable category is the right one.

    Args:
        reference: Index of the right category, ``(case,)``.
        probabilities: ``(case, category)``.

    Returns:
        0..1, or NaN without a case.
    """
    right = probabilities.argmax(axis=1) == reference
    return float(right.mean()) if right.size else np.nan


def balanced_accuracy(reference: Indices, probabilities: Floats) -> float:
    """Mean over the categories that have cases of the share of their cases that is found.

    Args:
        reference: Index of the right category, ``(case,)``.
        probabilities: ``(case, category)``.

    Returns:
        0..1, or NaN without a case.
    """
    right = probabilities.argmax(axis=1) == reference
    cases = np.bincount(reference)
    present = cases > 0
    found = np.bincount(reference, weights=right)
    return float((found[present] / cases[present]).mean()) if right.size else np.nan


def auc(positive: npt.NDArray[np.bool_], scores: Floats) -> float:
    """Area under the ROC curve: how often a positive case has a higher score than a negative one.

    Equal scores count half.

    Args:
        positive: Which cases are positive, ``(case,)``.
        scores: ``(case,)``.

    Returns:
        0..1, or NaN where all cases are positive or all are negative.
    """
    high, low = scores[positive], np.sort(scores[~positive])
    if not high.size or not low.size:
        return np.nan
    below = np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")
    return float(below.sum()) / (2 * high.size * low.size)


def macro_auc(reference: Indices, probabilities: Floats) -> float:
    """Mean over the categories, each against all others, of the area under the ROC curve.

    Args:
        reference: Index of the right category, ``(case,)``.
        probabilities: ``(case, category)``.

    Returns:
        0..1, over the categories that have an area; NaN where none has.
    """
    areas = [_auc_of(c, reference, probabilities) for c in range(probabilities.shape[1])]
    found = [area for area in areas if not np.isnan(area)]
    return float(np.mean(found)) if found else np.nan


@dataclass(frozen=True)
class Classification:
    """Cases that were classified, and what is right.

    Attributes:
        cases: Their names.
        categories: Names of the categories.
        reference: Index of each case's right category, ``(case,)``.
        probabilities: What the classification says, ``(case, category)``.
    """

    cases: tuple[str, ...]
    categories: tuple[str, ...]
    reference: Indices
    probabilities: Floats

    @property
    def predicted(self) -> Indices:
        """Index of each case's most probable category, ``(case,)``."""
        return self.probabilities.argmax(axis=1)

    @property
    def confusion(self) -> Indices:
        """How many cases of each category (row) were taken for which (column)."""
        counts = np.zeros((len(self.categories), len(self.categories)), dtype=np.int64)
        np.add.at(counts, (self.reference, self.predicted), 1)
        return counts

    @cached_property
    def accuracy(self) -> Interval:
        """Share of right cases."""
        return mean_interval((self.predicted == self.reference).tolist())

    @cached_property
    def balanced_accuracy(self) -> Interval:
        """Mean share of right cases over the categories that have cases."""
        return self._interval(balanced_accuracy)

    @cached_property
    def macro_auc(self) -> Interval:
        """Mean area under the ROC curve over the categories that have one."""
        return self._interval(macro_auc)

    @cached_property
    def aucs(self) -> tuple[Interval, ...]:
        """Of each category against all others; NaN where it has no case, or every one."""
        return tuple(
            self._interval(partial(_auc_of, category)) for category in range(len(self.categories))
        )

    @property
    def without_auc(self) -> tuple[str, ...]:
        """Categories that have no case, or every one: there is nothing to tell apart."""
        return tuple(
            name
            for name, area in zip(self.categories, self.aucs, strict=True)
            if np.isnan(area.mean)
        )

    def _interval(self, statistic: Callable[[Indices, Floats], float]) -> Interval:
        """Of a statistic over the cases; a resample counts the categories that it has."""
        return bootstrap_interval(
            lambda cases: statistic(self.reference[cases], self.probabilities[cases]),
            len(self.cases),
        )


def _auc_of(category: int, reference: Indices, probabilities: Floats) -> float:
    return auc(reference == category, probabilities[:, category])
