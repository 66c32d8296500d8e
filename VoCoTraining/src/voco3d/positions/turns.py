"""The 48 ways in which the axes of a volume can be exchanged and flipped."""

from dataclasses import dataclass
from itertools import permutations, product
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)

TOWARDS, AWAY = "RAS", "LPI"
SIDES = ("left-right", "front-back", "head-feet")


@dataclass(frozen=True, order=True)
class Turn:
    """How a volume must be turned so that its axes run to R, A and S.

    Attributes:
        order: For each axis of the turned volume the axis that it comes from.
        flips: Whether it is then reversed.
    """

    order: tuple[int, int, int] = (0, 1, 2)
    flips: tuple[bool, bool, bool] = (False, False, False)

    def of(self, array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """The turned array; its last three axes are x, y and z."""
        leading = array.ndim - 3
        turned = array.transpose(*range(leading), *(leading + axis for axis in self.order))
        flipped: npt.NDArray[Any] = np.flip(
            turned, tuple(leading + axis for axis, flip in enumerate(self.flips) if flip)
        )
        return flipped

    @property
    def axes(self) -> str:
        """Where the axes x, y and z of the volume really run to, as in "LPS"."""
        letters = [""] * 3
        for axis, (source, flip) in enumerate(zip(self.order, self.flips, strict=True)):
            letters[source] = (AWAY if flip else TOWARDS)[axis]
        return "".join(letters)

    @property
    def is_mirror(self) -> bool:
        """Whether no rotation does the same: right and left change their sides."""
        swapped = sum(self.order[i] > self.order[j] for i in range(3) for j in range(i + 1, 3))
        return bool((swapped + sum(self.flips)) % 2)


TURNS = tuple(
    Turn((order[0], order[1], order[2]), (flips[0], flips[1], flips[2]))
    for order in permutations(range(3))
    for flips in product((False, True), repeat=3)
)
"""All of them; the first is the one that changes nothing."""
