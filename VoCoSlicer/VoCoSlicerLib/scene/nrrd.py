"""NRRD files from the worker: what their header says, and their values.

Slicer's own reader ends the whole program on a file that is cut off, and blocks the window while
it reads; this one does neither.
"""

import math
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from VoCoSlicerLib.scene.geometry import RAS_TO_LPS, Matrix

CHUNK = 2**20
"""Bytes taken at a time: some milliseconds, also when they grow in decompression."""

LONGEST_LINE = 2**20

MOST_COMPRESSION = 1032
"""Bytes that one byte of gzip can stand for."""

TYPES = {
    "unsigned char": "u1",
    "uint8": "u1",
    "unsigned short": "u2",
    "uint16": "u2",
    "float": "f4",
}

ESCAPES = {r"\n": "\n", r"\\": "\\"}

DAMAGED = (OSError, ValueError, LookupError, EOFError, zlib.error)
"""What a file that is not there, cut off or damaged raises."""


@dataclass(frozen=True)
class NrrdHeader:
    """What a header says.

    Attributes:
        dtype: Of the values, with the file's order of bytes.
        sizes: Of the axes, the fastest first: three, or four with the components of a voxel first.
        index_to_ras: From voxel indices to mm.
        compressed: Whether the values are packed with gzip.
        keys: The free fields.
    """

    dtype: np.dtype[Any]
    sizes: tuple[int, ...]
    index_to_ras: Matrix
    compressed: bool
    keys: dict[str, str]

    @property
    def values(self) -> int:
        """How many values follow."""
        return math.prod(self.sizes)


def read_header(file: BinaryIO) -> NrrdHeader:
    """Read up to the empty line; the values follow.

    Raises:
        one of ``DAMAGED``: The file is not a 3-D image, or has fewer bytes than the header says.
    """
    if not file.readline(LONGEST_LINE).startswith(b"NRRD000"):
        raise ValueError("not an NRRD file")
    fields: dict[str, str] = {}
    keys: dict[str, str] = {}
    while line := file.readline(LONGEST_LINE).rstrip(b"\r\n").decode():
        key, separator, value = line.partition(":=")
        if separator:
            keys[key] = re.sub(r"\\[n\\]", lambda found: ESCAPES[found[0]], value)
        elif not line.startswith("#"):
            key, value = line.split(":", 1)
            fields[key] = value.strip()
    sizes = tuple(int(side) for side in fields["sizes"].split())
    if len(sizes) not in (3, 4) or min(sizes) < 1:
        raise ValueError("not a 3-D image")
    if fields["space"] != "left-posterior-superior":
        raise ValueError("another space")
    matrix = np.eye(4)
    matrix[:3, :3] = np.transpose(_vectors(fields["space directions"]))
    matrix[:3, 3] = _vectors(fields["space origin"])[0]
    header = NrrdHeader(
        np.dtype((">" if fields.get("endian") == "big" else "<") + TYPES[fields["type"]]),
        sizes,
        RAS_TO_LPS @ matrix,
        {"raw": False, "gzip": True, "gz": True}[fields["encoding"]],
        keys,
    )
    _check_size(header, os.fstat(file.fileno()).st_size - file.tell())
    return header


def _vectors(text: str) -> NDArray[np.float64]:
    rows = [row.split(",") for row in re.findall(r"\(([^)]*)\)", text)]
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def _check_size(header: NrrdHeader, left: int) -> None:
    """Refuse a header that announces more than the file can hold, before memory is taken."""
    size = header.values * header.dtype.itemsize
    if size > left * (MOST_COMPRESSION if header.compressed else 1):
        raise EOFError("fewer voxels than the header says")


def read_chunks(header: NrrdHeader, file: BinaryIO) -> Iterator[bytes]:
    """The bytes of the values, bit by bit.

    Raises:
        one of ``DAMAGED``: The file is cut off or damaged.
    """
    return _decompressed(file) if header.compressed else _raw(file)


def read_image(path: Path) -> tuple[NDArray[Any], Matrix]:
    """Read a small image with one value a voxel.

    Returns:
        The values (i, j, k) and the 4 x 4 matrix from indices to RAS in mm.

    Raises:
        one of ``DAMAGED``: The file is not there, cut off, damaged, or not such an image.
    """
    with path.open("rb") as file:
        header = read_header(file)
        data = b"".join(read_chunks(header, file))
    if len(header.sizes) != 3 or len(data) != header.values * header.dtype.itemsize:
        raise ValueError("not an image with one value a voxel")
    values = np.frombuffer(data, header.dtype).reshape(header.sizes, order="F")
    return values.astype(header.dtype.newbyteorder("=")), header.index_to_ras


def _raw(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _decompressed(file: BinaryIO) -> Iterator[bytes]:
    gzip = zlib.decompressobj(wbits=31)
    while not gzip.eof:
        packed = gzip.unconsumed_tail or file.read(CHUNK)
        if not packed:
            raise EOFError("cut off")
        yield gzip.decompress(packed, CHUNK)
