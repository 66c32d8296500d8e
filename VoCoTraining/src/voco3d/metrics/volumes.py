"""What a segmented structure measures: volume and mean intensity."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from voco3d.models.structures import Structure


@dataclass(frozen=True)
class Measurement:
    """A structure's size and content.

    Attributes:
        name: The structure.
        millilitres: Volume in ml.
        mean_hu: Mean intensity in HU; NaN for an empty structure.
    """

    name: str
    millilitres: float
    mean_hu: float


def measure(
    labels: sitk.Image, image: sitk.Image, structures: dict[int, Structure]
) -> list[Measurement]:
    """Volume and mean intensity of each structure.

    Args:
        labels: Label map on the image's grid.
        image: The image in HU.
        structures: What each label means.
    """
    voxels = sitk.GetArrayViewFromImage(labels).ravel()
    intensities = sitk.GetArrayViewFromImage(image).ravel()
    counts = np.bincount(voxels, minlength=256)
    sums = np.bincount(voxels, weights=intensities, minlength=256)
    voxel = math.prod(labels.GetSpacing()) / 1000
    return [
        Measurement(
            structure.name,
            float(counts[label]) * voxel,
            float(sums[label] / counts[label]) if counts[label] else math.nan,
        )
        for label, structure in structures.items()
    ]


def write_csv(path: Path, measurements: list[Measurement]) -> None:
    """Write measurements as CSV: structure, volume_ml, mean_hu (empty where there is none)."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["structure", "volume_ml", "mean_hu"])
        for m in measurements:
            mean = "" if math.isnan(m.mean_hu) else f"{m.mean_hu:.1f}"
            writer.writerow([m.name, f"{m.millilitres:.2f}", mean])
