"""The worker's `.seg.nrrd` file: label maps, and what each label means."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import slicer
from vtk.util.numpy_support import get_vtk_array_type, vtk_to_numpy

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.geometry import as_matrix
from VoCoSlicerLib.scene.nrrd import DAMAGED, NrrdHeader, read_chunks, read_header
from VoCoSlicerLib.scene.steps import Steps
from VoCoSlicerLib.scene.texts import tr as _


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


def reading_seg_nrrd(path: str | Path) -> Steps[SegFile]:
    """Read a whole segmentation file in steps of a few milliseconds.

    Raises:
        VoCoSlicerError: The file is not there, cut off, damaged, or not a segmentation.
    """
    try:
        with Path(path).open("rb") as file:
            header = read_header(file)
            segments = {segment.name: segment for segment in _segments(header.keys)}
            layers = [_empty_layer(header) for number in range(_check_layers(header, segments))]
            yield from _fill(layers, header, file)
    except DAMAGED as error:
        raise VoCoSlicerError(
            _(
                "The result could not be read back, it is damaged or cut off: check that the "
                "disk of the temporary folder is not full, and apply again."
            )
        ) from error
    return SegFile(layers, segments)


def _check_layers(header: NrrdHeader, segments: Mapping[str, FileSegment]) -> int:
    """How many label maps the file has."""
    if header.dtype.kind != "u":
        raise ValueError("not label maps")
    layers = header.sizes[0] if len(header.sizes) == 4 else 1
    if any(not 0 <= segment.layer < layers for segment in segments.values()):
        raise ValueError("a segment in a layer that is not there")
    return layers


def _segments(keys: Mapping[str, str]) -> Iterator[FileSegment]:
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


def _empty_layer(header: NrrdHeader) -> slicer.vtkOrientedImageData:
    layer = slicer.vtkOrientedImageData()
    layer.SetDimensions(header.sizes[-3:])
    layer.SetImageToWorldMatrix(as_matrix(header.index_to_ras))
    layer.AllocateScalars(get_vtk_array_type(header.dtype.newbyteorder("=")), 1)
    return layer


def _fill(
    layers: list[slicer.vtkOrientedImageData], header: NrrdHeader, file: BinaryIO
) -> Steps[None]:
    """Put the file's values, which alternate between the layers, into the label maps."""
    arrays = [vtk_to_numpy(layer.GetPointData().GetScalars()) for layer in layers]
    filled = 0
    rest = b""
    for chunk in read_chunks(header, file):
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
