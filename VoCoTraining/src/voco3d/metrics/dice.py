"""Dice overlap of two label maps."""

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.integer]


def dice(predicted: Labels, reference: Labels, label: int) -> float:
    """Dice coefficient 2 |P n R| / (|P| + |R|) of one label.

    Args:
        predicted: Label map on the reference's grid.
        reference: Label map of the same shape.
        label: The label that is compared.

    Returns:
        0..1, or NaN where the label is in neither map: such a case says nothing.
    """
    p, r = predicted == label, reference == label
    total = int(p.sum()) + int(r.sum())
    return 2 * int((p & r).sum()) / total if total else float("nan")
