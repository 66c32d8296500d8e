"""Volumes of the scene as files for the worker, written only when they have changed."""

from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import slicer

from VoCoSlicerLib.scene.geometry import index_to_world
from VoCoSlicerLib.scene.steps import Steps
from VoCoSlicerLib.scene.transfer import check_volume, writing_volume

KEPT = 3
"""Files kept at a time: a place's volume, the other one, and the one looked at before."""


@dataclass(frozen=True)
class _Written:
    path: Path
    as_it_was: tuple[object, ...]


class VolumeFiles:
    """The files of volumes that the worker is asked about again and again.

    A volume is written once, and again only after its voxels, its grid or a transform above it
    have changed. Each writing has a path of its own. The files of the last ``KEPT`` volumes are
    kept; ``close`` removes them all.

    Args:
        folder: Where they are written; made where it is absent.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._written: dict[str, _Written] = {}
        self._numbers = count(1)

    def writing(self, volume_node: slicer.vtkMRMLScalarVolumeNode) -> Steps[Path]:
        """The file of a volume as it is now, in steps of a few milliseconds; see ``current``.

        Closing the generator leaves no new file.

        Raises:
            VoCoSlicerError: As ``transfer.write_volume``.
        """
        path = self.current(volume_node)
        if path is not None:
            self._written[volume_node.GetID()] = self._written.pop(volume_node.GetID())  # as last
            return path
        self.forget(volume_node)
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"positions-{next(self._numbers)}.nrrd"
        as_it_was = _state(volume_node)
        yield from writing_volume(volume_node, path)
        self._written[volume_node.GetID()] = _Written(path, as_it_was)
        for older in list(self._written)[:-KEPT]:
            _remove(self._written.pop(older).path)
        return path

    def current(self, volume_node: slicer.vtkMRMLScalarVolumeNode) -> Path | None:
        """The file of a volume as it is now; None where it must be written first.

        Raises:
            VoCoSlicerError: As ``transfer.check_volume``.
        """
        check_volume(volume_node)
        written = self._written.get(volume_node.GetID())
        if written is None or written.as_it_was != _state(volume_node):
            return None
        return written.path if written.path.is_file() else None

    def forget(self, volume_node: slicer.vtkMRMLScalarVolumeNode) -> None:
        """Remove the file of a volume, if there is one."""
        written = self._written.pop(volume_node.GetID(), None)
        if written is not None:
            _remove(written.path)

    def close(self) -> None:
        """Remove all files; the folder stays."""
        while self._written:
            _remove(self._written.popitem()[1].path)


def _state(volume_node: slicer.vtkMRMLScalarVolumeNode) -> tuple[object, ...]:
    image = volume_node.GetImageData()
    matrix = index_to_world(volume_node)
    return image.GetMTime(), image.GetDimensions(), tuple(matrix.ravel().tolist())


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
