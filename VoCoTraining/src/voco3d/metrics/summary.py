"""The scores of all cases in a few lines: one a structure, and one over the structures."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from voco3d.metrics.confidence import Interval, mean_interval
from voco3d.metrics.scores import Score

OVERALL = "mean of structures"


@dataclass(frozen=True)
class Summary:
    """One structure over all cases that have it in the prediction or in the reference.

    Attributes:
        structure: Its name, or ``OVERALL``: then each case counts by the mean over its structures.
        n: How many cases.
        missing: How often it is in the reference but not in the prediction.
        surplus: How often it is in the prediction but not in the reference.
        dice: Mean Dice; 0 counts where the structure is in one map only.
        hausdorff95: Mean 95 % Hausdorff distance in mm, over finite ones: ``missing`` and
            ``surplus`` say how many are infinite.
        surface_dice: Mean surface Dice, counted as Dice.
        difference_ml: Mean of predicted less reference volume.
    """

    structure: str
    n: int
    missing: int
    surplus: int
    dice: Interval
    hausdorff95: Interval
    surface_dice: Interval
    difference_ml: Interval


def summarise(scores: Sequence[Score], structures: Iterable[str]) -> list[Summary]:
    """A line for each structure, then one over all of them.

    Args:
        scores: Of all cases.
        structures: Names, in the order of the lines.
    """
    lines = [
        _summary(structure, [[score] for score in scores if score.structure == structure])
        for structure in structures
    ]
    cases: dict[str, list[Score]] = {}
    for score in scores:
        cases.setdefault(score.case, []).append(score)
    return [*lines, _summary(OVERALL, list(cases.values()))]


def _summary(structure: str, cases: Sequence[Sequence[Score]]) -> Summary:
    scores = [score for case in cases for score in case]
    return Summary(
        structure,
        len(cases),
        sum(score.presence == "missing in the prediction" for score in scores),
        sum(score.presence == "not in the reference" for score in scores),
        _interval(cases, lambda score: score.dice),
        _interval(cases, lambda score: score.hausdorff95),
        _interval(cases, lambda score: score.surface_dice),
        _interval(cases, lambda score: score.difference_ml),
    )


def _interval(cases: Sequence[Sequence[Score]], value: Callable[[Score], float]) -> Interval:
    """Over the cases, of the mean of a case's finite values."""
    finite = [[v for v in map(value, case) if math.isfinite(v)] for case in cases]
    return mean_interval([sum(values) / len(values) for values in finite if values])
