"""Directions of volumes."""

import SimpleITK as sitk


def turned(*angles: float) -> tuple[float, ...]:
    transform = sitk.Euler3DTransform()
    transform.SetRotation(*angles)
    return transform.GetMatrix()


DIRECTIONS = {
    "plain": (1, 0, 0, 0, 1, 0, 0, 0, 1),
    "oblique": turned(0.3, -0.2, 0.7),
    "flipped": (-1, 0, 0, 0, -1, 0, 0, 0, 1),
    "left-handed": (1, 0, 0, 0, 1, 0, 0, 0, -1),
    "sagittal": (0, 0, 1, 1, 0, 0, 0, 1, 0),
}
