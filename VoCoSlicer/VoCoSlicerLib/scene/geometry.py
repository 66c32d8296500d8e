"""Where the voxels of a volume or a label map lie: 4 x 4 matrices from indices to mm."""

from collections.abc import Sequence

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.texts import tr as _

Matrix = NDArray[np.float64]

RAS_TO_LPS: Matrix = np.diag([-1.0, -1.0, 1.0, 1.0])

SQUARE = 1e-3
"""Cosine up to which two axes count as perpendicular: 0.06 degrees."""


def as_array(matrix: vtk.vtkMatrix4x4) -> Matrix:
    """The elements of a VTK matrix."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def as_matrix(array: Matrix) -> vtk.vtkMatrix4x4:
    """A VTK matrix with these elements."""
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(array.ravel().tolist())
    return matrix


def box_pose(axes: Matrix, centre: Sequence[float]) -> Matrix:
    """The 4 x 4 matrix from a box's own coordinates in mm to RAS.

    Mirrored axes are turned right-handed, which leaves a box the same.

    Args:
        axes: Unit vectors along the sides in RAS, one a row, ``(3, 3)``.
        centre: RAS mm.
    """
    matrix = np.eye(4)
    matrix[:3, :3] = np.transpose(axes)
    if np.linalg.det(matrix[:3, :3]) < 0:
        matrix[:3, 2] *= -1
    matrix[:3, 3] = centre
    return matrix


def volume_bounds(volume_node: slicer.vtkMRMLScalarVolumeNode) -> Matrix:
    """Find the box around a volume.

    Returns:
        The lowest and the highest R, A and S in mm, shape (2, 3).
    """
    bounds = [0.0] * 6
    volume_node.GetRASBounds(bounds)
    return np.reshape(bounds, (3, 2)).T


def to_world(node: slicer.vtkMRMLTransformableNode) -> Matrix:
    """The matrix from a node's own coordinates to the world, both RAS in mm.

    Raises:
        VoCoSlicerError: A transform above the node is not linear.
    """
    matrix = vtk.vtkMatrix4x4()
    if not slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(
        node.GetParentTransformNode(), None, matrix
    ):
        raise VoCoSlicerError(
            _(
                "{name} is under a transform that is not linear: harden the transform "
                "(Transforms module) or take the node out of it."
            ).format(name=node.GetName())
        )
    return as_array(matrix)


def index_to_ras(volume_node: slicer.vtkMRMLVolumeNode) -> Matrix:
    """The matrix from a volume's voxel indices to its own RAS coordinates, without transform."""
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    return as_array(matrix)


def index_to_world(volume_node: slicer.vtkMRMLVolumeNode) -> Matrix:
    """The matrix from a volume's voxel indices to RAS in the world.

    Raises:
        VoCoSlicerError: A transform above the volume is not linear.
    """
    return to_world(volume_node) @ index_to_ras(volume_node)


def is_grid(matrix: Matrix) -> bool:
    """Whether a matrix's axes are perpendicular and none is of length 0 (mirrored ones pass)."""
    axes = matrix[:3, :3]
    with np.errstate(invalid="ignore"):  # an axis of length 0 has no direction: not a number
        directions = axes / np.linalg.norm(axes, axis=0)
    cosines = directions.T @ directions
    return bool(np.abs(cosines - np.eye(3)).max() <= SQUARE)
