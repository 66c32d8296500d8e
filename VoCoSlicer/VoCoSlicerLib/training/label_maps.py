"""The segments of a segmentation as one label map on a volume's own grid."""

from collections.abc import Iterator, Mapping

import numpy as np
import slicer
from numpy.typing import NDArray
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.geometry import Matrix, as_matrix, index_to_world, to_world
from VoCoSlicerLib.scene.labelmaps import segment_mask
from VoCoSlicerLib.scene.steps import Steps

Labels = NDArray[np.uint8]

BINARY = "Binary labelmap"

TIE = 1e-6
"""Voxels; a place midway between two voxels is taken to the same side along a whole face."""


def drawing(
    segmentation_node: slicer.vtkMRMLSegmentationNode,
    labels: Mapping[str, int],
    volume_node: slicer.vtkMRMLScalarVolumeNode,
) -> Steps[Labels]:
    """Draw segments on the grid of a volume, in short steps.

    A voxel gets the label of the segment in which its centre lies: that of the nearest voxel where
    the segment has another grid or another transform.

    Args:
        segmentation_node: The segments; what is no label map yet is made one on the volume's grid.
        labels: The label of each segment, by its ID.
        volume_node: Gives the grid.

    Returns:
        The labels (i, j, k), 0 outside all segments.

    Raises:
        VoCoSlicerError: Two segments overlap, all of them lie outside the volume, or a transform
            is not linear.
    """
    size = volume_node.GetImageData().GetDimensions()
    world = index_to_world(volume_node)
    segmentation = _with_label_maps(segmentation_node, volume_node)
    own_to_world = to_world(segmentation_node)
    drawn = np.zeros(size, dtype=np.uint8, order="F")
    is_empty = True
    for number, (segment_id, label) in enumerate(labels.items()):
        mask, own = _cropped(*segment_mask(segmentation.GetSegment(segment_id)))
        yield number / len(labels)
        if mask.size == 0:
            continue
        is_empty = False
        to_mask = np.linalg.inv(own_to_world @ own) @ world
        for part, inside in _slices(mask, to_mask, size):
            taken = drawn[part]
            other = taken[inside & (taken != 0)]
            if other.size:
                raise _overlap(segmentation_node, labels, segment_id, int(other[0]))
            taken[inside] = label
            yield (number + 0.5) / len(labels)
    if not is_empty and not drawn.any():
        raise VoCoSlicerError(
            _(
                "{segmentation} lies outside {volume}: choose the segmentation of this volume."
            ).format(segmentation=segmentation_node.GetName(), volume=volume_node.GetName())
        )
    return drawn


def _with_label_maps(
    node: slicer.vtkMRMLSegmentationNode, volume_node: slicer.vtkMRMLScalarVolumeNode
) -> slicer.vtkSegmentation:
    """The segmentation, or a copy with label maps where it only has surfaces or contours."""
    segmentation = node.GetSegmentation()
    if segmentation.ContainsRepresentation(BINARY):
        return segmentation
    copy = slicer.vtkSegmentation()
    copy.DeepCopy(segmentation)
    grid = np.linalg.inv(to_world(node)) @ index_to_world(volume_node)
    copy.SetConversionParameter(
        slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName(),
        slicer.vtkSegmentationConverter.SerializeImageGeometry(
            as_matrix(grid), volume_node.GetImageData()
        ),
    )
    if not copy.CreateRepresentation(BINARY):
        raise VoCoSlicerError(
            _("{node} cannot be made a label map: look at it in the Segmentations module.").format(
                node=node.GetName()
            )
        )
    return copy


def _cropped(mask: NDArray[np.bool_], to_ras: Matrix) -> tuple[NDArray[np.bool_], Matrix]:
    """The part of a mask that holds all of its voxels, and its matrix."""
    box = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        places = np.flatnonzero(mask.any(axis=others))
        box.append(slice(places[0], places[-1] + 1) if len(places) else slice(0, 0))
    to_ras = to_ras.copy()
    to_ras[:3, 3] += to_ras[:3, :3] @ [side.start for side in box]
    return mask[tuple(box)], to_ras


def _slices(
    mask: NDArray[np.bool_], to_mask: Matrix, size: tuple[int, int, int]
) -> Iterator[tuple[tuple[slice, slice, int], NDArray[np.bool_]]]:
    """Where a mask is in a grid, slice by slice: the part of the slice, and the mask in it.

    Args:
        mask: The voxels of a segment.
        to_mask: From indices of the grid to indices of the mask.
        size: Of the grid.
    """
    ends = np.array([[-0.5, side - 0.5] for side in mask.shape])
    corners = np.array(np.meshgrid(*ends, [1.0])).reshape(4, -1)
    places: NDArray[np.float64] = (np.linalg.inv(to_mask) @ corners)[:3]
    first = np.maximum(np.floor(places.min(axis=1)).astype(int), 0)
    last = np.minimum(np.ceil(places.max(axis=1)).astype(int) + 1, size)
    if (first >= last).any():
        return
    i, j = (np.arange(first[axis], last[axis]) for axis in (0, 1))
    for k in range(first[2], last[2]):
        nearest = []
        is_inside: NDArray[np.bool_] = np.ones((len(i), len(j)), dtype=np.bool_)
        for row, side in zip(to_mask, mask.shape, strict=False):
            place = row[0] * i[:, None] + row[1] * j + (row[2] * k + row[3])
            index = np.floor(place + 0.5 + TIE).astype(np.intp)
            is_inside &= (index >= 0) & (index < side)
            nearest.append(index.clip(0, side - 1))
        part = (slice(first[0], last[0]), slice(first[1], last[1]), k)
        yield part, is_inside & mask[tuple(nearest)]


def _overlap(
    node: slicer.vtkMRMLSegmentationNode, labels: Mapping[str, int], segment_id: str, label: int
) -> VoCoSlicerError:
    segmentation = node.GetSegmentation()
    other = next(key for key, value in labels.items() if value == label)
    return VoCoSlicerError(
        _(
            "{one} and {other} overlap in {node}: take the overlap out of one of them, for example "
            "with Logical operators in the Segment Editor."
        ).format(
            one=segmentation.GetSegment(other).GetName(),
            other=segmentation.GetSegment(segment_id).GetName(),
            node=node.GetName(),
        )
    )
