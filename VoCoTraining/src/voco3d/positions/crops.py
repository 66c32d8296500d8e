"""A volume from which crops are cut and embedded."""

import numpy as np
import numpy.typing as npt
from torch import Tensor

from voco3d.positions.encoder import CropEncoder
from voco3d.positions.preparing import Prepared
from voco3d.progress import Progress, silent


class CropVolume:
    """A prepared volume, and the network that embeds crops of it.

    Attributes:
        grid: The base grid, in voxels of ``array``.
        array: The prepared volume that the grid covers, ``(channel, x, y, z)``, RAS.
        frame: Where its voxels lie.
    """

    def __init__(self, encoder: CropEncoder, prepared: Prepared) -> None:
        self._encoder, self._prepared = encoder, prepared
        self.grid, self.array, self.frame = prepared.grid, prepared.array, prepared.frame

    def checked(self, centres: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Places in RAS mm as an array ``(place, 3)``.

        Raises:
            VoCoError: If one is not three finite numbers, or lies outside the image.
        """
        return self._prepared.checked(centres)

    def inside(self, places: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Which places ``(place, 3)``, RAS mm, lie in the image."""
        return self._prepared.inside(places)

    def starts_at(self, centres: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """First voxels ``(crop, 3)`` of the crops nearest to centres in RAS mm that fit."""
        half = np.array(self.grid.crop) / 2
        starts = np.rint(self.frame.to_voxels(centres) - half).astype(np.int64)
        return np.clip(starts, 0, np.subtract(self.grid.size, self.grid.crop))

    def centres_of(self, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Centres in RAS mm ``(crop, 3)`` of crops from their first voxels."""
        return self.frame.to_ras(starts + np.array(self.grid.crop) / 2)

    def embed(
        self,
        starts: npt.NDArray[np.int64],
        progress: Progress = silent,
        what: str = "embedding crops",
    ) -> Tensor:
        """Embeddings ``(crop, width)`` of crops from their first voxels."""
        return self._encoder(self.array, starts, self.grid.crop, progress, what)
