"""What many crops say together."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from voco3d.positions.results import CropPosition


def summarise(crops: Sequence[CropPosition]) -> dict[str, Any]:
    """Means over crops.

    Returns:
        ``crops``: how many; ``top1``: the share put into a base that they overlap most, and
        ``chance`` of that; ``overlap_error``: mean of d over crops and bases; ``loss``: mean
        L_pred; ``median_distance_mm``: of predicted and true centre (NaN where no crop has a
        predicted place).
    """
    distances = [crop.distance for crop in crops if crop.distance is not None]
    return {
        "crops": len(crops),
        "top1": float(np.mean([crop.right for crop in crops])),
        "chance": 1 / len(crops[0].overlaps),
        "overlap_error": float(np.mean([crop.differences for crop in crops])),
        "loss": float(np.mean([crop.loss for crop in crops])),
        "median_distance_mm": float(np.median(distances)) if distances else math.nan,
    }
