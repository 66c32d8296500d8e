"""Files are written beside their place and moved there: what is there is whole."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from voco3d.errors import VoCoError


def check_writable(path: Path, overwrite: bool) -> None:
    """Refuse, before any work, a file that could not be written after it.

    Raises:
        VoCoError: If the folder is absent or not writable, or the file exists and is not to be
            replaced.
    """
    folder = path.parent
    if not os.path.isdir(folder):
        raise VoCoError(f"The output folder {folder} does not exist: make it first.")
    if os.path.isdir(path):
        raise VoCoError(f"The output {path} is a folder: name a file.")
    if os.path.lexists(path) and not overwrite:
        raise VoCoError(f"{path} exists already: choose another name or say --overwrite.")
    probe = part_of(path)
    try:
        probe.touch()
    except OSError as error:
        raise VoCoError(
            f"The output folder {folder} cannot be written to: {error.strerror}."
        ) from error
    finally:
        discard(path)


def write_aside(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a file beside ``path``, then move it there; leave nothing on failure.

    Raises:
        VoCoError: If the file cannot be written, for example since the disk is full.
    """
    write_together({path: write})


def write_together(
    writers: Mapping[Path, Callable[[Path], None]], ready: Callable[[], None] | None = None
) -> None:
    """``write_aside`` for several files: none is moved to its place before all are written.

    Args:
        writers: What fills each file.
        ready: Called before the first file is moved; an exception from it leaves nothing.

    Raises:
        VoCoError: If a file cannot be written, for example since the disk is full.
    """
    path = next(iter(writers))
    try:
        for path, write in writers.items():
            write(part_of(path))
        if ready is not None:
            ready()
        for path in writers:
            part_of(path).replace(path)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise VoCoError(
            f"{path} cannot be written ({reason or 'the disk may be full'}): free some space or "
            "choose another folder."
        ) from error
    finally:
        for path in writers:
            discard(path)


def write_image(path: Path, image: sitk.Image, compressed: bool = True) -> None:
    """Write an image and read it back: image writers do not report a full disk.

    Raises:
        OSError: If what was written is not what was to be written.
        RuntimeError: If the image cannot be written or read back.
    """
    sitk.WriteImage(image, str(path), useCompression=compressed)
    written = sitk.ReadImage(str(path))
    there, meant = map(sitk.GetArrayViewFromImage, (written, image))
    if not np.array_equal(there, meant, equal_nan=True):
        raise OSError("what was written differs from the image")


def write_json(path: Path, values: object) -> None:
    """Write values as JSON, for people to read.

    Raises:
        OSError: If the file cannot be written.
    """
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def part_of(path: Path) -> Path:
    """The hidden neighbour in which a file is written; its ending decides the format."""
    return path.with_name(f".part-{os.getpid()}-{path.name}")


def discard(path: Path) -> None:
    """Remove what was written aside for a file."""
    try:
        part_of(path).unlink(missing_ok=True)
    except OSError:
        return
