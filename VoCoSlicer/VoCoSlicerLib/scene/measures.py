"""What is measured of each structure, as rows and as CSV."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.geometry import index_to_world, to_world
from VoCoSlicerLib.scene.labelmaps import labelmap_array, matrix_of
from VoCoSlicerLib.scene.steps import Steps, finish
from VoCoSlicerLib.scene.texts import tr as _


@dataclass(frozen=True)
class StructureMeasure:
    """One row of the results table.

    Attributes:
        name: Name of the segment.
        volume_ml: Voxel count times voxel size, in ml.
        mean_hu: Mean of the volume's voxels in the structure (HU in a CT); None without voxels.
        touches_border: Whether it reaches the volume's outermost voxels: part may be missing.
    """

    name: str
    volume_ml: float
    mean_hu: float | None
    touches_border: bool


def structure_table(
    segmentation_node: slicer.vtkMRMLSegmentationNode,
    volume_node: slicer.vtkMRMLScalarVolumeNode,
    ids: Sequence[str] | None = None,
) -> list[StructureMeasure]:
    """Measure segments as they are in the scene now.

    The label map may lie on another grid than the volume: each of its voxels takes the value of
    the volume's voxel that its centre is in. Both transforms count.

    Args:
        segmentation_node: The segmentation.
        volume_node: The volume to measure in.
        ids: Segments to measure, in this order; all by default.

    Raises:
        VoCoSlicerError: A segment is not there, or a transform is not linear.
    """
    return finish(measuring(segmentation_node, volume_node, ids))


def measuring(
    segmentation_node: slicer.vtkMRMLSegmentationNode,
    volume_node: slicer.vtkMRMLScalarVolumeNode,
    ids: Sequence[str] | None = None,
) -> Steps[list[StructureMeasure]]:
    """``structure_table`` in steps of a few milliseconds."""
    segmentation = segmentation_node.GetSegmentation()
    ids = segmentation.GetSegmentIDs() if ids is None else ids
    missing = [segment_id for segment_id in ids if segmentation.GetSegment(segment_id) is None]
    if missing:
        raise VoCoSlicerError(
            _("A structure was removed from the segmentation while it was measured: measure again.")
        )
    totals: dict[str, _Total] = {}
    layers = _by_layer(segmentation, ids)
    voxels = _volume_array(volume_node)
    node_to_index = np.linalg.inv(index_to_world(volume_node)) @ to_world(segmentation_node)
    for number, (labelmap, labels) in enumerate(layers):
        matrix = node_to_index @ matrix_of(labelmap)
        layer = {label: _Total() for label in labels.values()}
        for done, found, index in _slices(labelmap):
            _add(layer, found, index @ matrix[:3].T, voxels)
            yield (number + done) / len(layers)
        totals |= {segment_id: layer[label] for segment_id, label in labels.items()}
    to_ml = {
        segment_id: abs(np.linalg.det((to_world(segmentation_node) @ matrix_of(labelmap))[:3, :3]))
        / 1000
        for labelmap, labels in layers
        for segment_id in labels
    }
    return [
        StructureMeasure(
            segmentation.GetSegment(segment_id).GetName(),
            totals[segment_id].voxels * to_ml[segment_id],
            totals[segment_id].mean,
            totals[segment_id].border,
        )
        for segment_id in ids
    ]


@dataclass
class _Total:
    """What is added up over the slices of a label map for one label."""

    voxels: int = 0
    inside: int = 0
    hu: float = 0.0
    border: bool = False

    @property
    def mean(self) -> float | None:
        return self.hu / self.inside if self.inside else None


def _by_layer(
    segmentation: slicer.vtkSegmentation, ids: Sequence[str]
) -> list[tuple[slicer.vtkOrientedImageData, dict[str, int]]]:
    """The label maps, each with the labels of its segments."""
    layers: dict[int, tuple[slicer.vtkOrientedImageData, dict[str, int]]] = {}
    for segment_id in ids:
        segment = segmentation.GetSegment(segment_id)
        labelmap = segment.GetRepresentation("Binary labelmap")
        if labelmap is None:
            raise VoCoSlicerError(
                _(
                    "{name} has no binary label map: create it in the Segmentations module, and "
                    "measure again."
                ).format(name=segment.GetName())
            )
        layer = layers.setdefault(segmentation.GetLayerIndex(segment_id), (labelmap, {}))
        layer[1][segment_id] = segment.GetLabelValue()
    return list(layers.values())


def _volume_array(volume_node: slicer.vtkMRMLScalarVolumeNode) -> NDArray[np.generic]:
    image = volume_node.GetImageData()
    if image is None:
        raise VoCoSlicerError(
            _("{name} has no voxels to measure in.").format(name=volume_node.GetName())
        )
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions(), order="F")


def _slices(
    labelmap: slicer.vtkOrientedImageData,
) -> Iterator[tuple[float, NDArray[np.integer], NDArray[np.int64]]]:
    """Slice by slice: the share done, the labels above 0, and their indices (voxels, 4)."""
    labels, start = labelmap_array(labelmap)
    for k in range(labels.shape[2]):
        i, j = np.nonzero(labels[:, :, k])
        index = np.stack(
            [i + start[0], j + start[1], np.full_like(i, k + start[2]), np.ones_like(i)], axis=1
        )
        yield (k + 1) / labels.shape[2], labels[i, j, k], index


def _add(
    totals: dict[int, _Total],
    labels: NDArray[np.integer],
    index: NDArray[np.float64],
    volume: NDArray[np.generic],
) -> None:
    """Count voxels, at these (fractional) indices of the volume, for their labels."""
    nearest = np.rint(index).astype(np.int64)
    last = np.array(volume.shape) - 1
    inside = np.all((nearest >= 0) & (nearest <= last), axis=1)
    border = np.any((nearest <= 0) | (nearest >= last), axis=1)
    hu = np.zeros(len(labels))
    hu[inside] = volume[tuple(nearest[inside].T)]
    for label in np.unique(labels):
        if (total := totals.get(int(label))) is not None:
            own = np.equal(labels, label)
            total.voxels += int(own.sum())
            total.inside += int(inside[own].sum())
            total.hu += float(hu[own].sum())
            total.border = total.border or bool(border[own].any())


def rows_of_result(result: Mapping[str, Any]) -> list[StructureMeasure]:
    """The rows that the worker measured itself, at once (its answer to ``segment``)."""
    return [
        StructureMeasure(
            structure["name"],
            structure["volume_ml"],
            structure["mean_hu"],
            structure["touches_border"],
        )
        for structure in result["structures"]
    ]


def as_csv(rows: Iterable[StructureMeasure], separator: str = ",") -> str:
    """The rows as CSV with a header line; a tab as separator suits the clipboard."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(field.name for field in fields(StructureMeasure))
    for row in rows:
        mean = "" if row.mean_hu is None else f"{row.mean_hu:.1f}"
        border = "yes" if row.touches_border else "no"
        writer.writerow([row.name, f"{row.volume_ml:.3f}", mean, border])
    return text.getvalue()
