"""Flips, quarter turns and intensity shifts, of each crop on its own."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voco3d.errors import VoCoError


@dataclass(frozen=True)
class Augmentation:
    """How likely a crop is changed, and how much.

    Attributes:
        flip: Probability of a flip along an axis, for each axis.
        rotate: Probability of one, two or three quarter turns in the x-y plane. Crops whose sides
            x and y differ are not turned.
        shift: The intensity shift is drawn from -shift to shift (intensities lie in 0..1).
        shift_probability: Probability of a shift.

    Raises:
        VoCoError: If a probability is not in 0..1 or the shift is negative.
    """

    flip: float = 0.2
    rotate: float = 0.2
    shift: float = 0.1
    shift_probability: float = 0.1

    def __post_init__(self) -> None:
        for name in ("flip", "rotate", "shift_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise VoCoError(f"The probability `{name}` must lie in 0..1.")
        if not 0 <= self.shift < np.inf:
            raise VoCoError("The intensity `shift` must be 0 or more.")


@dataclass(frozen=True)
class Changes:
    """What happens to some crops.

    Attributes:
        flips: ``(crop, 3)``, whether x, y, z are flipped.
        turns: ``(crop,)``, quarter turns from x to y, after the flips.
        shifts: ``(crop,)``, what is added to the intensity.
    """

    flips: npt.NDArray[np.bool_]
    turns: npt.NDArray[np.int64]
    shifts: npt.NDArray[np.float32]


def draw_changes(
    augmentation: Augmentation,
    count: int,
    crop: tuple[int, int, int],
    random: np.random.Generator,
) -> Changes:
    """Draw what happens to ``count`` crops with these sides."""
    flips = random.random((count, 3)) < augmentation.flip
    turned = random.random(count) < augmentation.rotate
    turns = random.integers(1, 4, count) * (turned & (crop[0] == crop[1]))
    shifted = random.random(count) < augmentation.shift_probability
    shifts = random.uniform(-1, 1, count) * augmentation.shift * shifted
    return Changes(flips, turns, shifts.astype(np.float32))


def turned(
    crop: npt.NDArray[np.generic], flips: npt.NDArray[np.bool_], turns: int
) -> npt.NDArray[np.generic]:
    """A view of a crop (channel, x, y, z), flipped, then turned in the x-y plane."""
    flipped = crop[(slice(None), *(slice(None, None, -1 if flip else 1) for flip in flips))]
    return np.rot90(flipped, turns, axes=(1, 2))
