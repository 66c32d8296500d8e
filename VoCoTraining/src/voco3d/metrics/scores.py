"""One structure of one case: prediction against reference."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from voco3d.metrics.dice import dice
from voco3d.metrics.surface import Mask, hausdorff95, joint_box, surface_dice

Presence = Literal["both", "missing in the prediction", "not in the reference"]


@dataclass(frozen=True)
class Score:
    """How well one structure of one case was found.

    A structure that is in one of the two maps only has Dice and surface Dice 0 and an infinite
    distance.

    Attributes:
        case: The case's name.
        structure: The structure's name.
        dice: 0..1.
        hausdorff95: 95 % Hausdorff distance in mm.
        surface_dice: Share of the surfaces within the tolerance, 0..1.
        predicted_ml: Volume in the prediction.
        reference_ml: Volume in the reference.
    """

    case: str
    structure: str
    dice: float
    hausdorff95: float
    surface_dice: float
    predicted_ml: float
    reference_ml: float

    @property
    def presence(self) -> Presence:
        """Which of the two maps have the structure."""
        if self.predicted_ml == 0:
            return "missing in the prediction"
        return "both" if self.reference_ml else "not in the reference"

    @property
    def difference_ml(self) -> float:
        """Predicted volume less the reference's."""
        return self.predicted_ml - self.reference_ml


def score(
    case: str,
    structure: str,
    predicted: Mask,
    reference: Mask,
    spacing: Sequence[float],
    tolerance: float,
) -> Score | None:
    """Compare two masks; only the box that holds both is looked at.

    Args:
        case: The case's name.
        structure: The structure's name.
        predicted: ``(x, y, z)``.
        reference: ``(x, y, z)``, on the same grid.
        spacing: Voxel size along x, y, z in mm.
        tolerance: Of the surface Dice, in mm.

    Returns:
        The score, or None where the structure is in neither mask: such a case says nothing.
    """
    box = joint_box(predicted, reference)
    if box is None:
        return None
    predicted, reference = predicted[box], reference[box]
    voxel = math.prod(spacing) / 1000
    return Score(
        case,
        structure,
        dice(predicted.astype(np.uint8), reference.astype(np.uint8), 1),
        hausdorff95(predicted, reference, spacing),
        surface_dice(predicted, reference, spacing, tolerance),
        int(predicted.sum()) * voxel,
        int(reference.sum()) * voxel,
    )
