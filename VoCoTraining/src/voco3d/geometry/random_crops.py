"""Where the random crops lie."""

import numpy as np
import numpy.typing as npt

from voco3d.geometry.grid import BaseGrid


def random_starts(grid: BaseGrid, count: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """First voxels ``(count, 3)`` of crops that lie anywhere inside the grid's volume.

    Every place is equally likely, so along an axis with one base there is only one.
    """
    places = np.subtract(grid.size, grid.crop) + 1
    return random.integers(places, size=(count, 3))
