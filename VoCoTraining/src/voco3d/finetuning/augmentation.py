"""What is random in a crop: a linear map, a smooth displacement, and intensities."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from voco3d.errors import VoCoError
from voco3d.finetuning.config import Augmentation

KNOTS = 5
"""Control points a side of the random displacement."""

SIDES = re.compile(r"left|right|(?<![a-z])[lr](?![a-z])")
OTHER = {"left": "right", "right": "left", "l": "r", "r": "l"}
HEART = re.compile(r"ventric|atri|heart|cardi|coronar")
"""Where left and right are kinds and not sides: a mirrored heart has them where it had them."""


@dataclass(frozen=True)
class Motion:
    """How a crop lies in the patient.

    Attributes:
        matrix: ``(3, 3)``, from offsets in the crop to offsets in the patient, both in mm, RAS.
        mirrored: Whether it is a mirror image, in which left and right have changed places. Two
            flips are a half turn, in which they have not.
        displacement: ``(x, y, z, 3)`` in mm, or None.
    """

    matrix: npt.NDArray[np.float64]
    mirrored: bool
    displacement: npt.NDArray[np.float32] | None


def draw_motion(
    options: Augmentation, size: tuple[int, int, int], random: np.random.Generator
) -> Motion:
    """Draw how a crop of ``size`` voxels lies in the patient."""
    flips = random.random(3) < options.flip
    turned = random.random() < options.quarter_turns
    quarter = int(random.integers(1, 4)) if turned else 0
    matrix = np.diag(np.where(flips, -1.0, 1.0)) @ _rotation(2, quarter * np.pi / 2).round()
    if options.rotation:
        for axis, degrees in enumerate(random.normal(0, options.rotation, 3).clip(-45, 45)):
            matrix = matrix @ _rotation(axis, np.deg2rad(degrees))
    if options.scale:
        matrix = matrix * random.uniform(1 - options.scale, 1 + options.scale)
    displacement = _displacement(options.elastic, size, random) if options.elastic else None
    return Motion(matrix, bool(flips.sum() % 2), displacement)


def _rotation(axis: int, angle: float) -> npt.NDArray[np.float64]:
    matrix = np.eye(3)
    one, other = [a for a in range(3) if a != axis]
    matrix[one, one] = matrix[other, other] = np.cos(angle)
    matrix[one, other], matrix[other, one] = -np.sin(angle), np.sin(angle)
    return matrix


def _displacement(
    deviation: float, size: tuple[int, int, int], random: np.random.Generator
) -> npt.NDArray[np.float32]:
    knots = torch.from_numpy(random.normal(0, deviation, (1, 3, KNOTS, KNOTS, KNOTS))).float()
    smooth = F.interpolate(knots, size, mode="trilinear", align_corners=True)
    field: npt.NDArray[np.float32] = smooth[0].permute(1, 2, 3, 0).numpy()
    return field


def change_intensity(image: Tensor, options: Augmentation, random: np.random.Generator) -> Tensor:
    """Change contrast, brightness and noise of ``(channel, x, y, z)``; each channel on its own."""
    shape = (len(image), 1, 1, 1)
    changed = random.random(2) < options.intensity_probability
    scale = 1 + changed[0] * random.uniform(-1, 1, shape) * options.intensity_scale
    shift = changed[1] * random.uniform(-1, 1, shape) * options.intensity_shift
    image = image * torch.from_numpy(scale).float() + torch.from_numpy(shift).float()
    if random.random() < options.noise_probability:
        noise = random.standard_normal(tuple(image.shape), dtype=np.float32)
        image = image + torch.from_numpy(noise) * float(random.uniform(0, options.noise))
    return image


def mirror_order(
    names: Sequence[str], pairs: Sequence[tuple[str, str]] | None = None
) -> tuple[int, ...]:
    """For each structure, which one is in its place in a left-right mirror image.

    Args:
        names: Of the structures.
        pairs: Which change places; None takes those whose names differ in left and right (or L
            and R) only, but for those of the heart.

    Raises:
        VoCoError: If a pair names a structure that is not there, or one is in two pairs.
    """
    lower = [name.casefold() for name in names]
    if pairs is None:
        pairs = [
            (name, other)
            for name in lower
            if not HEART.search(name) and (other := _other_side(name)) != name and other in lower
        ]
    order = list(range(len(names)))
    for one, other in pairs:
        for name in (one, other):
            if name.casefold() not in lower:
                raise VoCoError(
                    f"augmentation.pairs names {name}, which is not among {', '.join(names)}."
                )
        a, b = lower.index(one.casefold()), lower.index(other.casefold())
        order[a], order[b] = b, a
    if sorted(order) != list(range(len(names))):
        raise VoCoError("augmentation.pairs names a structure in two pairs: leave it in one.")
    return tuple(order)


def _other_side(name: str) -> str:
    return SIDES.sub(lambda match: OTHER[match[0]], name)
