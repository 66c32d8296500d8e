"""One volume into a new or an existing segmentation."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.batches import Item, Series
from VoCoSlicerLib.scene.import_result import (
    applying_result,
    applying_to_new_segmentation,
)
from VoCoSlicerLib.scene.steps import Steps
from VoCoSlicerLib.scene.transfer import check_volume, grid_of, writing_volume


class OneVolume(Series):
    """A series of one volume, whose result goes where the user says."""

    def __init__(
        self,
        volume_node: slicer.vtkMRMLScalarVolumeNode | None,
        segmentation_node: slicer.vtkMRMLSegmentationNode | None = None,
    ) -> None:
        """Take the volume.

        Args:
            volume_node: the volume to segment.
            segmentation_node: the segmentation that gets the result; None makes a new one.

        Raises:
            VoCoSlicerError: As ``check_volume``.
        """
        if volume_node is None:
            raise VoCoSlicerError(_("Choose a volume to segment first."))
        check_volume(volume_node)
        self._volume_node = volume_node
        self._segmentation_node = segmentation_node
        self.items = (Item(0, volume_node.GetName()),)

    def grid(self, item: Item) -> dict[str, Any]:
        """Where the volume's voxels lie."""
        return grid_of(self._volume_node)

    def writing(self, item: Item, path: str | Path) -> Steps[None]:
        """Write the volume for the worker."""
        return writing_volume(self._volume_node, path)

    def accepting(self, item: Item, seg_file: str | Path, result: Mapping[str, Any]) -> Steps[None]:
        """Put the result into the segmentation."""
        volume_node = self._volume_node
        if self._segmentation_node is None:
            made = yield from applying_to_new_segmentation(volume_node, seg_file, result)
            self._segmentation_node = made
        else:
            yield from applying_result(volume_node, self._segmentation_node, seg_file, result)

    def finish(self) -> list[slicer.vtkMRMLNode]:
        """The segmentation with the result."""
        return [] if self._segmentation_node is None else [self._segmentation_node]

    def discard(self) -> None:
        """Nothing to remove: a run with a single result keeps it once it is in the scene."""
