"""The chosen segmentation: whose it is, its surfaces, and its measures as it is now."""

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.parameters import Parameters
from VoCoSlicerLib.scene.import_result import computed_segments, show_3d, showing_3d
from VoCoSlicerLib.scene.measures import StructureMeasure, measuring
from VoCoSlicerLib.scene.steps import Steps
from VoCoSlicerLib.segmenting.outcome import ItemResult
from VoCoSlicerLib.widget.message import Kind, MessagePart, connect
from VoCoSlicerLib.widget.results import ResultsPart


class SegmentationPart:
    """What is done to a segmentation that is there, between the window's events."""

    def __init__(self, ui: Any, results: ResultsPart, message: MessagePart) -> None:
        """Take the widgets.

        Args:
            ui: the window's widgets.
            results: shows the measures.
            message: says what is missing.
        """
        self._results, self._message = results, message
        self._parameters: Parameters | None = None
        self._volume: slicer.vtkMRMLScalarVolumeNode | None = None
        self._segmentation: slicer.vtkMRMLSegmentationNode | None = None
        self._in_3d = False
        connect(ui.measureButton, self._measure)

    def set_parameters(self, parameters: Parameters | None) -> None:
        """Be about the segmentation of a scene; None while there is no scene."""
        self._parameters = parameters
        if parameters is None:
            self._results.clear()
            return
        self._volume = parameters.volume
        self._segmentation, self._in_3d = parameters.segmentation, parameters.show_in_3d
        if not self._results.shown and self._volume and _is_computed(self._segmentation):
            self._measure()

    def update(self) -> None:
        """Something was chosen."""
        parameters = self._parameters
        if parameters is None:
            return
        if parameters.volume is not self._volume:
            self._volume = parameters.volume
            self._leave_other_patients(parameters)
        self._follow_3d(parameters)

    def _leave_other_patients(self, parameters: Parameters) -> None:
        """For another volume: a result must not end up among another patient's structures."""
        self._message.clear()
        segmentation_node = parameters.segmentation
        if segmentation_node is not None and not _is_of(segmentation_node, parameters.volume):
            parameters.segmentation = None
            self._results.clear()

    def _follow_3d(self, parameters: Parameters) -> None:
        """Make or hide the surfaces when the user wants others than before."""
        segmentation_node, wanted = parameters.segmentation, parameters.show_in_3d
        toggled = segmentation_node is self._segmentation and wanted != self._in_3d
        self._segmentation, self._in_3d = segmentation_node, wanted
        if segmentation_node is None or not toggled:
            return
        if wanted:
            self._in_the_background(showing_3d(segmentation_node), lambda _nothing: None)
        else:
            show_3d(segmentation_node, False)

    def _measure(self) -> None:
        parameters = self._parameters
        if parameters is None or parameters.segmentation is None or parameters.volume is None:
            self._message.show(Kind.ERROR, _("Choose the volume and its segmentation first."))
            return
        volume_node, segmentation_node = parameters.volume, parameters.segmentation

        def measured(rows: list[StructureMeasure]) -> None:
            title = volume_node.GetName()
            colors = _segment_colors(segmentation_node)
            line = _("Measured in the segmentation as it is now.")
            self._results.show([ItemResult(title, rows, {})], colors, line)

        ids = computed_segments(segmentation_node) or None
        self._in_the_background(measuring(segmentation_node, volume_node, ids), measured)

    def _in_the_background(self, steps: Steps[Any], then: Callable[[Any], None]) -> None:
        """Take the steps one by one between the window's events, as long as the scene is there."""
        parameters = self._parameters

        def step() -> None:
            if self._parameters is not parameters:
                steps.close()
                return
            try:
                next(steps)
            except StopIteration as end:
                then(end.value)
            except VoCoSlicerError as error:
                self._message.show(Kind.ERROR, str(error))
            else:
                qt.QTimer.singleShot(0, step)

        step()


def _is_of(
    segmentation_node: slicer.vtkMRMLSegmentationNode,
    volume_node: slicer.vtkMRMLScalarVolumeNode | None,
) -> bool:
    """Whether a segmentation was made on a volume."""
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    return segmentation_node.GetNodeReference(role) is volume_node


def _is_computed(segmentation_node: slicer.vtkMRMLSegmentationNode | None) -> bool:
    return segmentation_node is not None and bool(computed_segments(segmentation_node))


def _segment_colors(
    segmentation_node: slicer.vtkMRMLSegmentationNode,
) -> dict[str, tuple[int, int, int]]:
    segmentation = segmentation_node.GetSegmentation()
    segments = [segmentation.GetNthSegment(n) for n in range(segmentation.GetNumberOfSegments())]
    return {s.GetName(): tuple(round(255 * c) for c in s.GetColor()) for s in segments}
