"""A worker's result into a segmentation: all of it, or nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.geometry import Matrix, as_matrix, is_grid, to_world
from VoCoSlicerLib.scene.labelmaps import matrix_of
from VoCoSlicerLib.scene.nodes import new_segmentation, remove_with_display
from VoCoSlicerLib.scene.provenance import OWNER, PREFIX, Provenance, provenance_of, tag_of
from VoCoSlicerLib.scene.seg_nrrd import SegFile, reading_seg_nrrd
from VoCoSlicerLib.scene.steps import Steps, finish
from VoCoSlicerLib.scene.surfaces import LABELMAP, SURFACE, making_surface
from VoCoSlicerLib.scene.terminology import algorithm_tags, parse_entry
from VoCoSlicerLib.scene.texts import tr as _


def apply_result(
    volume_node: slicer.vtkMRMLScalarVolumeNode,
    segmentation_node: slicer.vtkMRMLSegmentationNode,
    seg_file: str | Path,
    result: Mapping[str, Any],
) -> list[str]:
    """Put the structures just computed into a segmentation of the scene.

    A segment that the same model made of the same structure gets the new voxels and keeps its
    identifier, name, colour, terminology and display; structures it did not have are added at
    the end; every other segment stays as it is. The result lies where the volume lay when it was
    written, whatever the segmentation's own geometry and (linear) transform. A failure leaves the
    scene as it was.

    Args:
        volume_node: The segmented volume.
        segmentation_node: A segmentation of the same scene, empty or not.
        seg_file: The ``.seg.nrrd`` file from the worker.
        result: The worker's answer to ``segment``.

    Returns:
        Identifiers of the segments of the computed structures, in the model's order.

    Raises:
        VoCoSlicerError: The file cannot be read or lacks a structure, or the segmentation's
            transform does not allow it.
    """
    return finish(applying_result(volume_node, segmentation_node, seg_file, result))


def applying_result(
    volume_node: slicer.vtkMRMLScalarVolumeNode,
    segmentation_node: slicer.vtkMRMLSegmentationNode,
    seg_file: str | Path,
    result: Mapping[str, Any],
) -> Steps[list[str]]:
    """``apply_result`` in short steps: the file is read bit by bit, the last step applies it."""
    names = [structure["name"] for structure in result["structures"]]
    content = yield from _reading(seg_file, names)
    segmentation = segmentation_node.GetSegmentation()
    surfaces = {}
    if segmentation.ContainsRepresentation(SURFACE):
        surfaces = yield from _making_surfaces(content, names, segmentation)
    return _apply(volume_node, segmentation_node, content, surfaces, names, result["provenance"])


def apply_to_new_segmentation(
    volume_node: slicer.vtkMRMLScalarVolumeNode,
    seg_file: str | Path,
    result: Mapping[str, Any],
    name: str | None = None,
) -> slicer.vtkMRMLSegmentationNode:
    """Make a segmentation beside the volume (``new_segmentation``) with a result in it.

    A failure leaves the scene as it was.

    Raises:
        VoCoSlicerError: As ``apply_result``.
    """
    return finish(applying_to_new_segmentation(volume_node, seg_file, result, name))


def applying_to_new_segmentation(
    volume_node: slicer.vtkMRMLScalarVolumeNode,
    seg_file: str | Path,
    result: Mapping[str, Any],
    name: str | None = None,
) -> Steps[slicer.vtkMRMLSegmentationNode]:
    """``apply_to_new_segmentation`` in short steps; the node appears in the last one."""
    names = [structure["name"] for structure in result["structures"]]
    content = yield from _reading(seg_file, names)
    segmentation_node = new_segmentation(volume_node, name)
    try:
        _apply(volume_node, segmentation_node, content, {}, names, result["provenance"])
    except BaseException:
        remove_with_display(segmentation_node)
        raise
    return segmentation_node


def computed_segments(segmentation_node: slicer.vtkMRMLSegmentationNode) -> list[str]:
    """Identifiers of the segments that came from a model, in the segmentation's order."""
    segmentation = segmentation_node.GetSegmentation()
    return [
        segment_id
        for segment_id in segmentation.GetSegmentIDs()
        if _is_computed(segmentation.GetSegment(segment_id), segment_id)
    ]


