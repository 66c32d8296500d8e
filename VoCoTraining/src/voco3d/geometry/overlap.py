"""How much of a crop lies in each base."""

import numpy as np
import numpy.typing as npt

from voco3d.geometry.grid import Boxes


def overlap_shares(crops: Boxes, bases: Boxes) -> npt.NDArray[np.float64]:
    """The share of each crop's volume that lies in each base: VoCo's position labels y.

    A row sums to 1 where the bases cover the crop and do not overlap.

    Source: section 3.2, "Position labels generation", and Figure 4.

    Args:
        crops: ``(crop, 2, 3)``, boxes in voxels.
        bases: ``(base, 2, 3)``, boxes in voxels.

    Returns:
        ``(crop, base)``, from 0 to 1.
    """
    first = np.maximum(crops[:, None, 0], bases[None, :, 0])
    last = np.minimum(crops[:, None, 1], bases[None, :, 1])
    shared = np.clip(last - first, 0, None).prod(axis=-1)
    return shared / (crops[:, 1] - crops[:, 0]).prod(axis=-1)[:, None]
