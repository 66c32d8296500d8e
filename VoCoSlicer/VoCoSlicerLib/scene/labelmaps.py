"""The binary label map of a segment as an array, and what can be measured on it."""

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy


def segment_mask(segment: slicer.vtkSegment) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Read the voxels of one segment.

    Args:
        segment: a segment with a binary label map, possibly shared with other segments.

    Returns:
        The mask (i, j, k), cropped to the extent that the label map covers, and the 4 x 4 matrix
        from its indices to RAS in mm.
    """
    labelmap = segment.GetRepresentation("Binary labelmap")
    extent = labelmap.GetExtent()
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    index_to_ras = np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])
    index_to_ras[:3, 3] += index_to_ras[:3, :3] @ np.array(extent[::2])
    shape = tuple(last - first + 1 for first, last in zip(extent[::2], extent[1::2], strict=True))
    if 0 in shape:
        return np.zeros(shape, dtype=np.bool_), index_to_ras
    labels = vtk_to_numpy(labelmap.GetPointData().GetScalars()).reshape(shape, order="F")
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
