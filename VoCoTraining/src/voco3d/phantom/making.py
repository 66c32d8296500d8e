"""The entry: one function that makes a phantom of a region."""

from __future__ import annotations

import math
from typing import Literal

from voco3d.errors import VoCoError
from voco3d.phantom import headneck, trunk
from voco3d.phantom.rendering import Phantom

Region = Literal["headneck", "trunk"]
REGIONS = {
    "headneck": (headneck.make_headneck, headneck.SPACING),
    "trunk": (trunk.make_trunk, trunk.SPACING),
}


def make_phantom(
    region: Region,
    seed: int,
    size: tuple[int, int, int] = (128, 128, 128),
    spacing: float | tuple[float, float, float] | None = None,
) -> Phantom:
    """Make a synthetic CT with exact labels.

    Args:
        region: which part of the body.
        seed: which patient; the same seed at another spacing or size is the same patient.
        size: number of voxels along x, y, z.
        spacing: mm along x, y, z, or one for all. By default 3 mm for a head and neck, and
            3.5 x 3.5 x 4 mm for a trunk: then 128 voxels hold the whole region.

    Returns:
        The image and its labels, LPS with identity direction.

    Raises:
        VoCoError: The region is unknown, or a size, spacing or seed is out of range.
    """
    if region not in REGIONS:
        raise VoCoError(f"Unknown phantom region '{region}': choose one of {', '.join(REGIONS)}.")
    make, usual = REGIONS[region]
    steps = usual if spacing is None else spacing
    if isinstance(steps, int | float):
        steps = (steps, steps, steps)
    if len(steps) != 3 or not all(math.isfinite(step) and step > 0 for step in steps):
        raise VoCoError(f"A phantom's spacing must be positive mm on three axes, not {spacing}.")
    if len(size) != 3 or min(size) < 1:
        raise VoCoError(f"A phantom's size must be three positive numbers of voxels, not {size}.")
    if seed < 0:
        raise VoCoError(f"A phantom's seed must be 0 or more, not {seed}.")
    x, y, z = steps
    return make(seed, size, (float(x), float(y), float(z)))
