"""From an image as scanned to the volume that pre-training cuts its crops from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from voco3d.data.grids import on_one_grid
from voco3d.data.preprocessing import resample
from voco3d.errors import VoCoError

Voxels = npt.NDArray[np.unsignedinteger[Any]]
"""uint8 or uint16."""


@dataclass(frozen=True)
class VolumeSettings:
    """What is done to an image.

    Attributes:
        intensity: HU window (low, high), mapped to 0..1 and clipped.
        foreground: The volume is cut to the box of all voxels above this share of the window;
            None keeps everything.
        size: Voxels along x, y, z: the box is spread over exactly so many.
        spacing: Voxel size in mm along x, y, z, instead of ``size``.
        bits: 8 or 16 a voxel.

    Raises:
        VoCoError: If a value is out of range, or not exactly one of size and spacing is given.
    """

    intensity: tuple[float, float] = (-175.0, 250.0)
    foreground: float | None = 0.3
    size: tuple[int, int, int] | None = (256, 256, 64)
    spacing: tuple[float, float, float] | None = None
    bits: int = 8

    def __post_init__(self) -> None:
        if not (np.isfinite(self.intensity).all() and self.intensity[0] < self.intensity[1]):
            raise VoCoError(f"The intensity window {self.intensity} must be (low, high) in HU.")
        if self.foreground is not None and not 0 <= self.foreground < 1:
            raise VoCoError(
                f"The foreground share must be from 0 to below 1, or none, not {self.foreground}."
            )
        if (self.size is None) == (self.spacing is None):
            raise VoCoError("Give either a size in voxels or a spacing in mm.")
        if self.size is not None and not (
            len(self.size) == 3 and all(int(n) == n and n >= 1 for n in self.size)
        ):
            raise VoCoError(f"The size {self.size} must be three whole numbers from 1 up.")
        if self.spacing is not None and not (
            len(self.spacing) == 3 and all(0 < s < np.inf for s in self.spacing)
        ):
            raise VoCoError(f"The spacing {self.spacing} must be three positive lengths in mm.")
        if self.bits not in (8, 16):
            raise VoCoError(f"A voxel is stored in 8 or 16 bits, not in {self.bits}.")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the stored voxels."""
        return np.dtype(f"uint{self.bits}")

    def to_json(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "VolumeSettings":
        """The settings that ``to_json`` wrote.

        Raises:
            VoCoError: If a value is missing, unknown or out of range.
        """
        arguments: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        try:
            return cls(**arguments)
        except TypeError as error:
            raise VoCoError(f"These are no volume settings: {error}.") from error


@dataclass(frozen=True)
class Volume:
    """An image as it is cached.

    Attributes:
        array: Intensities from 0 to the largest value of the type, (channel, x, y, z), RAS.
        grid: Where the voxels lie: an image without content.
    """

    array: Voxels
    grid: sitk.Image


def to_volume(images: Sequence[sitk.Image], settings: VolumeSettings) -> Volume:
    """Bring an image to RAS axes, cut it to the body, and interpolate it once, linearly.

    Only the axes are permuted and flipped: an oblique image keeps its own frame. In `size` mode
    the outer borders of the first and last voxels lie on the borders of the box; in `spacing` mode
    the voxels lie centred in it.

    Args:
        images: Scalar 3-D images in HU, one a channel, on one grid.
        settings: What is to be done.

    Raises:
        VoCoError: If the channels do not lie on one grid, or hold nothing but air.
    """
    oriented = [sitk.DICOMOrient(image, "RAS") for image in images]
    if not all(on_one_grid(oriented[0], other) for other in oriented[1:]):
        raise VoCoError("Its channels lie on different grids: resample them onto one.")
    first, last = _body(oriented, settings)
    grid = _grid(oriented[0], first, last, settings)
    levels = np.iinfo(settings.dtype).max
    low, high = settings.intensity
    array = np.empty((len(images), *grid.GetSize()), settings.dtype)
    for channel, image in zip(array, oriented, strict=True):
        resampled = resample(_with_margin(image, first, last), grid)
        values = sitk.GetArrayViewFromImage(resampled) - np.float32(low)
        values *= np.float32(levels / (high - low))
        np.clip(values, 0, levels, out=values)
        channel[...] = np.rint(values, out=values).transpose(2, 1, 0)
    return Volume(array, grid)


def _body(
    images: Sequence[sitk.Image], settings: VolumeSettings
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First voxel (x, y, z) of the body's box, and the one after its last."""
    low, high = settings.intensity
    floor = low + (settings.foreground or 0.0) * (high - low)
    body = np.logical_or.reduce([sitk.GetArrayViewFromImage(image) > floor for image in images])
    if not body.any():
        raise VoCoError(f"It holds nothing but air: no voxel is above {floor:g} HU.")
    if settings.foreground is None:
        return np.zeros(3, np.int64), np.array(images[0].GetSize(), np.int64)
    planes = body.any(axis=2)
    occupied = [np.flatnonzero(a) for a in (body.any(axis=(0, 1)), planes.any(0), planes.any(1))]
    return np.array([o[0] for o in occupied]), np.array([o[-1] + 1 for o in occupied])


def _grid(
    image: sitk.Image,
    first: npt.NDArray[np.int64],
    last: npt.NDArray[np.int64],
    settings: VolumeSettings,
) -> sitk.Image:
    """The grid of the volume: RAS axes of ``image``, centred on its box of voxels."""
    extent = (last - first) * image.GetSpacing()
    if settings.size is not None:
        size = np.array(settings.size)
        spacing = extent / size
    else:
        spacing = np.array(settings.spacing)
        size = np.maximum(1, np.rint(extent / spacing)).astype(int)
    middle = (first + last - 1) / 2
    begin = middle - (size - 1) / 2 * spacing / image.GetSpacing()
    grid = sitk.Image(size.tolist(), sitk.sitkUInt8)
    grid.SetSpacing(spacing.tolist())
    grid.SetDirection(image.GetDirection())
    grid.SetOrigin(image.TransformContinuousIndexToPhysicalPoint(begin.tolist()))
    return grid


def _with_margin(
    image: sitk.Image, first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]
) -> sitk.Image:
    """The box of an image and one voxel around it, repeated where the image ends there.

    Beyond an image's outer voxels ITK takes the nearest one on all axes, where it should
    interpolate on those that lie inside.
    """
    begin, end = np.maximum(first - 1, 0), np.minimum(last + 1, image.GetSize())
    cut = sitk.RegionOfInterest(image, (end - begin).tolist(), begin.tolist())
    return sitk.ZeroFluxNeumannPad(cut, (1 - first + begin).tolist(), (1 + last - end).tolist())
