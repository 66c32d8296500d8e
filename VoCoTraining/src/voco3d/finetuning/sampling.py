"""Where the voxels of a crop lie in a case, and what is there: geometry without files."""

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

Box = tuple[slice, slice, slice]
Vector = npt.NDArray[np.float64]

ROUNDING = 1e-3
"""Share of a voxel by which a point may be off."""

OUTSIDE = np.float32(-1)
"""Where no image has voxels, or parts of voxels."""


def crop_points(
    size: tuple[int, int, int],
    spacing: Vector,
    centre: Vector,
    matrix: Vector,
    case_spacing: Vector,
    displacement: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
    """Where each voxel of a crop lies, in voxels of a case: ``(x, y, z, 3)``.

    Args:
        size: Sides of the crop in voxels.
        spacing: Of the crop in mm.
        centre: Of the crop, in voxels of the case.
        matrix: ``(3, 3)``, from offsets in the crop, in mm, to offsets in the case, in mm.
        case_spacing: Of the case in mm.
        displacement: ``(x, y, z, 3)`` in mm, added.
    """
    axes = [
        (np.arange(n, dtype=np.float32) - (n - 1) / 2) * np.float32(s)
        for n, s in zip(size, spacing, strict=True)
    ]
    offsets = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    millimetres = offsets @ matrix.T.astype(np.float32)
    if displacement is not None:
        millimetres = millimetres + displacement
    return (centre + millimetres / case_spacing).astype(np.float32)


def onto_border(
    points: npt.NDArray[np.float32], shape: tuple[int, int, int], reach: Vector
) -> npt.NDArray[np.float32]:
    """Points that find the outermost voxels up to ``reach`` beyond them, and nothing further out.

    So an image ends in a crop as it does on the network's grid, whose last voxel may lie by half
    a voxel beyond the image.

    Args:
        points: ``(x, y, z, 3)`` in voxels of an image.
        shape: Voxels of the image.
        reach: Along x, y, z, in voxels of the image.
    """
    nearest = points.clip(0, np.array(shape, np.float32) - 1)
    near = np.abs(points - nearest) <= (reach + ROUNDING).astype(np.float32)
    return np.where(near, nearest, OUTSIDE)


def box_of(points: npt.NDArray[np.float32], shape: tuple[int, int, int]) -> Box:
    """The box of a case's voxels that an interpolation at ``points`` needs; never empty."""
    lowest, highest = torch.from_numpy(points).reshape(-1, 3).aminmax(dim=0)
    first = np.clip(lowest.floor().int().numpy(), 0, np.array(shape) - 1)
    last = np.clip(highest.floor().int().numpy() + 2, first + 1, shape)
    x, y, z = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    return (x, y, z)


def interpolate(image: npt.NDArray[np.float32], points: npt.NDArray[np.float32]) -> Tensor:
    """Trilinear interpolation of ``(channel, x, y, z)``; 0 outside.

    Args:
        image: Voxels.
        points: ``(x, y, z, 3)`` in voxels of the image.

    Returns:
        ``(channel, x, y, z)``.
    """
    size = torch.tensor(image.shape[1:])
    scaled = (torch.from_numpy(points) * (2 / (size + 1)) + (2 / (size + 1) - 1)).flip(-1)
    # One voxel of air around: a side of one voxel has no scale that grid_sample could use
    padded = F.pad(torch.from_numpy(image)[None], [1] * 6)
    return F.grid_sample(padded, scaled[None], align_corners=True)[0]


def interpolate_labelled(
    image: npt.NDArray[np.float32],
    labels: npt.NDArray[np.uint8],
    count: int,
    points: npt.NDArray[np.float32],
) -> tuple[Tensor, Tensor]:
    """Trilinear interpolation of an image and of the masks of its labels, in one pass.

    Args:
        image: ``(channel, x, y, z)``.
        labels: ``(x, y, z)``, values 0 to ``count``.
        count: Labels besides 0.
        points: ``(x, y, z, 3)`` in voxels; what lies outside is 0.

    Returns:
        The image ``(channel, x, y, z)``, and the share of each label ``(1 + count, x, y, z)``,
        which sums to 1.
    """
    present = np.unique(labels[labels > 0])
    masks = labels == present[:, None, None, None]
    values = interpolate(np.concatenate([image, masks], dtype=np.float32), points)
    shares = torch.zeros(1 + count, *points.shape[:3])
    shares[present.astype(np.int64)] = values[len(image) :]
    shares[0] = 1 - shares[1:].sum(dim=0)
    return values[: len(image)], shares
