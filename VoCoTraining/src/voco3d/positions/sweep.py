"""Crops all over a volume: what is predicted where, and how far off it is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from voco3d.errors import VoCoError
from voco3d.geometry import BaseGrid
from voco3d.positions.frame import Frame
from voco3d.positions.results import CropPosition


class Sweep:
    """Crops all over a volume, in a lattice.

    Attributes:
        crops: z runs fastest, then y, then x.
        shape: Crops along x, y and z.
    """

    def __init__(
        self,
        crops: tuple[CropPosition, ...],
        places: Sequence[npt.NDArray[np.int64]],
        grid: BaseGrid,
        frame: Frame,
    ) -> None:
        self.crops = crops
        self.shape = (len(places[0]), len(places[1]), len(places[2]))
        self._grid, self._frame, self._places = grid, frame, places

    def errors(self) -> npt.NDArray[np.float64]:
        """Distance of predicted and true place in mm, of the lattice's ``shape``; NaN if none."""
        values = [np.nan if crop.distance is None else crop.distance for crop in self.crops]
        return np.array(values).reshape(self.shape)

    def chosen(self) -> npt.NDArray[np.int64]:
        """Number, from 1, of the base that each crop is put into, of the lattice's ``shape``."""
        return np.array([crop.chosen for crop in self.crops]).reshape(self.shape)

    def image(self, values: npt.NDArray[Any]) -> sitk.Image:
        """An image of one value a crop: each voxel has its crop's centre in its middle.

        The voxels fill the volume that the crops' centres lie in.
        """
        image = sitk.GetImageFromArray(np.ascontiguousarray(values.transpose(2, 1, 0)))
        image.CopyInformation(self.frame().grid(self.shape))
        return image

    def frame(self) -> Frame:
        """Where the lattice's voxels lie."""
        steps = np.array(
            [
                p[1] - p[0] if len(p) > 1 else side
                for p, side in zip(self._places, self._grid.crop, strict=True)
            ],
            dtype=np.float64,
        )
        first = np.array([p[0] for p in self._places]) + np.array(self._grid.crop) / 2
        corner = self._frame.to_ras(first - steps / 2)
        return Frame(corner, self._frame.axes, self._frame.spacing * steps)


def check_step(step: float) -> None:
    """Refuse a distance of crops that is no share of a crop.

    Raises:
        VoCoError: If it is so.
    """
    if not 0 < step <= 1:
        raise VoCoError(f"The step must be above 0 and up to 1 (a whole crop), not {step}.")


def places_along(count: int, side: int, step: float) -> npt.NDArray[np.int64]:
    """First voxels along an axis: evenly apart, from one border to the other."""
    distance = max(1, round(side * step))
    while (count - 1) * side % distance:
        distance -= 1
    return np.arange(0, (count - 1) * side + 1, distance)
