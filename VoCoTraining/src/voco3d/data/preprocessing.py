"""From an image as scanned to the array that a network sees, and labels back again.

Only the axes are permuted and flipped to come as near to RAS as the image allows; an oblique
image keeps its own frame, as in MONAI's ``Orientation`` and ``Spacing``. So a copy of an image
with other axes gives exactly the same array.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from voco3d.errors import VoCoError

Array = npt.NDArray[np.float32]
Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Preprocessing:
    """What is done to an image before a network sees it.

    Attributes:
        spacing: Voxel size in mm along R, A, S.
        intensity: HU window (low, high) that is mapped to 0..1 and clipped.
        crop_foreground: Leave out the margin in which every voxel is at or below ``low``: air
            around the body costs windows and holds nothing.
    """

    spacing: tuple[float, float, float]
    intensity: tuple[float, float]
    crop_foreground: bool = True

    def __post_init__(self) -> None:
        if len(self.spacing) != 3 or not all(0 < s < np.inf for s in self.spacing):
            raise VoCoError(
                f"The model's spacing {self.spacing} must be three positive lengths in mm."
            )
        if len(self.intensity) != 2 or not self.intensity[0] < self.intensity[1]:
            raise VoCoError(f"The model's HU window {self.intensity} must be (low, high).")


@dataclass(frozen=True)
class NetworkVolume:
    """An image on the grid of a network.

    Attributes:
        array: Intensities in 0..1, (channel, x, y, z), RAS.
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


def network_grid(image: sitk.Image, spacing: tuple[float, float, float]) -> sitk.Image:
    """The grid with ``spacing`` over a RAS-oriented image, sharing its first voxel's centre.

    The size an axis is ``round((n - 1) * old / new + 1)``, as in MONAI's ``Spacing``.
    """
    size = [
        max(1, round((n - 1) * old / new + 1))
        for n, old, new in zip(image.GetSize(), image.GetSpacing(), spacing, strict=True)
    ]
    grid = sitk.Image(size, sitk.sitkUInt8)
    grid.SetSpacing(spacing)
    grid.SetOrigin(image.GetOrigin())
    grid.SetDirection(image.GetDirection())
    return grid


def resample(image: sitk.Image, grid: sitk.Image) -> sitk.Image:
    """Linear interpolation of an image onto a grid; beyond the border the border repeats."""
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(grid)
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.SetUseNearestNeighborExtrapolator(True)
    resampler.SetOutputPixelType(sitk.sitkFloat32)
    return resampler.Execute(image)


def _extended(image: sitk.Image, grid: sitk.Image) -> sitk.Image:
    """Repeat an image's last planes as far as a grid with the same first voxel reaches.

    Beyond the border ITK takes the nearest voxel on all axes, also on those where the point lies
    between two voxels.
    """
    beyond = [
        max(0, math.ceil((m - 1) * new / old) - (n - 1))
        for n, old, m, new in zip(
            image.GetSize(), image.GetSpacing(), grid.GetSize(), grid.GetSpacing(), strict=True
        )
    ]
    return sitk.ZeroFluxNeumannPad(image, [0, 0, 0], beyond) if any(beyond) else image


def foreground_box(array: Array) -> Box:
    """Bounding box of the voxels above 0 in a (x, y, z) array; everything if there are none."""
    if not array.any():
        return (slice(None), slice(None), slice(None))
    box = []
    for axis in range(3):
        other = tuple(a for a in range(3) if a != axis)
        occupied = np.flatnonzero(array.max(axis=other) > 0)
        box.append(slice(int(occupied[0]), int(occupied[-1]) + 1))
    return (box[0], box[1], box[2])


def to_network(image: sitk.Image, preprocessing: Preprocessing) -> NetworkVolume:
    """Bring an image onto the network's grid: RAS axes, spacing, HU window, foreground.

    Args:
        image: A scalar 3-D image in HU.
        preprocessing: What the network was trained with.
    """
    oriented = sitk.DICOMOrient(image, "RAS")
    grid = network_grid(oriented, preprocessing.spacing)
    low, high = preprocessing.intensity
    array = image_to_array(resample(_extended(oriented, grid), grid))
    array = np.clip((array - low) / (high - low), 0, 1, dtype=np.float32)
    box = (
        foreground_box(array)
        if preprocessing.crop_foreground
        else (slice(None), slice(None), slice(None))
    )
    return NetworkVolume(np.ascontiguousarray(array[box])[None], grid, box)


def labels_on_image(
    probabilities: Array, volume: NetworkVolume, image: sitk.Image
) -> npt.NDArray[np.uint8]:
    """The most probable class at every voxel of the input image.

    Probabilities are interpolated one class at a time, so that the memory needed at the
    image's resolution does not grow with the number of classes. Outside the foreground box
    every class has probability 0, and background wins the tie.

    Args:
        probabilities: (class, x, y, z) over the volume's box; class 0 is background.
        volume: The network volume that the probabilities belong to.
        image: The image whose grid is asked for.

    Returns:
        Class indices (x, y, z) in the image's own axis order.
    """
    best: Array | None = None
    labels = np.zeros(image.GetSize(), dtype=np.uint8)
    for index, probability in enumerate(probabilities):
        full = np.zeros(volume.grid.GetSize(), dtype=np.float32)
        full[volume.box] = probability
        here = image_to_array(resample(array_to_image(full, volume.grid), image))
        if best is None:
            best = here.copy()
            continue
        better = here > best
        labels[better] = index
        np.copyto(best, here, where=better)
    return labels
