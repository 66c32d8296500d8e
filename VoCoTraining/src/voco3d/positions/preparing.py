"""From an image to the volume that the base grid covers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from voco3d.data import Preprocessing, VolumeSettings, to_volume
from voco3d.data.grids import on_one_grid
from voco3d.data.preprocessing import foreground_box, image_to_array, to_network
from voco3d.errors import VoCoError
from voco3d.geometry import BaseGrid
from voco3d.positions.frame import Frame

Floats = npt.NDArray[np.float64]

ROUNDING = 1e-6
"""Share of a voxel by which a point may lie outside."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A volume of exactly the grid's size.

    Attributes:
        array: Intensities ``(channel, x, y, z)``, RAS.
        grid: The bases, which cover it.
        frame: Where its voxels lie.
        image: Where the voxels of the image lie.
        image_size: Sides of the image in its voxels.
        covered: Share of the body's box that the grid covers.
    """

    array: npt.NDArray[np.float32]
    grid: BaseGrid
    frame: Frame
    image: Frame
    image_size: tuple[int, int, int]
    covered: float

    def checked(self, centres: npt.ArrayLike) -> Floats:
        """Places in RAS mm as an array ``(place, 3)``.

        Raises:
            VoCoError: If one is not three finite numbers, or lies outside the image.
        """
        try:
            places = np.atleast_2d(np.asarray(centres, dtype=np.float64))
        except ValueError:
            places = np.empty(0)
        if places.ndim != 2 or places.shape[1:] != (3,) or not np.isfinite(places).all():
            raise VoCoError("A crop's centre must be three finite numbers: x, y, z in RAS mm.")
        outside = ~self.inside(places)
        if outside.any():
            corners = self.image.to_ras([[0, 0, 0], self.image_size])
            middle = ", ".join(f"{value:.0f}" for value in corners.mean(axis=0))
            wrong = ", ".join(f"{value:g}" for value in places[outside][0])
            raise VoCoError(
                f"The crop centre {wrong} lies outside the image: give x, y, z in RAS mm; the "
                f"image's centre is {middle}."
            )
        return places

    def inside(self, places: Floats) -> npt.NDArray[np.bool_]:
        """Which places ``(place, 3)``, RAS mm, lie in the image."""
        voxels = self.image.to_voxels(places)
        within = (voxels >= -ROUNDING) & (voxels <= np.add(self.image_size, ROUNDING))
        return np.asarray(within.all(axis=1))


def prepare(
    images: Sequence[sitk.Image], settings: VolumeSettings | None, grid: BaseGrid
) -> Prepared:
    """Bring an image onto a base grid.

    A volume that is larger than the grid gives its middle, and one that is smaller is padded with
    0 on both sides, as in pre-training.

    Args:
        images: Scalar 3-D images, one a channel, on one grid.
        settings: What the model was trained with; None for the z-score of the voxels that are not
            0, their box spread over the grid.
        grid: The bases.

    Raises:
        VoCoError: If the channels do not lie on one grid, or hold nothing but air.
    """
    if settings is None:
        array, place = _z_score(images, grid.size)
    else:
        volume = to_volume(images, settings)
        array = volume.array.astype(np.float32)
        array /= np.float32(np.iinfo(settings.dtype).max)
        place = volume.grid
    shape, size = np.array(array.shape[1:]), np.array(grid.size)
    first = np.maximum(shape - size, 0) // 2
    x, y, z = map(slice, first.tolist(), np.minimum(first + size, shape).tolist())
    part = array[:, x, y, z]
    missing = np.maximum(size - shape, 0)
    before = missing // 2
    padded = np.pad(part, [(0, 0), *zip(before, missing - before, strict=True)])
    return Prepared(
        np.ascontiguousarray(padded),
        grid,
        Frame.of(place).moved(first - before),
        Frame.of(images[0]),
        images[0].GetSize(),
        float(np.minimum(size / shape, 1).prod()),
    )


def settings_for(
    settings: VolumeSettings | None, own: BaseGrid, grid: BaseGrid
) -> VolumeSettings | None:
    """A model's settings for another count of bases: the voxels a base stay the same."""
    if settings is None or settings.size is None:
        return settings
    x, y, z = (
        round(side * count / before)
        for side, count, before in zip(settings.size, grid.counts, own.counts, strict=True)
    )
    return replace(settings, size=(x, y, z))


def _z_score(
    images: Sequence[sitk.Image], size: tuple[int, int, int]
) -> tuple[npt.NDArray[np.float32], sitk.Image]:
    """The box of voxels that are not 0, spread over ``size``, and where its voxels lie."""
    oriented = [sitk.DICOMOrient(image, "RAS") for image in images]
    if not all(on_one_grid(oriented[0], other) for other in oriented[1:]):
        raise VoCoError("The channels lie on different grids: resample them onto one.")
    box = foreground_box(np.logical_or.reduce([image_to_array(image) != 0 for image in oriented]))
    ends = [part.indices(n) for part, n in zip(box, oriented[0].GetSize(), strict=True)]
    start, sides = [b for b, _, _ in ends], [e - b for b, e, _ in ends]
    cut = [sitk.RegionOfInterest(image, sides, start) for image in oriented]
    volume = to_network(cut, Preprocessing(None, None, crop_foreground=False, size=size))
    return volume.array, volume.grid
