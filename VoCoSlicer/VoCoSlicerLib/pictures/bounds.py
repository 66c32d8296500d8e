"""The boxes, in RAS, around what a node of the scene shows."""

import numpy as np
import slicer
from numpy.typing import NDArray

from VoCoSlicerLib.pictures.surfaces import segment_surface
from VoCoSlicerLib.scene.labelmaps import segments


def surface_boxes(segmentation_node: slicer.vtkMRMLSegmentationNode) -> NDArray[np.float64]:
    """Find the box around each surface of a segmentation, without the empty ones.

    Returns:
        The lowest and the highest R, A and S in mm, shape (surfaces, 2, 3).
    """
    surfaces = [segment_surface(segment)[0] for segment in segments(segmentation_node)]
    boxes = [[v.min(axis=0), v.max(axis=0)] for v in surfaces if len(v)]
    return np.array(boxes).reshape(-1, 2, 3)


def enclose(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find the box around one box or more, shape (boxes, 2, 3) to (2, 3)."""
    return np.stack([boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)])


def crossing_point(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find the point whose axial, coronal and sagittal slices cross the most boxes.

    Args:
        boxes: one box or more, shape (boxes, 2, 3).

    Returns:
        The point (R, A, S) in mm; on each axis the middle of the longest stretch that lies in
        the most boxes, without the outer tenths of each: they are grazed, not crossed.
    """
    sizes = np.ptp(boxes, axis=1)
    boxes = np.stack([boxes[:, 0] + sizes / 10, boxes[:, 1] - sizes / 10], axis=1)
    point = np.zeros(3)
    for axis in range(3):
        ends = np.unique(boxes[:, :, axis])
        middles, lengths = (ends[1:] + ends[:-1]) / 2, np.diff(ends)
        low, high = boxes[:, 0, axis], boxes[:, 1, axis]
        crossed = ((low[:, None] <= middles) & (middles <= high[:, None])).sum(axis=0)
        point[axis] = middles[np.lexsort((lengths, crossed))[-1]]
    return point
