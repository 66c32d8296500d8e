"""A region of interest: an oriented box, outside which nothing is computed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from voco3d.data.preprocessing import EVERYTHING, Box, NetworkVolume, array_to_image
from voco3d.errors import VoCoError

CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
CONTEXT = 0.25
"""Share of a window that is computed around a region, so that no voxel of it lies nearer to the
end of what the network sees than in a run over the whole image."""

OUTSIDE = (
    "The region of interest holds no voxel of the image: move or enlarge it, or do without it."
)


@dataclass(frozen=True)
class Region:
    """A box of any orientation: a matrix takes the unit cube [-0.5, 0.5]^3 to LPS in mm.

    Attributes:
        matrix: 16 numbers, a 4 x 4 matrix row by row.

    Raises:
        VoCoError: If these are not 16 numbers, or the box has no volume.
    """

    matrix: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.matrix) != 16 or not np.isfinite(self.matrix).all():
            raise VoCoError("A region of interest needs a matrix of 16 numbers.")
        if self.matrix[12:] != (0, 0, 0, 1):
            raise VoCoError("The last row of a region's matrix must be 0 0 0 1.")
        edges = np.linalg.norm(self._axes, axis=0)
        if not edges.all() or abs(np.linalg.det(self._axes / edges)) < 1e-6:
            raise VoCoError("The region of interest has no volume: draw a box with three sides.")

    @property
    def _axes(self) -> npt.NDArray[np.float64]:
        return np.reshape(self.matrix, (4, 4))[:3, :3]

    @property
    def _centre(self) -> npt.NDArray[np.float64]:
        return np.reshape(self.matrix, (4, 4))[:3, 3]

    def box_in(self, placed: "Placed") -> Box | None:
        """The voxels (x, y, z) of a grid between which all of the region lies.

        Returns:
            None where the region lies outside the grid.
        """
        corners = placed.index_of(CORNERS @ self._axes.T + self._centre)
        first = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
        last = np.minimum(np.ceil(corners.max(axis=0)).astype(int), np.subtract(placed.size, 1))
        if (last < first).any():
            return None
        x, y, z = (slice(int(a), int(b) + 1) for a, b in zip(first, last, strict=True))
        return (x, y, z)

    def mask_in(self, placed: "Placed", box: Box) -> npt.NDArray[np.bool_]:
        """Which voxels of a box of a grid have their centre in the region: (x, y, z) of the box."""
        to_cube = np.linalg.inv(self._axes)
        steps = to_cube @ placed.steps
        start = to_cube @ (placed.origin - self._centre)
        x, y, z = np.ogrid[box]
        inside: npt.NDArray[np.bool_] = np.ones((x.size, y.size, z.size), bool)
        for (along_x, along_y, along_z), offset in zip(steps, start, strict=True):
            place = along_x * x + along_y * y + along_z * z + offset
            inside &= np.abs(place) <= 0.5 + 1e-9
        return inside


@dataclass(frozen=True)
class Placed:
    """A grid of voxels in space, without the voxels.

    Attributes:
        size: Voxels on each axis.
        origin: Centre of the first voxel, LPS mm.
        steps: (3, 3), a column an axis: from one voxel to the next, LPS mm.
    """

    size: tuple[int, ...]
    origin: npt.NDArray[np.float64]
    steps: npt.NDArray[np.float64]

    @classmethod
    def of(cls, image: sitk.Image) -> "Placed":
        """The grid of an image."""
        return cls.from_header(
            image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()
        )

    @classmethod
    def from_header(
        cls,
        size: Sequence[int],
        spacing: Sequence[float],
        origin: Sequence[float],
        direction: Sequence[float],
    ) -> "Placed":
        """The grid that an image's header describes, as SimpleITK writes it."""
        steps = np.array(direction, float).reshape(3, 3) * np.array(spacing, float)
        return cls(tuple(size), np.asarray(origin, float), steps)

    def index_of(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Continuous indices (n, 3) of points (n, 3) in LPS mm."""
        return np.asarray(np.linalg.solve(self.steps, (points - self.origin).T).T, np.float64)


@dataclass(frozen=True)
class Part:
    """The part of an image for which a result is wanted.

    Attributes:
        whole: The whole image.
        image: The box of it in which the region lies.
        box: Where that is in the whole.
        mask: The voxels of the box (x, y, z) that are in the region; None for all.
    """

    whole: sitk.Image
    image: sitk.Image
    box: Box
    mask: npt.NDArray[np.bool_] | None

    @classmethod
    def of(cls, image: sitk.Image, region: Region | None) -> "Part":
        """The part of an image in a region; all of it where there is none.

        Raises:
            VoCoError: If no voxel has its centre in the region.
        """
        if region is None:
            return cls(image, image, EVERYTHING, None)
        placed = Placed.of(image)
        box = region.box_in(placed)
        mask = None if box is None else region.mask_in(placed, box)
        if box is None or mask is None or not mask.any():
            raise VoCoError(OUTSIDE)
        return cls(image, image[box], box, mask)

    def on_whole(self, labels: npt.NDArray[np.uint8]) -> sitk.Image:
        """The label map on the whole image's grid: 0 outside the region.

        Args:
            labels: (x, y, z) of ``image``.
        """
        if self.mask is None:
            return array_to_image(labels, self.whole)
        everything = np.zeros(self.whole.GetSize(), np.uint8)
        everything[self.box] = np.where(self.mask, labels, 0)
        return array_to_image(everything, self.whole)


def cut_to_region(
    volume: NetworkVolume, region: Region, window: tuple[int, int, int]
) -> NetworkVolume | None:
    """The part of a volume that must be computed for a region: its voxels and their context.

    Args:
        volume: The whole image.
        region: What is asked for.
        window: Sides of a window in voxels.

    Returns:
        None where there is only the margin that the volume leaves out.
    """
    box = region.box_in(Placed.of(volume.grid))
    there = [
        slice(*side.indices(n)[:2])
        for side, n in zip(volume.box, volume.grid.GetSize(), strict=True)
    ]
    if box is None or not all(_meet(a, b) for a, b in zip(box, there, strict=True)):
        return None
    x, y, z = map(with_context, box, there, window)
    cut = [
        slice(s.start - t.start, s.stop - t.start) for s, t in zip((x, y, z), there, strict=True)
    ]
    array = np.ascontiguousarray(volume.array[(slice(None), *cut)])
    return NetworkVolume(array, volume.grid, (x, y, z))


def with_context(wanted: slice, within: slice, window: int) -> slice:
    """The voxels of an axis that the windows over a part of it should see.

    Args:
        wanted: The part; it meets ``within``.
        within: What there is.
        window: Side of a window: the result is no shorter, where there are so many voxels.
    """
    start, stop = max(wanted.start, within.start), min(wanted.stop, within.stop)
    margin, missing = int(CONTEXT * window), window - (stop - start)
    before = max(margin, missing // 2)
    start, stop = start - before, stop + max(margin, missing - before)
    start, stop = min(start, within.stop - window), max(stop, within.start + window)
    return slice(max(start, within.start), min(stop, within.stop))


def _meet(one: slice, other: slice) -> bool:
    return bool(one.start < other.stop and other.start < one.stop)
