"""The binary label map of a segment as an array, and what can be measured on it."""

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from VoCoSlicerLib.scene.geometry import Matrix, as_array


def labelmap_array(
    labelmap: slicer.vtkOrientedImageData,
) -> tuple[NDArray[np.integer], tuple[int, int, int]]:
    """The voxels of a label map (i, j, k), as a view, and the index of the first of them."""
    extent = labelmap.GetExtent()
    shape = tuple(last - first + 1 for first, last in zip(extent[::2], extent[1::2], strict=True))
    start = (extent[0], extent[2], extent[4])
    if min(shape) < 1:
        return np.zeros((0, 0, 0), dtype=np.uint8), start
    scalars = labelmap.GetPointData().GetScalars()
    return vtk_to_numpy(scalars).reshape(shape, order="F"), start


def matrix_of(labelmap: slicer.vtkOrientedImageData) -> Matrix:
    """The matrix from a label map's indices, as its extent counts them, to RAS in mm."""
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    return as_array(matrix)


def segment_mask(segment: slicer.vtkSegment) -> tuple[NDArray[np.bool_], Matrix]:
    """Read the voxels of one segment.

    Args:
        segment: a segment with a binary label map, possibly shared with other segments.

    Returns:
        The mask (i, j, k), cropped to the extent that the label map covers, and the 4 x 4 matrix
        from its indices to RAS in mm.
    """
    labelmap = segment.GetRepresentation("Binary labelmap")
    labels, start = labelmap_array(labelmap)
    index_to_ras = matrix_of(labelmap)
    index_to_ras[:3, 3] += index_to_ras[:3, :3] @ np.array(start)
    return labels == segment.GetLabelValue(), index_to_ras


def segments(segmentation_node: slicer.vtkMRMLSegmentationNode) -> list[slicer.vtkSegment]:
    """List the segments of a segmentation, in their order."""
    segmentation = segmentation_node.GetSegmentation()
    return [segmentation.GetNthSegment(n) for n in range(segmentation.GetNumberOfSegments())]


def segment_volumes(segmentation_node: slicer.vtkMRMLSegmentationNode) -> dict[str, float]:
    """Measure the volume of each structure: voxel count times voxel size.

    Returns:
        Millilitres by segment name; 0 for a structure without voxels.
    """
    volumes = {}
    for segment in segments(segmentation_node):
        mask, index_to_ras = segment_mask(segment)
        voxel_volume = abs(np.linalg.det(index_to_ras[:3, :3]))
        volumes[segment.GetName()] = float(mask.sum() * voxel_volume / 1000)
    return volumes
