"""The worker's `.seg.nrrd` file: label maps, and what each label means.

Slicer's own reader ends the whole program on a file that is cut off, and blocks the window while
it reads; this one does neither.
"""

import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import slicer
from numpy.typing import NDArray
from vtk.util.numpy_support import get_vtk_array_type, vtk_to_numpy

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.geometry import RAS_TO_LPS, Matrix, as_matrix
from VoCoSlicerLib.scene.steps import Steps
from VoCoSlicerLib.scene.texts import tr as _

CHUNK = 2**20
"""Bytes taken at a time: some milliseconds, also when they grow in decompression."""

LONGEST_LINE = 2**20

MOST_COMPRESSION = 1032
"""Bytes that one byte of gzip can stand for."""

TYPES = {"unsigned char": "u1", "uint8": "u1", "unsigned short": "u2", "uint16": "u2"}

ESCAPES = {r"\n": "\n", r"\\": "\\"}


@dataclass(frozen=True)
class FileSegment:
    """A segment as the file describes it.

    Attributes:
        name: Its name.
        color: Red, green, blue, 0 to 1.
        terminology: Slicer's terminology entry; empty where there is none.
        layer: Which label map.
        label: Its value there.
    """

    name: str
    color: tuple[float, float, float]
    terminology: str
    layer: int
    label: int


@dataclass(frozen=True)
class SegFile:
    """What is in a file.

    Attributes:
        layers: Label maps on one grid, in RAS.
        segments: By name.
    """

    layers: list[slicer.vtkOrientedImageData]
    segments: dict[str, FileSegment]


@dataclass(frozen=True)
class _Header:
    dtype: np.dtype[Any]
    layers: int
    size: tuple[int, int, int]
    index_to_ras: Matrix
    compressed: bool
    segments: dict[str, FileSegment]

    @property
    def values(self) -> int:
        return self.layers * int(np.prod(self.size))


def reading_seg_nrrd(path: str | Path) -> Steps[SegFile]:
    """Read a whole segmentation file in steps of a few milliseconds.

    Raises:
        VoCoSlicerError: The file is not there, cut off, damaged, or not a segmentation.
    """
    try:
        with Path(path).open("rb") as file:
            header = _header(file)
            _check_size(header, os.fstat(file.fileno()).st_size - file.tell())
            layers = [_empty_layer(header) for number in range(header.layers)]
            yield from _fill(layers, header, file)
    except (OSError, ValueError, LookupError, EOFError, zlib.error) as error:
        raise VoCoSlicerError(
            _(
                "The result could not be read back, it is damaged or cut off: check that the "
                "disk of the temporary folder is not full, and apply again."
            )
        ) from error
    return SegFile(layers, header.segments)


def _header(file: BinaryIO) -> _Header:
    """Read up to the empty line; the voxels follow."""
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

    sizes = [int(side) for side in fields["sizes"].split()]
    layers = sizes.pop(0) if len(sizes) == 4 else 1
    if len(sizes) != 3 or min(sizes) < 1 or layers < 1:
        raise ValueError("not a 3-D image")
    if fields["space"] != "left-posterior-superior":
        raise ValueError("another space")
    order = ">" if fields.get("endian") == "big" else "<"
    matrix = np.eye(4)
    axes = _vectors(fields["space directions"])
    matrix[:3, :3] = np.transpose(axes)
    matrix[:3, 3] = _vectors(fields["space origin"])[0]
    return _Header(
        np.dtype(order + TYPES[fields["type"]]),
        layers,
        (sizes[0], sizes[1], sizes[2]),
        RAS_TO_LPS @ matrix,
        {"raw": False, "gzip": True, "gz": True}[fields["encoding"]],
        {segment.name: segment for segment in _segments(keys)},
    )


def _check_size(header: _Header, left: int) -> None:
    """Refuse a header that announces more than the file can hold, before memory is taken."""
    size = header.values * header.dtype.itemsize
    if size > left * (MOST_COMPRESSION if header.compressed else 1):
        raise EOFError("fewer voxels than the header says")
    if any(not 0 <= segment.layer < header.layers for segment in header.segments.values()):
        raise ValueError("a segment in a layer that is not there")


def _vectors(text: str) -> NDArray[np.float64]:
    rows = [row.split(",") for row in re.findall(r"\(([^)]*)\)", text)]
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def _segments(keys: dict[str, str]) -> Iterator[FileSegment]:
    number = 0
    while f"Segment{number}_Name" in keys:
        prefix = f"Segment{number}_"
        tags = dict(
            tag.split(":", 1) for tag in keys.get(prefix + "Tags", "").split("|") if ":" in tag
        )
        red, green, blue = (float(value) for value in keys[prefix + "Color"].split())
        yield FileSegment(
            keys[prefix + "Name"],
            (red, green, blue),
            tags.get("TerminologyEntry", ""),
            int(keys[prefix + "Layer"]),
            int(keys[prefix + "LabelValue"]),
        )
        number += 1


def _empty_layer(header: _Header) -> slicer.vtkOrientedImageData:
    layer = slicer.vtkOrientedImageData()
    layer.SetDimensions(header.size)
    layer.SetImageToWorldMatrix(as_matrix(header.index_to_ras))
    layer.AllocateScalars(get_vtk_array_type(header.dtype.newbyteorder("=")), 1)
    return layer


def _fill(
    layers: list[slicer.vtkOrientedImageData], header: _Header, file: BinaryIO
) -> Steps[None]:
    """Put the file's values, which alternate between the layers, into the label maps."""
    arrays = [vtk_to_numpy(layer.GetPointData().GetScalars()) for layer in layers]
    filled = 0
    rest = b""
    for chunk in _decompressed(file) if header.compressed else _raw(file):
        data = rest + chunk
        whole = len(data) // header.dtype.itemsize
        values = np.frombuffer(data, header.dtype, whole)
        rest = data[whole * header.dtype.itemsize :]
        if filled + whole > header.values:
            raise ValueError("more voxels than the header says")
        for number, array in enumerate(arrays):
            own = values[(number - filled) % len(arrays) :: len(arrays)]
            start = -(-(filled - number) // len(arrays))
            array[start : start + len(own)] = own
        filled += whole
        yield filled / header.values
    if filled != header.values or rest:
        raise EOFError("fewer voxels than the header says")


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
