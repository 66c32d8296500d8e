"""Whether a NIfTI file is whole: its reader fills what is missing with zeros and says nothing."""

import gzip
import math
from pathlib import Path

import SimpleITK as sitk

CHUNK = 1 << 24


def check_nifti_length(path: Path, reader: sitk.ImageFileReader) -> None:
    """Refuse a truncated NIfTI file.

    A gzip file ends with the length of its content. Only where that does not fit is the file
    read through, since it may also have been written in several parts.

    Args:
        path: The file.
        reader: Has read the file's header.

    Raises:
        EOFError: The file is shorter than its header says.
        OSError: The gzip stream is damaged; likewise ``zlib.error``.
    """
    voxels = math.prod(reader.GetSize()) * int(reader.GetMetaData("bitpix")) // 8
    expected = int(float(reader.GetMetaData("vox_offset"))) + voxels
    if path.suffix != ".gz":
        actual = path.stat().st_size
    elif _stated_length(path) == expected % 2**32:
        actual = expected
    else:
        actual = _unpacked_length(path)
    if actual < expected:
        raise EOFError(f"{actual} of {expected} bytes")


def _stated_length(path: Path) -> int:
    with path.open("rb") as file:
        file.seek(-4, 2)
        return int.from_bytes(file.read(4), "little")


def _unpacked_length(path: Path) -> int:
    length = 0
    with gzip.open(path) as file:
        while chunk := file.read(CHUNK):
            length += len(chunk)
    return length
