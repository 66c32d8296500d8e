"""Whether a source is still what was cached: by size and time first, then by hash."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from voco3d.data.cache.index import CachedVolume, Stamp

SourceState = Literal["unchanged", "changed", "gone"]

DETACHED = (".mhd", ".nhdr", ".hdr")
"""Endings of headers whose voxels lie in another file of the same name."""


def files_of(image: Path) -> list[Path]:
    """The files that an image consists of, sorted: one, or those of a DICOM folder.

    Raises:
        OSError: If the image is not there.
    """
    if image.is_dir():
        return sorted(file for file in image.iterdir() if file.is_file())
    if image.suffix.lower() in DETACHED:
        return sorted(file for file in image.parent.iterdir() if file.stem == image.stem)
    return [image]


def stamp(image: Path) -> Stamp:
    """Bytes and time of the last change (ns) of an image's files.

    Raises:
        OSError: If the image is not there.
    """
    states = [file.stat() for file in files_of(image)]
    return (sum(s.st_size for s in states), max((s.st_mtime_ns for s in states), default=0))


def sha256(image: Path) -> str:
    """The hash of an image file's bytes, or of all files of a DICOM folder in sorted order.

    Raises:
        OSError: If the image cannot be read.
    """
    total = hashlib.sha256()
    for file in files_of(image):
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    return total.hexdigest()


def has_stamps(volume: CachedVolume, images: Sequence[Path]) -> bool:
    """Whether a cached volume comes from these images, unchanged by size and time."""
    try:
        return volume.sources == tuple(images) and volume.stamps == tuple(map(stamp, images))
    except OSError:
        return False


def source_states(volumes: Iterable[CachedVolume]) -> dict[str, SourceState]:
    """What became of the sources since they were cached, by the volume's name."""
    return {volume.name: _state(volume) for volume in volumes}


def _state(volume: CachedVolume) -> SourceState:
    if has_stamps(volume, volume.sources):
        return "unchanged"
    try:
        hashes = tuple(map(sha256, volume.sources))
    except OSError:
        return "gone"
    return "unchanged" if hashes == volume.sha256 else "changed"
