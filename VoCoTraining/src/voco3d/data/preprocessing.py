"""From an image as scanned to the array that a network sees, and labels back again.

Only the axes are permuted and flipped to come as near to RAS as the image allows; an oblique
image keeps its own frame, as in MONAI's ``Orientation`` and ``Spacing``. So a copy of an image
with other axes gives exactly the same array.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from voco3d.data.grids import network_grid, on_one_grid, sized_grid
from voco3d.errors import VoCoError

Array = npt.NDArray[np.float32]
Probabilities = npt.NDArray[np.floating[Any]]
Box = tuple[slice, slice, slice]

EVERYTHING: Box = (slice(None), slice(None), slice(None))
ROUNDING = 1e-6
"""Share of a voxel, or of the largest intensity, by which a result may be off."""


@dataclass(frozen=True)
class Preprocessing:
    """What is done to an image before a network sees it.

    Attributes:
        spacing: Voxel size in mm along R, A, S; null keeps the image's own.
        intensity: HU window (low, high) that is mapped to 0..1 and clipped; null for the z-score
            of each channel's voxels that are not 0, where 0 is background and stays 0.
        crop_foreground: Leave out the margin in which every voxel of every channel is at or below
            ``low`` (without a window: 0): air around the body costs windows and holds nothing.
        size: Voxels along R, A, S that the whole image is spread over, instead of a spacing.

    Raises:
        VoCoError: If a value is out of range, or a size is given with a spacing or a crop.
    """

    spacing: tuple[float, float, float] | None
    intensity: tuple[float, float] | None
    crop_foreground: bool = True
    size: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        if self.spacing is not None and not (
            len(self.spacing) == 3 and all(0 < s < np.inf for s in self.spacing)
        ):
            raise VoCoError(
                f"The model's spacing {self.spacing} must be three positive lengths in mm."
            )
        if self.intensity is not None and not (
            len(self.intensity) == 2 and -np.inf < self.intensity[0] < self.intensity[1] < np.inf
        ):
            raise VoCoError(f"The model's HU window {self.intensity} must be (low, high).")
        if self.size is None:
            return
        if not (len(self.size) == 3 and all(int(n) == n and n >= 1 for n in self.size)):
            raise VoCoError(f"The size {self.size} must be three whole numbers from 1 up.")
        if self.spacing is not None:
            raise VoCoError("Give either a size in voxels or a spacing in mm, not both.")
        if self.crop_foreground:
            raise VoCoError("A size spreads the whole image: turn crop_foreground off with it.")

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON; a size only where there is one."""
        return {
            "spacing": self.spacing and list(self.spacing),
            "intensity": self.intensity and list(self.intensity),
            "crop_foreground": self.crop_foreground,
            **({} if self.size is None else {"size": list(self.size)}),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """Build what ``to_json`` was called on.

        Raises:
            TypeError: If an entry is missing, unknown or of another kind.
            VoCoError: If a value is out of range.
        """
        arguments: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return cls(**arguments)


@dataclass(frozen=True)
class NetworkVolume:
    """An image on the grid of a network.

    Attributes:
        array: Intensities in 0..1, or their z-scores, (channel, x, y, z), RAS.
        grid: The full network grid as an image without content: its size, spacing, origin and
            direction.
        box: Where ``array`` lies in the full grid (x, y, z).
    """

    array: Array
    grid: sitk.Image
    box: Box


def image_to_array(image: sitk.Image) -> Array:
    """Voxels of a 3-D image as a float32 array in its own axis order (x, y, z)."""
    return np.array(sitk.GetArrayViewFromImage(image), dtype=np.float32).transpose(2, 1, 0)


def array_to_image(array: npt.NDArray[np.generic], grid: sitk.Image) -> sitk.Image:
    """The image of an (x, y, z) array that lies on ``grid``."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0)))
    image.CopyInformation(grid)
    return image


def resample(image: sitk.Image, grid: sitk.Image) -> sitk.Image:
    """Linear interpolation of an image onto a grid; beyond the border the border repeats."""
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(grid)
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.SetUseNearestNeighborExtrapolator(True)
    resampler.SetOutputPixelType(sitk.sitkFloat32)
    return resampler.Execute(image)


def _extended(image: sitk.Image, grid: sitk.Image) -> sitk.Image:
    """Repeat an image's outer planes as far as a grid with the same axes reaches beyond them.

    Beyond the border ITK takes the nearest voxel on all axes, also on those where the point lies
    between two voxels.
    """
    ends = ([0, 0, 0], [side - 1 for side in grid.GetSize()])
    first, last = (
        image.TransformPhysicalPointToContinuousIndex(grid.TransformIndexToPhysicalPoint(end))
        for end in ends
    )
    before = [max(0, math.ceil(-begin - ROUNDING)) for begin in first]
    after = [
        max(0, math.ceil(end - (n - 1) - ROUNDING))
        for end, n in zip(last, image.GetSize(), strict=True)
    ]
    return sitk.ZeroFluxNeumannPad(image, before, after) if any(before + after) else image


def foreground_box(array: npt.NDArray[np.generic]) -> Box:
    """Bounding box of the voxels that are not 0 in a (x, y, z) array; everything if all are."""
    occupied = array != 0
    if not occupied.any():
        return EVERYTHING
    box = []
    for axis in range(3):
        planes = np.flatnonzero(occupied.any(axis=tuple(a for a in range(3) if a != axis)))
        box.append(slice(int(planes[0]), int(planes[-1]) + 1))
    return (box[0], box[1], box[2])


def to_network(
    image: sitk.Image | Sequence[sitk.Image], preprocessing: Preprocessing
) -> NetworkVolume:
    """Bring an image onto the network's grid: RAS axes, spacing or size, foreground, intensities.

    Args:
        image: A scalar 3-D image, or several on one grid, one a channel. Their axes may be in
            different order.
        preprocessing: What the network was trained with.

    Raises:
        VoCoError: If the channels do not lie on one grid.
    """
    images = [image] if isinstance(image, sitk.Image) else image
    oriented = [sitk.DICOMOrient(channel, "RAS") for channel in images]
    if not all(on_one_grid(oriented[0], other) for other in oriented[1:]):
        raise VoCoError("The channels lie on different grids: resample them onto one.")
    grid = _network_grid(oriented[0], preprocessing)
    array = np.empty((len(images), *grid.GetSize()), dtype=np.float32)
    for channel, channel_image in zip(array, oriented, strict=True):
        channel_image.CopyInformation(oriented[0])
        channel[...] = _on_grid(channel_image, grid)
        if preprocessing.intensity is not None:
            _to_window(channel, preprocessing.intensity)
    box = foreground_box((array != 0).any(axis=0)) if preprocessing.crop_foreground else EVERYTHING
    array = np.ascontiguousarray(array[(slice(None), *box)])
    if preprocessing.intensity is None:
        for channel in array:
            to_z_score(channel)
    return NetworkVolume(array, grid, box)


def _network_grid(image: sitk.Image, preprocessing: Preprocessing) -> sitk.Image:
    if preprocessing.size is not None:
        return sized_grid(image, preprocessing.size)
    return network_grid(image, preprocessing.spacing or image.GetSpacing())


def _on_grid(image: sitk.Image, grid: sitk.Image) -> Array:
    """An image's voxels on a grid with its axes; as they are where the grid is the image's own.

    Rounding in the interpolation must not make background, which is exactly 0, count as content.
    """
    if image.GetSize() == grid.GetSize() and image.GetSpacing() == grid.GetSpacing():
        return image_to_array(image)
    array = image_to_array(resample(_extended(image, grid), grid))
    array[np.abs(array) <= ROUNDING * np.abs(array).max()] = 0
    return array


def _to_window(channel: Array, intensity: tuple[float, float]) -> None:
    """Map a window to 0..1 and clip, in place."""
    low, high = intensity
    channel -= low
    channel /= high - low
    np.clip(channel, 0, 1, out=channel)


def to_z_score(channel: Array) -> None:
    """Bring the voxels that are not 0 to mean 0 and standard deviation 1, in place.

    As MONAI's ``NormalizeIntensity(nonzero=True)``: equal values are only shifted.
    """
    counted = channel != 0
    if not counted.any():
        return
    mean = channel.mean(dtype=np.float64, where=counted)
    deviation = channel.std(dtype=np.float64, where=counted)
    np.subtract(channel, mean, out=channel, where=counted, casting="same_kind")
    np.divide(channel, deviation or 1.0, out=channel, where=counted, casting="same_kind")


def on_image(
    probabilities: Iterable[Probabilities], volume: NetworkVolume, image: sitk.Image
) -> Iterator[Array]:
    """Interpolate probabilities at the voxels of the input image, one class after the other.

    So the memory needed at the image's resolution does not grow with the number of classes.
    Outside the foreground box every class has probability 0.

    Args:
        probabilities: (class, x, y, z) over the volume's box, or one (x, y, z) after the other.
        volume: The network volume that the probabilities belong to.
        image: The image whose grid is asked for.

    Yields:
        Probabilities of a class (x, y, z) in the image's own axis order.
    """
    for probability in probabilities:
        full = np.zeros(volume.grid.GetSize(), dtype=np.float32)
        full[volume.box] = probability
        yield image_to_array(resample(array_to_image(full, volume.grid), image))


def labels_on_image(
    probabilities: Iterable[Probabilities], volume: NetworkVolume, image: sitk.Image
) -> npt.NDArray[np.uint8]:
    """The most probable class at every voxel of the input image.

    Outside the foreground box background wins the tie.

    Args:
        probabilities: (class, x, y, z) over the volume's box, or one (x, y, z) after the other;
            class 0 is background.
        volume: The network volume that the probabilities belong to.
        image: The image whose grid is asked for.

    Returns:
        Class indices (x, y, z) in the image's own axis order.
    """
    classes = on_image(probabilities, volume, image)
    best = next(classes).copy()
    labels = np.zeros(image.GetSize(), dtype=np.uint8)
    for index, here in enumerate(classes, start=1):
        better = here > best
        labels[better] = index
        np.copyto(best, here, where=better)
    return labels
