"""Several volumes in turn: a segmentation for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import slicer

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.import_result import applying_to_new_segmentation
from VoCoSlicerLib.scene.nodes import remove_with_display
from VoCoSlicerLib.scene.steps import Steps
from VoCoSlicerLib.scene.texts import tr as _
from VoCoSlicerLib.scene.transfer import grid_of, writing_volume


@dataclass(frozen=True)
class Item:
    """One volume of a series.

    Attributes:
        number: 0, 1, 2, ...
        title: What to call it in a progress bar.
    """

    number: int
    title: str


class Series(Protocol):
    """Volumes that are segmented one after the other.

    A caller takes each of ``items`` in turn: ``writing`` its file, sending it to the worker, and
    giving the answer to ``accepting``. It ends with ``finish``, which keeps what was accepted
    (also after a failure in between), or with ``discard``, which leaves the scene as it was.
    """

    items: tuple[Item, ...]

    def grid(self, item: Item) -> dict[str, Any]:
        """The voxel grid of the item's volume; see ``transfer.grid_of``.

        Raises:
            VoCoSlicerError: The volume is gone, or as ``transfer.grid_of``.
        """

    def writing(self, item: Item, path: str | Path) -> Steps[None]:
        """Write the item's volume for the worker; see ``transfer.writing_volume``.

        Raises:
            VoCoSlicerError: The volume is gone, or as ``transfer.write_volume``.
        """

    def accepting(self, item: Item, seg_file: str | Path, result: Mapping[str, Any]) -> Steps[None]:
        """Take the worker's result of an item, in short steps.

        Raises:
            VoCoSlicerError: As ``import_result.apply_result``, or the volume is gone.
        """

    def finish(self) -> list[slicer.vtkMRMLNode]:
        """Leave the accepted results in the scene and return the nodes that hold them.

        Raises:
            VoCoSlicerError: The scene no longer has a place for them.
        """

    def discard(self) -> None:
        """Remove what was accepted."""


class VolumeSeries(Series):
    """A list of volumes; each gets a new segmentation of its own as soon as it is accepted."""

    def __init__(self, volume_nodes: Sequence[slicer.vtkMRMLScalarVolumeNode]) -> None:
        """Take the volumes, which are in one scene.

        Raises:
            VoCoSlicerError: The list is empty.
        """
        if not volume_nodes:
            raise VoCoSlicerError(_("No volume is chosen: choose the volumes to segment."))
        self._volume_nodes = tuple(volume_nodes)
        self._made: list[slicer.vtkMRMLSegmentationNode] = []
        self.items = tuple(
            Item(number, node.GetName()) for number, node in enumerate(self._volume_nodes)
        )

    def grid(self, item: Item) -> dict[str, Any]:
        """See ``Series``."""
        return grid_of(self._volume(item))

    def writing(self, item: Item, path: str | Path) -> Steps[None]:
        """See ``Series``."""
        yield from writing_volume(self._volume(item), path)

    def accepting(self, item: Item, seg_file: str | Path, result: Mapping[str, Any]) -> Steps[None]:
        """See ``Series``."""
        node = yield from applying_to_new_segmentation(self._volume(item), seg_file, result)
        self._made.append(node)

    def finish(self) -> list[slicer.vtkMRMLNode]:
        """See ``Series``."""
        made = [node for node in self._made if node.GetScene() is not None]
        self._made.clear()
        return made

    def discard(self) -> None:
        """See ``Series``."""
        for node in self.finish():
            remove_with_display(node)

    def _volume(self, item: Item) -> slicer.vtkMRMLScalarVolumeNode:
        node = self._volume_nodes[item.number]
        if node.GetScene() is None:
            raise VoCoSlicerError(_("{name} is no longer in the scene.").format(name=item.title))
        return node
