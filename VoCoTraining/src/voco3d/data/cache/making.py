"""The work of one source: a function of the source and the settings, run in any process."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import SimpleITK as sitk

from voco3d.data.cache.index import CachedVolume, Stamp
from voco3d.data.cache.sources import sha256, stamp
from voco3d.data.cache.storage import ENDING, write_voxels
from voco3d.data.images import read_image, series_in
from voco3d.data.lists import Source
from voco3d.data.volume import Volume, VolumeSettings, to_volume
from voco3d.errors import VoCoError

VOLUMES = "volumes"
"""The folder of the volume files in a cache."""


@dataclass(frozen=True)
class Made:
    """What became of one source: a cached volume, perhaps the old one, or why there is none."""

    volume: CachedVolume | None
    reused: bool = False
    reason: str = ""


def make_volume(
    source: Source, settings: VolumeSettings, folder: Path, known: CachedVolume | None
) -> Made:
    """Read a source, prepare it, and write it into the cache.

    The file is named by the hash of the source: a source that changed gets another file, and the
    old one stays whole until the index no longer needs it. The process that runs this writes the
    file itself, so on other machines the data and the cache must have the same paths.

    Args:
        source: The volume.
        settings: What is done to it.
        folder: The cache.
        known: The volume that is cached under this name, if its content may still be the same.

    Raises:
        VoCoError: If the file cannot be written.
    """
    try:
        stamps = tuple(map(stamp, source.images))
        hashes = tuple(map(sha256, source.images))
        if known is not None and known.sha256 == hashes:
            return Made(updated(known, source, stamps), reused=True)
        with _one_thread():
            prepared = to_volume([_read(path) for path in source.images], settings)
    except VoCoError as error:
        return Made(None, reason=str(error))
    except OSError as error:
        return Made(None, reason=f"It cannot be read: {error.strerror or error}.")
    except MemoryError:
        return Made(None, reason="It does not fit into the memory.")
    return Made(_write(source, prepared, folder, hashes, stamps))


def updated(volume: CachedVolume, source: Source, stamps: tuple[Stamp, ...]) -> CachedVolume:
    """A cached volume whose source is the same in content, wherever and in whichever part."""
    return replace(volume, sources=source.images, part=source.part, stamps=stamps)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let ITK work in one thread, since the cores work on other sources, and print nothing."""
    threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


def _read(path: Path) -> sitk.Image:
    if path.is_dir() and len(series_in(path)) > 1:
        raise VoCoError(f"{path} holds several DICOM series: give each a folder of its own.")
    return read_image(path)


def _write(
    source: Source,
    prepared: Volume,
    folder: Path,
    hashes: tuple[str, ...],
    stamps: tuple[Stamp, ...],
) -> CachedVolume:
    content = hashlib.sha256("".join(hashes).encode()).hexdigest()
    file = f"{VOLUMES}/{content[:32]}{ENDING}"
    grid = prepared.grid
    return CachedVolume(
        name=source.name,
        part=source.part,
        sources=source.images,
        sha256=hashes,
        stamps=stamps,
        shape=prepared.array.shape,
        spacing=grid.GetSpacing(),
        origin=grid.GetOrigin(),
        direction=grid.GetDirection(),
        file=file,
        bytes=write_voxels(folder / file, prepared.array),
    )
