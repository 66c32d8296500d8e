"""The closed surface of one segment, in steps that stay short however large the structure is.

Slicer converts a whole label map at once: a second for a liver in a large CT, and the window
stands still meanwhile. Here its conversion gets the structure's own box. A structure too large for
that goes through the same filters slab by slab: a slab is smoothed together with some slices of
its neighbours, which are not kept, so that the slabs fit together.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy

from VoCoSlicerLib.scene.geometry import Matrix, as_matrix
from VoCoSlicerLib.scene.labelmaps import labelmap_array, matrix_of
from VoCoSlicerLib.scene.steps import Steps

LABELMAP = "Binary labelmap"
SURFACE = "Closed surface"

SCANNED = 4 * 2**20
"""Voxels looked at in a step: some milliseconds."""

SHORT = 15_000
"""Faces of voxels on a structure's border that Slicer converts in one short step."""

SLAB = 10_000
"""Faces that a slab of several layers has at most, without its margins."""

MARGIN = 6
"""Layers of each neighbour that a slab is smoothed with."""

AS_USUAL = {"Decimation factor": 0, "Conversion method": 0, "Joint smoothing": 0}
"""Settings of Slicer's conversion with which slabs give the same as the whole."""


def making_surface(
    labelmap: slicer.vtkOrientedImageData, label: int, segmentation: slicer.vtkSegmentation
) -> Steps[vtk.vtkPolyData]:
    """Make the closed surface of the voxels with a label, as Slicer does.

    Args:
        labelmap: Labels on a grid.
        label: The label.
        segmentation: Has the settings of the conversion.

    Returns:
        The surface in the coordinates that the label map is in; empty without such voxels.
    """
    structure = yield from _cutting_out(labelmap, label)
    faces = yield from _counting_faces(structure)
    if (faces.sum() <= SHORT and structure.voxels.size <= SCANNED) or not _as_usual(segmentation):
        return _converted(segmentation, structure)
    return (yield from _joining_slabs(segmentation, structure, faces))


@dataclass(frozen=True)
class _Structure:
    """The voxels of a segment in their own box, with a rim of 0.

    Attributes:
        voxels: 0 or 1, ``(k, j, i)``.
        index_to_world: From indices (i, j, k) to RAS in mm.
    """

    voxels: NDArray[np.uint8]
    index_to_world: Matrix

    def slices(self, first: int, last: int) -> "_Structure":
        """The slices from ``first`` to ``last``, both included."""
        matrix = self.index_to_world.copy()
        matrix[:3, 3] += first * matrix[:3, 2]
        return _Structure(self.voxels[first : last + 1], matrix)

    def image(self) -> slicer.vtkOrientedImageData:
        """The same as a label map."""
        image = slicer.vtkOrientedImageData()
        image.SetDimensions(self.voxels.shape[::-1])
        image.GetPointData().SetScalars(numpy_to_vtk(self.voxels.ravel(), deep=True))
        image.SetImageToWorldMatrix(as_matrix(self.index_to_world))
        return image


def _cutting_out(labelmap: slicer.vtkOrientedImageData, label: int) -> Steps[_Structure]:
    labels, start = labelmap_array(labelmap)
    labels = labels.T  # (k, j, i), as it lies in memory
    there = [np.zeros(side, dtype=bool) for side in labels.shape]
    for few in _few_slices(labels):
        mask = labels[few] == label
        there[0][few] = mask.any(axis=(1, 2))
        there[1] |= mask.any(axis=(0, 2))
        there[2] |= mask.any(axis=(0, 1))
        yield 0.0
    ends = [(0, 0)] * 3
    if any(axis.any() for axis in there):
        ends = [(int(axis.argmax()), len(axis) - int(axis[::-1].argmax())) for axis in there]
    box = labels[tuple(slice(*end) for end in ends)]
    voxels = np.zeros([side + 2 for side in box.shape], dtype=np.uint8)
    inner = voxels[1:-1, 1:-1, 1:-1]
    for few in _few_slices(box):
        inner[few] = box[few] == label
        yield 0.0
    matrix = matrix_of(labelmap)
    first = np.array(start) + [low - 1 for low, _ in reversed(ends)]
    matrix[:3, 3] += matrix[:3, :3] @ first
    return _Structure(voxels, matrix)


