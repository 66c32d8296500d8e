"""From the voxels of a prepared volume to places in the patient and back."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

Floats = npt.NDArray[np.float64]

TO_RAS = np.array([-1.0, -1.0, 1.0])
"""SimpleITK counts mm towards left, posterior, superior; Slicer and VoCo towards R, A, S."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Where voxels lie.

    Voxel coordinates are those of boxes: voxel i reaches from i to i + 1, so its centre is at
    i + 0.5.

    Attributes:
        corner: RAS mm of the outer corner of the first voxel, ``(3,)``.
        axes: Unit vectors of the volume's x, y and z in RAS, one a column, ``(3, 3)``.
        spacing: Sides of a voxel in mm, ``(3,)``.
    """

    corner: Floats
    axes: Floats
    spacing: Floats

    @classmethod
    def of(cls, grid: sitk.Image) -> "Frame":
        """The frame of an image's voxels."""
        axes = np.array(grid.GetDirection()).reshape(3, 3) * TO_RAS[:, None]
        spacing = np.array(grid.GetSpacing())
        return cls(np.array(grid.GetOrigin()) * TO_RAS - axes @ (spacing / 2), axes, spacing)

    def to_ras(self, voxels: npt.ArrayLike) -> Floats:
        """RAS mm ``(..., 3)`` of voxel coordinates ``(..., 3)``."""
        return self.corner + np.asarray(voxels, dtype=np.float64) * self.spacing @ self.axes.T

    def to_voxels(self, places: npt.ArrayLike) -> Floats:
        """Voxel coordinates ``(..., 3)`` of places in RAS mm ``(..., 3)``."""
        shifted = np.asarray(places, dtype=np.float64) - self.corner
        return shifted @ np.linalg.inv(self.axes).T / self.spacing

    def moved(self, voxels: npt.ArrayLike) -> "Frame":
        """The frame of a part (or a padded copy) whose first voxel is at ``voxels``."""
        return Frame(self.to_ras(voxels), self.axes, self.spacing)

    def grid(self, size: tuple[int, int, int]) -> sitk.Image:
        """An empty image of ``size`` voxels in this frame."""
        image = sitk.Image(list(size), sitk.sitkUInt8)
        image.SetSpacing(self.spacing.tolist())
        image.SetDirection((self.axes * TO_RAS[:, None]).ravel().tolist())
        image.SetOrigin((self.to_ras([0.5, 0.5, 0.5]) * TO_RAS).tolist())
        return image
