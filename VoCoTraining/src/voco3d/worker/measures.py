"""What each segmented structure measures."""

import math
from typing import Any

import numpy as np
import SimpleITK as sitk

from voco3d.models import Regions, Structure

VALUES = 256
"""Values that a label map can have."""


def measures(
    labels: sitk.Image,
    image: sitk.Image,
    structures: dict[int, Structure],
    regions: Regions | None,
) -> list[dict[str, Any]]:
    """Volume, mean intensity, and whether the image's border cuts it, of each structure.

    Args:
        labels: Label map on the image's grid.
        image: The image in HU.
        structures: What each label (or region: 1, 2, ...) means.
        regions: What the structures are in the label map, where they may overlap.
    """
    voxels, intensities = map(sitk.GetArrayViewFromImage, (labels, image))
    counts, sums = np.zeros(VALUES), np.zeros(VALUES)
    for plane, values in zip(voxels, intensities, strict=True):
        counts += np.bincount(plane.ravel(), minlength=VALUES)
        sums += np.bincount(plane.ravel(), weights=values.ravel(), minlength=VALUES)
    ends = (voxels.take([0, -1], axis=axis) for axis in range(3))
    border = np.unique(np.concatenate([end.ravel() for end in ends]))
    millilitres = math.prod(labels.GetSpacing()) / 1000
    rows = []
    for label, structure in structures.items():
        members = [label] if regions is None else list(regions.members[label - 1])
        count = int(counts[members].sum())
        rows.append(
            {
                "label": label,
                "name": structure.name,
                "color": list(structure.color),
                "voxels": count,
                "volume_ml": count * millilitres,
                "mean_hu": float(sums[members].sum() / count) if count else None,
                "touches_border": bool(np.isin(members, border).any()),
            }
        )
    return rows
