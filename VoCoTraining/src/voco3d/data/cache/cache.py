"""A finished cache, to be read from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voco3d.data.cache.index import CachedVolume, read_index
from voco3d.data.cache.storage import Window, read_voxels
from voco3d.data.volume import VolumeSettings, Voxels


@dataclass(frozen=True)
class Cache:
    """The volumes of a cache.

    Attributes:
        folder: Where it lies.
        settings: What the volumes were made with.
        volumes: Sorted by name; an index into them names a volume everywhere.
    """

    folder: Path
    settings: VolumeSettings
    volumes: tuple[CachedVolume, ...]

    @property
    def scale(self) -> float:
        """What turns the stored numbers into intensities from 0 to 1."""
        return 1.0 / np.iinfo(self.settings.dtype).max

    def part(self, name: str) -> tuple[int, ...]:
        """Indices of the volumes of one part, "training" or "validation"."""
        return tuple(i for i, volume in enumerate(self.volumes) if volume.part == name)

    def read(self, index: int, window: Window | None = None) -> Voxels:
        """The voxels (channel, x, y, z) of a volume, or of a window (x, y, z) of it.

        Raises:
            VoCoError: If the volume's file is missing or damaged.
        """
        return read_voxels(self.folder / self.volumes[index].file, window)


def open_cache(folder: Path) -> Cache:
    """Open a cache that ``voco cache build`` has made.

    Raises:
        VoCoError: If the folder is no cache, one of another format version, or an empty one.
    """
    index = read_index(folder)
    volumes = sorted(index.volumes.values(), key=lambda volume: volume.name)
    return Cache(folder, index.settings, tuple(volumes))
