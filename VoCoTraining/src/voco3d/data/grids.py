"""Grids over an image: of a spacing, of a size, and whether two images lie on one."""

from collections.abc import Sequence

import SimpleITK as sitk


def network_grid(image: sitk.Image, spacing: tuple[float, float, float]) -> sitk.Image:
    """The grid with ``spacing`` over a RAS-oriented image, sharing its first voxel's centre."""
    size = spaced_size(image.GetSize(), image.GetSpacing(), spacing)
    return _grid(size, spacing, image.GetOrigin(), image.GetDirection())


def spaced_size(
    size: Sequence[int], old: Sequence[float], new: Sequence[float]
) -> tuple[int, int, int]:
    """The size of a grid when its spacing changes.

    It is ``round((n - 1) * old / new + 1)`` an axis, as in MONAI's ``Spacing``.
    """
    x, y, z = (max(1, round((n - 1) * a / b + 1)) for n, a, b in zip(size, old, new, strict=True))
    return (x, y, z)


def sized_grid(image: sitk.Image, size: tuple[int, int, int]) -> sitk.Image:
    """The grid of ``size`` voxels whose outer borders are those of a RAS-oriented image."""
    shares = [n / new for n, new in zip(image.GetSize(), size, strict=True)]
    spacing = [share * old for share, old in zip(shares, image.GetSpacing(), strict=True)]
    first = [share / 2 - 0.5 for share in shares]
    origin = image.TransformContinuousIndexToPhysicalPoint(first)
    return _grid(size, spacing, origin, image.GetDirection())


def on_one_grid(one: sitk.Image, other: sitk.Image) -> bool:
    """Whether the voxels of two images lie at the same places, within a tenth of a voxel."""
    if one.GetSize() != other.GetSize():
        return False
    near = 0.1 * min(one.GetSpacing())
    last = [n - 1 for n in one.GetSize()]
    corners = [[last[axis] * (corner >> axis & 1) for axis in range(3)] for corner in range(8)]
    places = (
        [image.TransformIndexToPhysicalPoint(corner) for corner in corners]
        for image in (one, other)
    )
    return all(
        abs(a - b) <= near for pair in zip(*places, strict=True) for a, b in zip(*pair, strict=True)
    )


def _grid(
    size: tuple[int, ...] | list[int],
    spacing: tuple[float, ...] | list[float],
    origin: tuple[float, ...],
    direction: tuple[float, ...],
) -> sitk.Image:
    grid = sitk.Image(list(size), sitk.sitkUInt8)
    grid.SetSpacing(spacing)
    grid.SetOrigin(origin)
    grid.SetDirection(direction)
    return grid