def _few_slices(voxels: NDArray[np.integer]) -> Iterator[slice]:
    """All slices of an array, so many at a time that a step is short."""
    number = max(1, SCANNED // max(1, voxels[:1].size))
    for first in range(0, len(voxels), number):
        yield slice(first, first + number)


def _counting_faces(structure: _Structure) -> Steps[NDArray[np.int64]]:
    """Faces between the structure and what is around it, a layer (slice k to k + 1)."""
    voxels = structure.voxels
    faces = np.zeros(len(voxels) - 1, dtype=np.int64)
    for few in _few_slices(voxels[:-1]):
        own, above = voxels[few][: len(faces[few])], voxels[1:][few]
        for a, b in ((own, above), (own[:, 1:], own[:, :-1]), (own[..., 1:], own[..., :-1])):
            faces[few] += np.count_nonzero(a != b, axis=(1, 2))
        yield 0.0
    return faces


def _as_usual(segmentation: slicer.vtkSegmentation) -> bool:
    return all(
        float(segmentation.GetConversionParameter(name) or 0) == value
        for name, value in AS_USUAL.items()
    )


def _converted(segmentation: slicer.vtkSegmentation, structure: _Structure) -> vtk.vtkPolyData:
    """What Slicer makes of a structure."""
    alone = slicer.vtkSegmentation()
    alone.SetSourceRepresentationName(LABELMAP)
    alone.CopyConversionParameters(segmentation)
    segment = slicer.vtkSegment()
    segment.SetLabelValue(1)
    segment.AddRepresentation(LABELMAP, structure.image())
    alone.AddSegment(segment, "alone")
    alone.CreateRepresentation(SURFACE)
    return segment.GetRepresentation(SURFACE)


def _joining_slabs(
    segmentation: slicer.vtkSegmentation, structure: _Structure, faces: NDArray[np.int64]
) -> Steps[vtk.vtkPolyData]:
    smoothing = float(segmentation.GetConversionParameter("Smoothing factor"))
    normals = float(segmentation.GetConversionParameter("Compute surface normals")) != 0
    joined = _Joined(normals)
    for first, last in _slabs(faces):
        low = max(0, first - MARGIN)
        part = structure.slices(low, last + 1 + MARGIN)
        raw = _raw_surface(part)
        smooth = _smoothed(raw, smoothing, part.index_to_world, normals)
        joined.add(raw, smooth, low, first, last)
        yield (last + 1) / len(faces)
    return joined.surface()


def _slabs(faces: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """First and last layer of slabs with few faces, one layer at least."""
    first, inside = 0, 0
    for layer, number in enumerate(faces):
        if layer > first and inside + number > SLAB:
            yield first, layer - 1
            first, inside = layer, 0
        inside += int(number)
    yield first, len(faces) - 1


def _raw_surface(part: _Structure) -> vtk.vtkPolyData:
    """The surface between voxel centres, in indices of the part."""
    image = vtk.vtkImageData()
    image.SetDimensions(part.voxels.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(part.voxels.ravel(), deep=True))
    edges = vtk.vtkDiscreteFlyingEdges3D()
    edges.SetInputData(image)
    edges.GenerateValues(1, 1, 1)
    edges.ComputeGradientsOff()
    edges.ComputeNormalsOff()
    edges.ComputeScalarsOff()
    edges.Update()
    return edges.GetOutput()


def _smoothed(
    raw: vtk.vtkPolyData, smoothing: float, index_to_world: Matrix, normals: bool
) -> vtk.vtkPolyData:
    """The surface as Slicer smooths it, in the world; points and triangles keep their order."""
    place = vtk.vtkTransform()
    place.SetMatrix(as_matrix(index_to_world))
    placed = vtk.vtkTransformPolyDataFilter()
    placed.SetTransform(place)
    placed.SetInputData(raw)
    if smoothing > 0:
        smooth = vtk.vtkWindowedSincPolyDataFilter()
        smooth.SetInputData(raw)
        smooth.SetNumberOfIterations(round(20 + 40 * smoothing))
        smooth.SetPassBand(10 ** (-4 * smoothing))
        smooth.BoundarySmoothingOff()
        smooth.FeatureEdgeSmoothingOff()
        smooth.NonManifoldSmoothingOn()
        smooth.NormalizeCoordinatesOn()
        placed.SetInputConnection(smooth.GetOutputPort())
    last = placed
    if normals:
        last = vtk.vtkPolyDataNormals()
        last.SetInputConnection(placed.GetOutputPort())
        last.ConsistencyOff()
        last.SplittingOff()
    last.Update()
    return last.GetOutput()


class _Joined:
    """A surface that grows slab by slab."""

    def __init__(self, normals: bool) -> None:
        self._normals = normals
        self._points: list[NDArray[np.float32]] = []
        self._directions: list[NDArray[np.float32]] = []
        self._triangles: list[NDArray[np.int64]] = []
        self._count = 0
        self._seam = np.zeros(0, dtype=np.int64)
        self._seam_numbers = np.zeros(0, dtype=np.int64)

    def add(
        self, raw: vtk.vtkPolyData, smooth: vtk.vtkPolyData, low: int, first: int, last: int
    ) -> None:
        """Take the layers from ``first`` to ``last`` of a surface whose first slice is ``low``.

        A point on the slice between two slabs is taken once: both know it by where it was before
        it was smoothed.
        """
        if raw.GetNumberOfPolys() == 0:
            return
        before = vtk_to_numpy(raw.GetPoints().GetData())
        triangles = _triangles(smooth)
        layers = np.floor(before[triangles, 2].mean(axis=1)).astype(np.int64) + low
        own = triangles[(layers >= first) & (layers <= last)]
        used, corners = np.unique(own, return_inverse=True)
        names = _names(before[used], low)
        numbers = np.full(len(used), -1)
        if len(self._seam):
            at = np.searchsorted(self._seam, names).clip(max=len(self._seam) - 1)
            known = self._seam[at] == names
            numbers[known] = self._seam_numbers[at[known]]
        new = numbers < 0
        numbers[new] = self._count + np.arange(new.sum())
        self._count += int(new.sum())
        self._points.append(vtk_to_numpy(smooth.GetPoints().GetData())[used[new]])
        if self._normals:
            directions = vtk_to_numpy(smooth.GetPointData().GetNormals())
            self._directions.append(directions[used[new]])
        self._triangles.append(numbers[corners.reshape(own.shape)])
        seam = before[used, 2] + low == last + 1
        order = np.argsort(names[seam])
        self._seam, self._seam_numbers = names[seam][order], numbers[seam][order]

    def surface(self) -> vtk.vtkPolyData:
        """All that was taken."""
        surface = vtk.vtkPolyData()
        points = vtk.vtkPoints()
        points.SetData(numpy_to_vtk(np.concatenate(self._points), deep=True))
        surface.SetPoints(points)
        corners = np.concatenate(self._triangles).ravel()
        offsets = np.arange(0, len(corners) + 1, 3)
        cells = vtk.vtkCellArray()
        cells.SetData(
            numpy_to_vtkIdTypeArray(offsets, deep=True), numpy_to_vtkIdTypeArray(corners, deep=True)
        )
        surface.SetPolys(cells)
        if self._normals:
            normals = numpy_to_vtk(np.concatenate(self._directions), deep=True)
            normals.SetName("Normals")
            surface.GetPointData().SetNormals(normals)
        return surface


def _triangles(surface: vtk.vtkPolyData) -> NDArray[np.int64]:
    return vtk_to_numpy(surface.GetPolys().GetConnectivityArray()).reshape(-1, 3).astype(np.int64)


def _names(points: NDArray[np.float32], low: int) -> NDArray[np.int64]:
    """A number for each point of a raw surface (multiples of a half), the same in every slab."""
    twice = np.rint(points * 2).astype(np.int64)
    twice[:, 2] += 2 * low
    return (twice[:, 2] << 42) | (twice[:, 1] << 21) | twice[:, 0]