def show_3d(segmentation_node: slicer.vtkMRMLSegmentationNode, on: bool) -> None:
    """Show the segments as closed surfaces in the 3-D views, or hide them there."""
    if on:
        finish(showing_3d(segmentation_node))
    else:
        segmentation_node.RemoveClosedSurfaceRepresentation()


def showing_3d(segmentation_node: slicer.vtkMRMLSegmentationNode) -> Steps[None]:
    """``show_3d(..., True)`` in short steps."""
    segmentation = segmentation_node.GetSegmentation()
    ids = segmentation.GetSegmentIDs()
    for number, segment_id in enumerate(ids, 1):
        segment = segmentation.GetSegment(segment_id)
        if segment is not None and segment.GetRepresentation(SURFACE) is None:
            yield from _adding_surface(segmentation, segment)
        yield number / len(ids)
    segmentation_node.CreateClosedSurfaceRepresentation()
    display_node = segmentation_node.GetDisplayNode()
    if display_node is not None:
        display_node.SetPreferredDisplayRepresentationName3D(SURFACE)
        display_node.SetVisibility3D(True)


def _adding_surface(
    segmentation: slicer.vtkSegmentation, segment: slicer.vtkSegment
) -> Steps[None]:
    """Give a segment its surface, unless its voxels change meanwhile."""
    labelmap, label = segment.GetRepresentation(LABELMAP), segment.GetLabelValue()
    changed = labelmap.GetMTime()
    surface = yield from making_surface(labelmap, label, segmentation)
    now = segment.GetRepresentation(LABELMAP)
    if now is labelmap and now.GetMTime() == changed and segment.GetLabelValue() == label:
        segment.AddRepresentation(SURFACE, surface)


def _making_surfaces(
    content: SegFile, names: Sequence[str], segmentation: slicer.vtkSegmentation
) -> Steps[dict[str, vtk.vtkPolyData]]:
    """The surfaces of structures, in the world as their label maps are."""
    surfaces = {}
    for name in names:
        described = content.segments[name]
        layer = content.layers[described.layer]
        surfaces[name] = yield from making_surface(layer, described.label, segmentation)
    return surfaces


def _reading(seg_file: str | Path, names: Sequence[str]) -> Steps[SegFile]:
    content = yield from reading_seg_nrrd(seg_file)
    missing = [name for name in names if name not in content.segments]
    if missing:
        raise VoCoSlicerError(
            _(
                "The result lacks {names}, which was computed: apply again, and if that does not "
                "help, report it."
            ).format(names=", ".join(missing))
        )
    return content


def _apply(
    volume_node: slicer.vtkMRMLScalarVolumeNode,
    segmentation_node: slicer.vtkMRMLSegmentationNode,
    content: SegFile,
    surfaces: Mapping[str, vtk.vtkPolyData],
    names: Sequence[str],
    provenance: Mapping[str, Any],
) -> list[str]:
    _check_target(volume_node, segmentation_node)
    _place(content.layers, surfaces.values(), segmentation_node)
    segmentation = segmentation_node.GetSegmentation()
    modifying = segmentation_node.StartModify()
    before = _State.of(segmentation_node)
    try:
        if segmentation.GetNumberOfSegments() == 0:
            segmentation.SetSourceRepresentationName(LABELMAP)
        has_surfaces = segmentation.ContainsRepresentation(SURFACE)
        found = _computed(segmentation, provenance["model"])
        _take_out(segmentation, [found[name] for name in names if name in found])
        ids = [_put(segmentation, content, name, found.get(name), provenance) for name in names]
        if has_surfaces:
            for segment_id, name in zip(ids, names, strict=True):
                _put_surface(segmentation, segment_id, surfaces.get(name))
        for key, value in Provenance.of_result(provenance, "").tags().items():
            if key != PREFIX + "structure":
                segmentation_node.SetAttribute(key, value)
    except BaseException:
        before.restore(segmentation_node)
        raise
    finally:
        segmentation_node.EndModify(modifying)
    return ids


