"""The items of a sequence in turn: a segmentation sequence with the same index values."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import slicer

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.batches import Item, Series
from VoCoSlicerLib.scene.geometry import as_matrix, index_to_ras, to_world
from VoCoSlicerLib.scene.import_result import applying_result
from VoCoSlicerLib.scene.nodes import FILL_OPACITY, place_beside, segmentation_name
from VoCoSlicerLib.scene.steps import Steps
from VoCoSlicerLib.scene.texts import tr as _
from VoCoSlicerLib.scene.transfer import grid_of, writing_volume


class SequenceSeries(Series):
    """The volumes of a sequence node.

    Results are kept aside until ``finish`` adds them as one segmentation sequence, with the
    volume sequence's index and in its browser, so that they are played together. ``finish``
    returns the sequence node and the segmentation node that the browser shows.
    """

    def __init__(self, sequence_node: slicer.vtkMRMLSequenceNode) -> None:
        """Take the items of a sequence.

        Raises:
            VoCoSlicerError: The sequence is empty or its items are not scalar volumes.
        """
        name = sequence_node.GetName()
        if sequence_node.GetNumberOfDataNodes() == 0:
            raise VoCoSlicerError(
                _("The sequence {name} has no items: choose another one.").format(name=name)
            )
        if not sequence_node.GetNthDataNode(0).IsA("vtkMRMLScalarVolumeNode"):
            raise VoCoSlicerError(
                _("The items of {name} are not volumes: choose another sequence.").format(name=name)
            )
        self._sequence_node = sequence_node
        self._scene = sequence_node.GetScene()
        self._aside = slicer.vtkMRMLScene()
        self._written: dict[int, slicer.vtkMRMLScalarVolumeNode] = {}
        self._accepted: dict[int, slicer.vtkMRMLSegmentationNode] = {}
        self._index_values = [
            sequence_node.GetNthIndexValue(number)
            for number in range(sequence_node.GetNumberOfDataNodes())
        ]
        label, unit = sequence_node.GetIndexName(), sequence_node.GetIndexUnit()
        self.items = tuple(
            Item(number, " ".join(filter(None, (name, label, value, unit))))
            for number, value in enumerate(self._index_values)
        )

    def grid(self, item: Item) -> dict[str, Any]:
        """Where the browser shows the item's volume; see ``Series``."""
        return grid_of(self._in_place(self._source(item)))

    def writing(self, item: Item, path: str | Path) -> Steps[None]:
        """Write an item's volume where the browser shows it: the shown node's transform counts."""
        self._written[item.number] = self._in_place(self._source(item))
        yield from writing_volume(self._written[item.number], path)

    def accepting(self, item: Item, seg_file: str | Path, result: Mapping[str, Any]) -> Steps[None]:
        """See ``Series``."""
        volume_node = self._written.pop(item.number)
        node = self._aside.AddNewNodeByClass("vtkMRMLSegmentationNode", volume_node.GetName())
        node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
        yield from applying_result(volume_node, node, seg_file, result)
        node.SetAndObserveTransformNodeID(None)
        self._accepted[item.number] = node

    def finish(self) -> list[slicer.vtkMRMLNode]:
        """Add the accepted results; items without one show an empty segmentation."""
        if not self._accepted:
            return []
        self._check_there()
        source = self._sequence_node
        sequence_node = self._scene.AddNewNodeByClass(
            "vtkMRMLSequenceNode", segmentation_name(source)
        )
        sequence_node.SetIndexName(source.GetIndexName())
        sequence_node.SetIndexUnit(source.GetIndexUnit())
        sequence_node.SetIndexType(source.GetIndexType())
        for number, node in sorted(self._accepted.items()):
            sequence_node.SetDataNodeAtValue(node, self._index_values[number])
        self.discard()
        return [sequence_node, self._show(sequence_node)]

    def discard(self) -> None:
        """See ``Series``."""
        self._written.clear()
        self._accepted.clear()
        self._aside.Clear(1)

    def _show(self, sequence_node: slicer.vtkMRMLSequenceNode) -> slicer.vtkMRMLSegmentationNode:
        """Let the volumes' browser, a new one where there is none, play the segmentations too."""
        browser_node = _find_browser(self._sequence_node) or _new_browser(self._sequence_node)
        browser_node.AddSynchronizedSequenceNode(sequence_node)
        browser_node.SetMissingItemMode(sequence_node, browser_node.MissingItemSetToDefault)
        browser_node.SetSaveChanges(sequence_node, True)
        shown_node = browser_node.GetProxyNode(sequence_node)
        volume_node = browser_node.GetProxyNode(self._sequence_node)
        shown_node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
        shown_node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
        shown_node.CreateDefaultDisplayNodes()
        shown_node.GetDisplayNode().SetOpacity2DFill(FILL_OPACITY)
        place_beside(shown_node, volume_node)
        return shown_node

    def _source(self, item: Item) -> slicer.vtkMRMLScalarVolumeNode:
        self._check_there()
        source = self._sequence_node.GetDataNodeAtValue(self._index_values[item.number])
        if source is None:
            raise VoCoSlicerError(_("{name} is no longer in the sequence.").format(name=item.title))
        return source

    def _in_place(self, source: slicer.vtkMRMLScalarVolumeNode) -> slicer.vtkMRMLScalarVolumeNode:
        """The item aside, without a copy of its voxels, under the shown node's transform."""
        volume_node = self._aside.AddNewNodeByClass(source.GetClassName(), source.GetName())
        volume_node.SetAndObserveImageData(source.GetImageData())
        volume_node.SetIJKToRASMatrix(as_matrix(index_to_ras(source)))
        browser_node = _find_browser(self._sequence_node)
        shown_node = browser_node and browser_node.GetProxyNode(self._sequence_node)
        if shown_node:
            transform_node = self._aside.AddNewNodeByClass("vtkMRMLLinearTransformNode")
            transform_node.SetMatrixTransformToParent(as_matrix(to_world(shown_node)))
            volume_node.SetAndObserveTransformNodeID(transform_node.GetID())
        return volume_node

    def _check_there(self) -> None:
        if self._sequence_node.GetScene() is None:
            raise VoCoSlicerError(
                _("The sequence {name} is no longer in the scene.").format(
                    name=self._sequence_node.GetName()
                )
            )


def _find_browser(
    sequence_node: slicer.vtkMRMLSequenceNode,
) -> slicer.vtkMRMLSequenceBrowserNode | None:
    """The browser that plays a sequence."""
    for browser_node in sequence_node.GetScene().GetNodesByClass("vtkMRMLSequenceBrowserNode"):
        if browser_node.IsSynchronizedSequenceNode(sequence_node, True):
            return browser_node
    return None


def _new_browser(sequence_node: slicer.vtkMRMLSequenceNode) -> slicer.vtkMRMLSequenceBrowserNode:
    browser_node = sequence_node.GetScene().AddNewNodeByClass(
        "vtkMRMLSequenceBrowserNode", f"{sequence_node.GetName()} browser"
    )
    browser_node.SetAndObserveMasterSequenceNodeID(sequence_node.GetID())
    return browser_node
