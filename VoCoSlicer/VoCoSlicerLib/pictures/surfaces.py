"""The closed surfaces of segments, and a picture of them drawn without a graphics library."""

from collections.abc import Iterator

import numpy as np
import slicer
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from VoCoSlicerLib.scene.labelmaps import segments

TO_VIEWER = np.array([0.0, 1.0, 0.0])
"""Direction from the patient to the viewer in RAS."""

LIGHT = np.array([0.5, 1.0, 0.6])
"""Direction to the light in RAS: from the upper left of the picture."""


def segment_surface(segment: slicer.vtkSegment) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Read the closed surface of one segment.

    Args:
        segment: a segment with a closed surface, see `show_3d`.

    Returns:
        The vertices in RAS in mm, shape (vertices, 3), and the triangles as vertex numbers,
        counter-clockwise from outside, shape (triangles, 3); both empty for a segment without
        voxels.
    """
    surface = segment.GetRepresentation("Closed surface")
    if surface is None or surface.GetNumberOfPolys() == 0:
        return np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)
    vertices = vtk_to_numpy(surface.GetPoints().GetData()).astype(np.float64)
    triangles = vtk_to_numpy(surface.GetPolys().GetConnectivityArray())
    triangles = triangles.reshape(-1, 3).astype(np.int64)
    a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
    # Slicer turns surfaces inside out on a left-handed grid.
    enclosed = np.einsum("tx,tx->", a, np.cross(b, c))
    return vertices, triangles if enclosed > 0 else triangles[:, ::-1]


def draw_from_front(
    segmentation_node: slicer.vtkMRMLSegmentationNode,
    bounds: NDArray[np.float64],
    pixel: float,
) -> NDArray[np.float64]:
    """Draw all surfaces in the colours of their segments, as seen from the patient's front.

    A parallel projection with a depth buffer, filled with points spread densely over every
    triangle; light falls on normals interpolated between the vertices.

    Args:
        segmentation_node: a segmentation with closed surfaces.
        bounds: the lowest and the highest R, A and S in mm, shape (2, 3), of what is shown.
        pixel: the side of a pixel in mm.

    Returns:
        Red, green and blue, 0 to 1, on black, shape (S, R, 3), both axes ascending.
    """
    columns, _, rows = np.ceil(np.ptp(bounds, axis=0) / pixel).astype(int)
    picture = np.zeros((rows * columns, 3))
    nearest = np.full(rows * columns, -np.inf)
    for segment in segments(segmentation_node):
        color = np.array(segment.GetColor())
        for points, normals in _spread_points(*segment_surface(segment), pixel):
            place = np.floor((points - bounds[0]) / pixel).astype(int)
            column, row = place[:, 0], place[:, 2]
            inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
            pixels = (row * columns + column)[inside]
            front = points[inside, 1]
            visible = np.flatnonzero(front > nearest[pixels])
            visible = visible[np.argsort(front[visible])]
            nearest[pixels[visible]] = front[visible]
            picture[pixels[visible]] = _shade(color, normals[inside][visible])
    return picture.reshape(rows, columns, 3)


def _spread_points(
    vertices: NDArray[np.float64], triangles: NDArray[np.int64], spacing: float
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Points on the triangles that face the viewer, with normals, in batches.

    The points of a triangle are at most `spacing` apart in the picture.
    """
    a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
    face_normals = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], face_normals)
    edges = np.stack([b - a, c - b, a - c])[:, :, [0, 2]]
    steps = np.ceil(np.linalg.norm(edges, axis=2).max(axis=0) / spacing).astype(int)
    steps[face_normals @ TO_VIEWER <= 0] = 0
    for step in np.unique(steps[steps > 0]):
        weights = [(i, j, step - i - j) for i in range(step + 1) for j in range(step + 1 - i)]
        corners = triangles[steps == step]
        yield (
            (np.array(weights) / step @ vertices[corners]).reshape(-1, 3),
            (np.array(weights) / step @ normals[corners]).reshape(-1, 3),
        )


def _shade(color: NDArray[np.float64], normals: NDArray[np.float64]) -> NDArray[np.float64]:
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    light = LIGHT / np.linalg.norm(LIGHT)
    halfway = (light + TO_VIEWER) / np.linalg.norm(light + TO_VIEWER)
    diffuse = 0.25 + 0.8 * np.clip(normals @ light, 0, 1)
    shine = 0.25 * np.clip(normals @ halfway, 0, 1) ** 40
    return np.clip(diffuse[:, None] * color + shine[:, None], 0, 1)
