"""Slow plain versions of the surface measures, for tiny volumes."""

from itertools import product

import numpy as np


def surface_voxels(mask: np.ndarray) -> list[tuple[int, int, int]]:
    """Voxels with a face neighbour outside the mask or outside the image."""

    def filled(voxel):
        inside = all(0 <= i < side for i, side in zip(voxel, mask.shape, strict=True))
        return inside and bool(mask[voxel])

    steps = [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]
    return [
        (x, y, z)
        for x, y, z in np.ndindex(mask.shape)
        if mask[x, y, z] and not all(filled((x + i, y + j, z + k)) for i, j, k in steps)
    ]


def hausdorff95(predicted: np.ndarray, reference: np.ndarray, spacing) -> float:
    one, other = (
        [np.multiply(voxel, spacing) for voxel in surface_voxels(mask)]
        for mask in (predicted, reference)
    )
    return max(
        np.percentile([min(np.linalg.norm(p - q) for q in there) for p in here], 95)
        for here, there in ((one, other), (other, one))
    )


def cuboid_surface(mask: np.ndarray, spacing) -> list[tuple[np.ndarray, float]]:
    """Place and area of the marching cubes surface of a cuboid in each cell of 8 voxel centres."""
    padded = np.pad(mask, 1)
    sides = np.asarray(spacing, float)
    pieces = []
    for corner in np.ndindex(*(side - 1 for side in padded.shape)):
        cell = padded[tuple(slice(i, i + 2) for i in corner)]
        inside = np.argwhere(cell)
        if len(inside) in (0, 8):
            continue
        shared = [axis for axis in range(3) if len(set(inside[:, axis])) == 2]
        if len(inside) == 1:  # a corner of the cuboid is cut off by a triangle
            x, y, z = np.diag(sides / 2)
            area = np.linalg.norm(np.cross(y - x, z - x)) / 2
        elif len(inside) == 2:  # an edge, by a rectangle
            area = sides[shared[0]] * np.linalg.norm(np.delete(sides, shared[0]) / 2)
        else:  # a face
            assert len(inside) == 4
            assert len(shared) == 2
            area = sides[shared].prod()
        pieces.append((np.multiply(corner, sides), area))
    return pieces


def cuboid_surface_dice(predicted, reference, spacing, tolerance: float) -> float:
    one, other = (cuboid_surface(mask, spacing) for mask in (predicted, reference))
    near = sum(
        area
        for here, there in ((one, other), (other, one))
        for place, area in here
        if min(np.linalg.norm(place - p) for p, _ in there) <= tolerance
    )
    return near / sum(area for _, area in one + other)


def cuboid(start, stop, shape=(6, 5, 4)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[tuple(map(slice, start, stop))] = True
    return mask


def cuboids(shape=(6, 5, 4)):
    """All voxel ranges of an axis, for three axes."""
    return [list(filter(lambda r: r[0] < r[1], product(range(n), range(1, n + 1)))) for n in shape]