def _check_target(
    volume_node: slicer.vtkMRMLScalarVolumeNode, segmentation_node: slicer.vtkMRMLSegmentationNode
) -> None:
    for node in (volume_node, segmentation_node):
        if node.GetScene() is None:
            raise VoCoSlicerError(
                _(
                    "{name} was removed from the scene while it was needed: choose another one, "
                    "and apply again."
                ).format(name=node.GetName())
            )
    segmentation = segmentation_node.GetSegmentation()
    if (
        segmentation.GetNumberOfSegments()
        and segmentation.GetSourceRepresentationName() != LABELMAP
    ):
        raise VoCoSlicerError(
            _(
                "{name} is made of surfaces: choose another segmentation, or make its binary "
                "label map the source (Segmentations module)."
            ).format(name=segmentation_node.GetName())
        )


def _place(
    layers: Sequence[slicer.vtkOrientedImageData],
    surfaces: Iterable[vtk.vtkPolyData],
    segmentation_node: slicer.vtkMRMLSegmentationNode,
) -> None:
    """Move label maps and surfaces from the world into the segmentation's own coordinates."""
    own = np.linalg.inv(to_world(segmentation_node)).astype(np.float64)
    place = own @ matrix_of(layers[0])
    if not is_grid(place):
        raise VoCoSlicerError(
            _(
                "{name} is under a transform that shears it: choose another segmentation, or "
                "harden its transform (Transforms module)."
            ).format(name=segmentation_node.GetName())
        )
    for layer in layers:
        layer.SetImageToWorldMatrix(as_matrix(place))
    if not np.array_equal(own, np.eye(4)):
        for surface in surfaces:
            _move(surface, own)


def _move(surface: vtk.vtkPolyData, matrix: Matrix) -> None:
    transform = vtk.vtkTransform()
    transform.SetMatrix(as_matrix(matrix))
    moved = vtk.vtkTransformPolyDataFilter()
    moved.SetTransform(transform)
    moved.SetInputData(surface)
    moved.Update()
    surface.ShallowCopy(moved.GetOutput())


def _is_computed(segment: slicer.vtkSegment, segment_id: str) -> bool:
    return provenance_of(segment) is not None and tag_of(segment, OWNER) == segment_id


def _computed(segmentation: slicer.vtkSegmentation, model: str) -> dict[str, str]:
    """Identifiers of the segments that a model made, by structure."""
    found: dict[str, str] = {}
    for segment_id in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(segment_id)
        provenance = provenance_of(segment)
        if provenance and _is_computed(segment, segment_id) and provenance.model == model:
            found.setdefault(provenance.structure, segment_id)
    return found


def _take_out(segmentation: slicer.vtkSegmentation, ids: Sequence[str]) -> None:
    """Remove the voxels and surfaces of segments; the old label maps stay unchanged.

    Where others share a label map with them, these get a copy without the segments' labels.
    """
    leaving: dict[int, list[str]] = {}
    for segment_id in ids:
        leaving.setdefault(segmentation.GetLayerIndex(segment_id), []).append(segment_id)
    staying = {
        layer: [i for i in segmentation.GetSegmentIDsForLayer(layer) if i not in leaving[layer]]
        for layer in leaving
    }
    for layer, layer_ids in leaving.items():
        segments = [segmentation.GetSegment(segment_id) for segment_id in layer_ids]
        if staying[layer]:
            others = [segmentation.GetSegment(segment_id) for segment_id in staying[layer]]
            kept = slicer.vtkOrientedImageData()
            kept.DeepCopy(others[0].GetRepresentation(LABELMAP))
            voxels = vtk_to_numpy(kept.GetPointData().GetScalars())
            voxels[np.isin(voxels, [segment.GetLabelValue() for segment in segments])] = 0
            for segment in others:
                segment.RemoveRepresentation(LABELMAP)
                segment.AddRepresentation(LABELMAP, kept)
        for segment in segments:
            segment.RemoveAllRepresentations()


