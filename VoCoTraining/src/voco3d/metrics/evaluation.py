"""All cases: label maps against their references, in native space."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from voco3d.errors import VoCoError
from voco3d.metrics.label_maps import LabelMap, check_same_grid, read_label_map
from voco3d.metrics.naming import Same, same_structures
from voco3d.metrics.pairing import Pair
from voco3d.metrics.scores import Score, score
from voco3d.metrics.summary import Summary, summarise
from voco3d.metrics.surface import Mask
from voco3d.models.regions import Regions
from voco3d.progress import Progress, silent

TOLERANCE = 3.0
"""Default tolerance of the surface Dice in mm."""


@dataclass(frozen=True)
class Evaluation:
    """What came of a comparison.

    Attributes:
        scores: One a case and structure, but for structures that are in neither map.
        structures: Names of all structures that were looked for, by label.
        tolerance: Of the surface Dice, in mm.
    """

    scores: tuple[Score, ...]
    structures: tuple[str, ...]
    tolerance: float

    @property
    def summary(self) -> list[Summary]:
        """A line a structure and one over all."""
        return summarise(self.scores, self.structures)


def evaluate(
    pairs: Sequence[Pair],
    names: Mapping[int, str] | None = None,
    labels: Collection[int] | None = None,
    tolerance: float = TOLERANCE,
    progress: Progress = silent,
    regions: Regions | None = None,
    reference_labels: Mapping[int, int] | None = None,
) -> Evaluation:
    """Compare predictions with their references.

    Args:
        pairs: The files.
        names: What the labels mean; by default what the files say.
        labels: Only these labels; by default all.
        tolerance: Of the surface Dice, in mm.
        progress: Told after every structure of a case.
        regions: What the names consist of, where structures overlap.
        reference_labels: For labels of ``names``, which ones they are in the references, where
            these have others.

    Raises:
        VoCoError: If the tolerance is negative, a file cannot be read, two maps lie on different
            grids, or their labels do not match.
    """
    if not 0 <= tolerance < np.inf:
        raise VoCoError(f"The tolerance must be 0 mm or more, but it is {tolerance}.")
    scores: list[Score] = []
    order: dict[str, int] = {}
    for done, pair in enumerate(pairs):
        progress(done, len(pairs), f"evaluating {pair.case}")
        predicted = read_label_map(pair.predicted, overlapping=True)
        reference = read_label_map(pair.reference, overlapping=True)
        check_same_grid(predicted, reference)
        for same in same_structures(predicted, reference, names, labels, regions, reference_labels):
            order.setdefault(same.name, same.label)
            scored = _score(pair.case, same, predicted, reference, tolerance)
            scores += [scored] if scored else []
            progress(done, len(pairs), f"evaluating {pair.case}")
    progress(len(pairs), len(pairs), "evaluating")
    return Evaluation(tuple(scores), tuple(sorted(order, key=order.__getitem__)), tolerance)


def _score(
    case: str, same: Same, predicted: LabelMap, reference: LabelMap, tolerance: float
) -> Score | None:
    masks: tuple[Mask, Mask] = (
        np.isin(predicted.array, same.predicted),
        np.isin(reference.array, same.reference),
    )
    return score(case, same.name, *masks, reference.grid.GetSpacing(), tolerance)
