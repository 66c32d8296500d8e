"""Label maps from files, with the names that Slicer's segmentation files give their labels."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from voco3d.data.images import read_whole
from voco3d.errors import VoCoError
from voco3d.metrics.dice import Labels

PLACE = 0.01
"""Share of a voxel's shortest side by which the corners of two equal grids may lie apart."""

LABEL_VALUE = re.compile(r"Segment(\d+)_LabelValue")


@dataclass(frozen=True)
class LabelMap:
    """A segmentation on its grid.

    Attributes:
        path: The file.
        grid: The image: size, spacing, origin and direction.
        array: Labels ``(x, y, z)``, 0 is background.
        names: What the labels mean, where the file says so (``.seg.nrrd``); else empty.
    """

    path: Path
    grid: sitk.Image
    array: Labels
    names: Mapping[int, str]


def read_label_map(path: Path) -> LabelMap:
    """Read a label map in any format that SimpleITK knows, or a Slicer segmentation.

    Raises:
        VoCoError: If the file cannot be read to its end, is not 3-D, has several values a voxel
            (segments that overlap) or values that are no labels.
    """
    image = read_whole(path, _check_layout)
    array = sitk.GetArrayViewFromImage(image).T
    if not np.issubdtype(array.dtype, np.integer):
        labels = np.nan_to_num(array).astype(np.int32)
        if not np.array_equal(labels, array):
            raise VoCoError(f"{path} is no label map: it holds values that are no whole numbers.")
        array = labels
    if array.min() < 0:
        raise VoCoError(f"{path} is no label map: it holds negative values.")
    return LabelMap(path, image, array, _names(image))


def check_same_grid(predicted: LabelMap, reference: LabelMap) -> None:
    """Refuse a prediction whose voxels are not the reference's.

    Raises:
        VoCoError: If the sizes differ, or a corner of the one grid lies elsewhere in the other.
    """
    one, other = predicted.grid, reference.grid
    if one.GetSize() != other.GetSize():
        difference = f"{_sides(one)} instead of {_sides(other)} voxels"
    else:
        apart = float(np.linalg.norm(_corners(one) - _corners(other), axis=1).max())
        if apart <= PLACE * min(other.GetSpacing()):
            return
        difference = f"corners are up to {apart:.3g} mm apart (spacing, origin or direction)"
    raise VoCoError(
        f"{predicted.path} lies on another grid than {reference.path}: {difference}; resample the "
        "prediction onto the reference's grid."
    )


def _check_layout(dimension: int, size: tuple[int, ...], components: int, name: str) -> None:
    if dimension != 3:
        raise VoCoError(f"{name} is {dimension}-D: give a 3-D label map.")
    if components != 1:
        raise VoCoError(
            f"{name} has several values a voxel: if it is a segmentation whose segments overlap, "
            "export it as a label map."
        )


def _names(image: sitk.Image) -> dict[int, str]:
    """The names of the segments in the header, by label."""
    matches = filter(None, map(LABEL_VALUE.fullmatch, image.GetMetaDataKeys()))
    names = {}
    for match in sorted(matches, key=lambda match: int(match[1])):
        label = int(image.GetMetaData(match[0]))
        name = f"Segment{match[1]}_Name"
        names[label] = image.GetMetaData(name) if image.HasMetaDataKey(name) else f"label {label}"
    return names


def _sides(image: sitk.Image) -> str:
    return " x ".join(map(str, image.GetSize()))


def _corners(image: sitk.Image) -> np.ndarray:
    """World positions ``(8, 3)`` of the outer voxels' centres in mm."""
    ends = product(*((0, side - 1) for side in image.GetSize()))
    return np.array([image.TransformIndexToPhysicalPoint(end) for end in ends])