def _put(
    segmentation: slicer.vtkSegmentation,
    content: SegFile,
    name: str,
    segment_id: str | None,
    provenance: Mapping[str, Any],
) -> str:
    """Give a segment its voxels, a new one where there is none, and say where they come from."""
    described = content.segments[name]
    segment = segmentation.GetSegment(segment_id) if segment_id else slicer.vtkSegment()
    segment.SetLabelValue(described.label)
    segment.AddRepresentation(LABELMAP, content.layers[described.layer])
    if segment_id is None:
        segment.SetName(described.name)
        segment.SetColor(*described.color)
        segment.SetNameAutoGenerated(False)
        segment.SetColorAutoGenerated(False)
        if parse_entry(described.terminology):
            segment.SetTerminology(described.terminology)
        segment_id = segmentation.GenerateUniqueSegmentID(described.name)
        if not segmentation.AddSegment(segment, segment_id):
            raise VoCoSlicerError(
                _("{name} could not be added to the segmentation.").format(name=name)
            )
    tags = Provenance.of_result(provenance, name).tags()
    for key, value in {**tags, **algorithm_tags(provenance["model"]), OWNER: segment_id}.items():
        segment.SetTag(key, value)
    return segment_id


def _put_surface(
    segmentation: slicer.vtkSegmentation, segment_id: str, surface: vtk.vtkPolyData | None
) -> None:
    """Give a segment its surface; surfaces that appeared only now are made at once."""
    segment = segmentation.GetSegment(segment_id)
    if surface is None:
        labelmap = segment.GetRepresentation(LABELMAP)
        surface = finish(making_surface(labelmap, segment.GetLabelValue(), segmentation))
    segment.AddRepresentation(SURFACE, surface)


@dataclass(frozen=True)
class _SegmentState:
    """What ``_apply`` may change of a segment."""

    label: int
    representations: dict[str, Any]
    tags: dict[str, str | None]


@dataclass(frozen=True)
class _State:
    """What ``_apply`` may change of a segmentation, without copies of its voxels."""

    segments: dict[str, _SegmentState]
    attributes: dict[str, str | None]

    @classmethod
    def of(cls, node: slicer.vtkMRMLSegmentationNode) -> "_State":
        keys = [PREFIX + key for key in Provenance.__annotations__]
        tags = [*keys, OWNER, *algorithm_tags("")]
        segmentation = node.GetSegmentation()
        segments = {}
        for segment_id in segmentation.GetSegmentIDs():
            segment = segmentation.GetSegment(segment_id)
            segments[segment_id] = _SegmentState(
                segment.GetLabelValue(),
                {name: segment.GetRepresentation(name) for name in (LABELMAP, SURFACE)},
                {key: tag_of(segment, key) for key in tags},
            )
        return cls(segments, {key: node.GetAttribute(key) for key in keys})

    def restore(self, node: slicer.vtkMRMLSegmentationNode) -> None:
        segmentation = node.GetSegmentation()
        for segment_id in segmentation.GetSegmentIDs():
            if segment_id not in self.segments:
                segmentation.RemoveSegment(segment_id)
                continue
            segment, state = segmentation.GetSegment(segment_id), self.segments[segment_id]
            segment.RemoveAllRepresentations()
            segment.SetLabelValue(state.label)
            for name, representation in state.representations.items():
                if representation is not None:
                    segment.AddRepresentation(name, representation)
            for key, value in state.tags.items():
                if value is None:
                    segment.RemoveTag(key)
                else:
                    segment.SetTag(key, value)
        for key, value in self.attributes.items():
            if value is None:
                node.RemoveAttribute(key)
            else:
                node.SetAttribute(key, value)
