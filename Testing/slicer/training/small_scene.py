"""Volumes and segmentations whose every voxel is known, on any grid."""

from collections.abc import Mapping, Sequence

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk

Matrix = NDArray[np.float64]

SIZE = (12, 10, 9)


def rotation() -> Matrix:
    a, b, c = 0.31, -0.22, 0.4
    about_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    about_y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    about_z = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    return np.array(about_x) @ about_y @ about_z


DIRECTIONS = {
    "RAS": np.eye(3),
    "LPS": np.diag([-1.0, -1.0, 1.0]),
    "left-handed": np.diag([-1.0, 1.0, 1.0]),
    "permuted": np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    "oblique": rotation(),
    "oblique, left-handed": rotation() @ np.diag([1.0, 1.0, -1.0]),
}
"""The axes of voxels in RAS."""


def grid(
    direction: Matrix = DIRECTIONS["LPS"],
    spacing: Sequence[float] = (2.0, 2.5, 3.0),
    size: Sequence[int] = SIZE,
    center: Sequence[float] = (-7.0, 11.0, 23.0),
) -> Matrix:
    """From voxel indices to RAS in mm: a grid around a place."""
    matrix = np.eye(4)
    matrix[:3, :3] = direction * spacing
    matrix[:3, 3] = center - matrix[:3, :3] @ ((np.array(size) - 1) / 2)
    return matrix


def places(matrix: Matrix, size: Sequence[int] = SIZE) -> Matrix:
    """The place of every voxel ``(i, j, k, 3)`` in RAS in mm."""
    indices = np.stack(np.meshgrid(*map(np.arange, size), indexing="ij"), axis=-1)
    return indices @ matrix[:3, :3].T + matrix[:3, 3]


def ball(matrix: Matrix, center: Sequence[float], radius: float, size: Sequence[int] = SIZE):
    """The voxels whose centres lie in a ball."""
    return np.square(places(matrix, size) - center).sum(-1) <= radius**2


def image_data(values: NDArray, into: vtk.vtkImageData) -> vtk.vtkImageData:
    into.SetExtent(*(edge for side in values.shape for edge in (0, side - 1)))
    into.GetPointData().SetScalars(numpy_to_vtk(values.ravel(order="F"), deep=True))
    return into


def vtk_matrix(matrix: Matrix) -> vtk.vtkMatrix4x4:
    made = vtk.vtkMatrix4x4()
    made.DeepCopy(matrix.ravel().tolist())
    return made


def add_volume(
    scene, matrix: Matrix, name: str = "CT", size: Sequence[int] = SIZE, seed: int = 0
) -> slicer.vtkMRMLScalarVolumeNode:
    """A volume of random HU."""
    values = np.random.default_rng(seed).integers(-1000, 1500, size, dtype=np.int16)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetIJKToRASMatrix(vtk_matrix(matrix))
    node.SetAndObserveImageData(image_data(values, vtk.vtkImageData()))
    return node


def add_segmentation(
    scene, volume, matrix: Matrix, masks: Mapping[str, NDArray], name: str = "Segmentation"
) -> slicer.vtkMRMLSegmentationNode:
    """A segmentation made on a volume, with a segment for each mask."""
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    if volume is not None:
        node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for segment_name, mask in masks.items():
        add_segment(node, segment_name, matrix, mask)
    return node


def add_segment(node, name: str, matrix: Matrix, mask: NDArray, terminology: str = "") -> None:
    labelmap = image_data(mask.astype(np.uint8), slicer.vtkOrientedImageData())
    labelmap.SetGeometryFromImageToWorldMatrix(vtk_matrix(matrix))
    segment = slicer.vtkSegment()
    segment.SetName(name)
    segment.AddRepresentation("Binary labelmap", labelmap)
    if terminology:
        segment.SetTerminology(terminology)
    node.GetSegmentation().AddSegment(segment)


def put_under(node, matrix: Matrix) -> None:
    """Put a node under a linear transform."""
    transform = node.GetScene().AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(vtk_matrix(matrix))
    node.SetAndObserveTransformNodeID(transform.GetID())


def entry(code: str, meaning: str, side: str = "^^", region: str = "^^") -> str:
    """A terminology entry of an anatomical structure."""
    return (
        f"Some list~SCT^123037004^Anatomical Structure~SCT^{code}^{meaning}~{side}~"
        f"Another list~{region}~^^"
    )
