"""What a segmented structure measures: volume, mean intensity, whether the border cuts it."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from voco3d.models.regions import Regions
from voco3d.models.structures import Structure

VALUES = 256
"""Values that a label map can have."""


@dataclass(frozen=True)
class Measurement:
    """A structure's size and content.

    Attributes:
        label: In the label map; a region's number.
        name: The structure.
        voxels: How many it has.
        millilitres: Volume in ml.
        mean_hu: Mean intensity in HU; NaN for an empty structure.
        touches_border: Whether the image's border may cut it.
    """

    label: int
    name: str
    voxels: int
    millilitres: float
    mean_hu: float
    touches_border: bool


def measure(
    labels: sitk.Image,
    image: sitk.Image,
    structures: dict[int, Structure],
    regions: Regions | None = None,
) -> list[Measurement]:
    """Volume, mean intensity, and whether the image's border cuts it, of each structure.

    Args:
        labels: Label map on the image's grid.
        image: The image in HU.
        structures: What each label (or region: 1, 2, ...) means.
        regions: What the structures are in the label map, where they may overlap.
    """
    voxels, intensities = map(sitk.GetArrayViewFromImage, (labels, image))
    counts, sums = np.zeros(VALUES), np.zeros(VALUES)
    for plane, values in zip(voxels, intensities, strict=True):  # little memory at a time
        counts += np.bincount(plane.ravel(), minlength=VALUES)
        sums += np.bincount(plane.ravel(), weights=values.ravel(), minlength=VALUES)
    ends = (voxels.take([0, -1], axis=axis) for axis in range(3))
    border = np.unique(np.concatenate([end.ravel() for end in ends]))
    voxel = math.prod(labels.GetSpacing()) / 1000
    measurements = []
    for label, structure in structures.items():
        members = [label] if regions is None else list(regions.members[label - 1])
        count = int(counts[members].sum())
        measurements.append(
            Measurement(
                label,
                structure.name,
                count,
                count * voxel,
                float(sums[members].sum() / count) if count else math.nan,
                bool(np.isin(members, border).any()),
            )
        )
    return measurements


def write_csv(path: Path, measurements: list[Measurement]) -> None:
    """Write measurements as CSV: structure, volume_ml, mean_hu (empty where there is none)."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["structure", "volume_ml", "mean_hu"])
        for m in measurements:
            mean = "" if math.isnan(m.mean_hu) else f"{m.mean_hu:.1f}"
            writer.writerow([m.name, f"{m.millilitres:.2f}", mean])
