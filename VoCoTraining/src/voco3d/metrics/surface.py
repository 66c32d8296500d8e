"""How far the surfaces of two masks lie apart, in mm.

Both measures are MONAI's: SimpleITK has the maximal Hausdorff distance only, no percentile and no
surface Dice.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from monai.metrics import compute_hausdorff_distance, compute_surface_dice

Mask: TypeAlias = npt.NDArray[np.bool_]
Box: TypeAlias = tuple[slice, ...]

ROUNDING = 1e-3
"""mm by which a distance may exceed the tolerance: voxel sizes are stored in single precision, so
that three voxels of 1 mm can measure 3.0000004 mm."""


def joint_box(predicted: Mask, reference: Mask) -> Box | None:
    """The smallest box that holds both masks.

    Args:
        predicted: ``(x, y, z)``.
        reference: ``(x, y, z)``.

    Returns:
        A slice an axis, or None where both are empty.
    """
    box = []
    for axis in range(predicted.ndim):
        others = tuple(a for a in range(predicted.ndim) if a != axis)
        filled = np.flatnonzero(predicted.any(axis=others) | reference.any(axis=others))
        if not filled.size:
            return None
        box.append(slice(int(filled[0]), int(filled[-1]) + 1))
    return tuple(box)


def hausdorff95(predicted: Mask, reference: Mask, spacing: Sequence[float]) -> float:
    """95 % Hausdorff distance: the larger of the two directed 95th percentiles.

    The surface of a mask are its voxels with a face neighbour outside it, or at the border of the
    image; distances lie between their centres. Percentiles are interpolated linearly.

    Args:
        predicted: ``(x, y, z)``.
        reference: ``(x, y, z)``.
        spacing: Voxel size along x, y, z in mm.

    Returns:
        mm; infinite where one mask is empty, NaN where both are.
    """
    absent = _where_absent(predicted, reference, one=np.inf)
    if absent is not None:
        return absent
    distance = compute_hausdorff_distance(
        _batch(predicted),
        _batch(reference),
        include_background=True,
        percentile=95,
        spacing=list(spacing),
    )
    return float(distance)


def surface_dice(
    predicted: Mask, reference: Mask, spacing: Sequence[float], tolerance: float
) -> float:
    """Share of both surfaces that lies within a tolerance of the other one.

    Surfaces consist of the triangles that marching cubes draws between voxel centres, each with
    its area in mm2, so that long voxels count for what they are (Nikolov et al. 2021, "Clinically
    applicable segmentation of head and neck anatomy for radiotherapy").

    Args:
        predicted: ``(x, y, z)``.
        reference: ``(x, y, z)``.
        spacing: Voxel size along x, y, z in mm.
        tolerance: mm.

    Returns:
        0..1; 0 where one mask is empty, NaN where both are.
    """
    absent = _where_absent(predicted, reference, one=0.0)
    if absent is not None:
        return absent
    share = compute_surface_dice(
        _batch(predicted),
        _batch(reference),
        class_thresholds=[tolerance + ROUNDING],
        include_background=True,
        spacing=list(spacing),
        use_subvoxels=True,
    )
    return float(share)


def _where_absent(predicted: Mask, reference: Mask, one: float) -> float | None:
    """The value where one or both masks are empty; None where neither is."""
    present = predicted.any(), reference.any()
    if all(present):
        return None
    return one if any(present) else float("nan")


def _batch(mask: Mask) -> torch.Tensor:
    """``(1, 1, x, y, z)`` of the mask."""
    return torch.from_numpy(np.ascontiguousarray(mask))[None, None]
