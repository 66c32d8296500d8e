"""The grid of base crops that covers a volume."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voco3d.errors import VoCoError

Boxes = npt.NDArray[np.float64]
"""Boxes ``(box, 2, 3)`` in voxels: the first corner, and the corner after the last voxel."""


@dataclass(frozen=True)
class BaseGrid:
    """n = nx x ny x nz base crops side by side, which cover a volume without overlap.

    The bases are numbered with z running fastest, so ``overlaps.reshape(grid.counts)`` puts one
    value a base in its place.

    Source: section 3.2, "Base and random crops"; Table 7 compares values of n.

    Attributes:
        counts: Bases along x, y and z.
        crop: Sides of every crop, base or random, in voxels along x, y and z.

    Raises:
        VoCoError: If a count or a side is below 1.
    """

    counts: tuple[int, int, int]
    crop: tuple[int, int, int]

    def __post_init__(self) -> None:
        for name in ("counts", "crop"):
            value = getattr(self, name)
            if len(value) != 3 or not all(isinstance(side, int) and side >= 1 for side in value):
                raise VoCoError(
                    f"The base grid's {name} must be three whole numbers from 1 up, but it is "
                    f"{value!r}."
                )
            object.__setattr__(self, name, tuple(value))

    @property
    def n(self) -> int:
        """The number of bases."""
        return int(np.prod(self.counts))

    @property
    def size(self) -> tuple[int, int, int]:
        """Sides of the volume that the grid covers, in voxels."""
        x, y, z = (count * side for count, side in zip(self.counts, self.crop, strict=True))
        return (x, y, z)

    def starts(self) -> npt.NDArray[np.int64]:
        """First voxel ``(n, 3)`` of each base."""
        return np.stack(np.unravel_index(np.arange(self.n), self.counts), axis=1) * self.crop

    def boxes(self) -> Boxes:
        """Boxes ``(n, 2, 3)`` of the bases."""
        return self.boxes_at(self.starts())

    def boxes_at(self, starts: npt.ArrayLike) -> Boxes:
        """Boxes ``(crop, 2, 3)`` of crops that begin at ``starts`` ``(crop, 3)``, in voxels."""
        first = np.asarray(starts, dtype=np.float64)
        return np.stack([first, first + self.crop], axis=1)
