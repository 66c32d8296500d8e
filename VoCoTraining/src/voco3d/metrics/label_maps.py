"""Label maps from files, with the names that Slicer's segmentation files give their labels."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
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

OVERLAPPING = 62
"""How many segments that overlap a file may have: one bit each of an integer."""


@dataclass(frozen=True)
class LabelMap:
    """A segmentation on its grid.

    Attributes:
        path: The file.
        grid: The image: size, spacing, origin and direction.
        array: Labels ``(x, y, z)``, 0 is background.
        names: What the labels mean, where the file says so (``.seg.nrrd``); else empty. Where
            segments overlap: the name of the first, second, ... segment.
        members: Where segments overlap: the values of the array that each consists of.
    """

    path: Path
    grid: sitk.Image
    array: Labels
    names: Mapping[int, str]
    members: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


def read_label_map(path: Path, overlapping: bool = False) -> LabelMap:
    """Read a label map in any format that SimpleITK knows, or a Slicer segmentation.

    Args:
        path: The file.
        overlapping: Whether a segmentation may have segments that overlap.

    Raises:
        VoCoError: If the file cannot be read to its end, is not 3-D, has several values a voxel
            (segments that overlap) or values that are no labels.
    """
    image = read_whole(path, _check_overlapping if overlapping else _check_layout)
    if image.GetNumberOfComponentsPerPixel() > 1:
        return _overlapping(path, image)
    array = sitk.GetArrayFromImage(image).T
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
        f"{predicted.path} lies on another grid than {reference.path}: {difference}; resample it "
        "onto that grid."
    )


def _check_layout(dimension: int, size: tuple[int, ...], components: int, name: str) -> None:
    _check_overlapping(dimension, size, components, name)
    if components != 1:
        raise VoCoError(
            f"{name} has several values a voxel: if it is a segmentation whose segments overlap, "
            "export it as a label map."
        )


def _check_overlapping(dimension: int, size: tuple[int, ...], components: int, name: str) -> None:
    if dimension != 3:
        raise VoCoError(f"{name} is {dimension}-D: give a 3-D label map.")


def _overlapping(path: Path, image: sitk.Image) -> LabelMap:
    """A segmentation in layers: each combination of segments becomes a label."""
    segments = _segments(image)
    if not segments or len(segments) > OVERLAPPING:
        raise VoCoError(
            f"{path} has several values a voxel, but names {len(segments)} segments (1 to "
            f"{OVERLAPPING} can be read): export it as a label map."
        )
    layers = sitk.GetArrayViewFromImage(image)
    array = np.zeros(image.GetSize(), np.int64)
    for bit, segment in enumerate(segments):
        layer = int(_field(image, segment, "Layer", "0"))
        value = int(_field(image, segment, "LabelValue", "1"))
        array |= (value == layers[..., layer].T).astype(np.int64) << bit
    found = np.unique(array).tolist()
    return LabelMap(
        path,
        image,
        array,
        {n: _field(image, s, "Name", f"segment {n}") for n, s in enumerate(segments, start=1)},
        {
            number: tuple(code for code in found if code >> (number - 1) & 1)
            for number in range(1, len(segments) + 1)
        },
    )


def _names(image: sitk.Image) -> dict[int, str]:
    """The names of the segments in the header, by label."""
    labels = {s: int(_field(image, s, "LabelValue", "")) for s in _segments(image)}
    return {label: _field(image, s, "Name", f"label {label}") for s, label in labels.items()}


def _segments(image: sitk.Image) -> list[int]:
    """The numbers of the segments that the header describes."""
    matches = filter(None, map(LABEL_VALUE.fullmatch, image.GetMetaDataKeys()))
    return sorted(int(match[1]) for match in matches)


def _field(image: sitk.Image, segment: int, name: str, default: str) -> str:
    key = f"Segment{segment}_{name}"
    return str(image.GetMetaData(key)) if image.HasMetaDataKey(key) else default


def _sides(image: sitk.Image) -> str:
    return " x ".join(map(str, image.GetSize()))


def _corners(image: sitk.Image) -> np.ndarray:
    """World positions ``(8, 3)`` of the outer voxels' centres in mm."""
    ends = product(*((0, side - 1) for side in image.GetSize()))
    return np.array([image.TransformIndexToPhysicalPoint(end) for end in ends])
