"""From the scene to the worker: a volume as a file, its grid, a region of interest."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.geometry import (
    RAS_TO_LPS,
    Matrix,
    as_array,
    index_to_world,
    is_grid,
    to_world,
)
from VoCoSlicerLib.scene.steps import Steps, finish
from VoCoSlicerLib.scene.texts import tr as _

CHUNK = 4 * 2**20
"""Bytes written at a time: some milliseconds."""


def check_volume(volume_node: slicer.vtkMRMLScalarVolumeNode | None) -> None:
    """Refuse a volume that cannot be segmented.

    Raises:
        VoCoSlicerError: There is no volume or it has no voxels, it is a label map or has several
            values a voxel, it is not 3-D, or its axes (with its transform) are not perpendicular.
    """
    if volume_node is None:
        raise VoCoSlicerError(_("There is no volume: choose the image to segment."))
    name = volume_node.GetName()
    image = volume_node.GetImageData()
    if image is None or image.GetNumberOfPoints() == 0:
        raise VoCoSlicerError(
            _("{name} has no voxels: load its image, or choose another volume.").format(name=name)
        )
    if volume_node.IsA("vtkMRMLLabelMapVolumeNode"):
        raise VoCoSlicerError(
            _("{name} is a label map: choose the image it was drawn on.").format(name=name)
        )
    if image.GetNumberOfScalarComponents() != 1:
        raise VoCoSlicerError(
            _(
                "{name} has {count} values a voxel (colours or vectors): choose a volume with "
                "one, such as a CT."
            ).format(name=name, count=image.GetNumberOfScalarComponents())
        )
    if min(image.GetDimensions()) < 2:
        raise VoCoSlicerError(
            _("{name} is a single slice: choose a volume of many slices.").format(name=name)
        )
    if not is_grid(index_to_world(volume_node)):
        raise VoCoSlicerError(
            _(
                "The axes of {name} are not perpendicular, by itself or through its transform: "
                "resample it (Resample Scalar/Vector/DWI Volume) or take it out of the transform."
            ).format(name=name)
        )


def grid_of(volume_node: slicer.vtkMRMLScalarVolumeNode) -> dict[str, Any]:
    """The volume's voxel grid in the world, its (linear) parent transform included.

    Returns:
        ``size`` (i, j, k), ``spacing`` in mm, ``origin`` in mm and ``direction`` (9 numbers, row
        by row) in LPS, as SimpleITK has them.

    Raises:
        VoCoSlicerError: As ``check_volume``.
    """
    check_volume(volume_node)
    matrix = RAS_TO_LPS @ index_to_world(volume_node)
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    return {
        "size": list(volume_node.GetImageData().GetDimensions()),
        "spacing": spacing.tolist(),
        "origin": matrix[:3, 3].tolist(),
        "direction": (matrix[:3, :3] / spacing).ravel().tolist(),
    }


def write_volume(volume_node: slicer.vtkMRMLScalarVolumeNode, path: str | Path) -> None:
    """Write the volume as an uncompressed NRRD file on its grid in the world (``grid_of``).

    Voxels keep their values and their type. A failure leaves no file.

    Raises:
        VoCoSlicerError: As ``check_volume``, or the file cannot be written.
    """
    finish(writing_volume(volume_node, path))


def writing_volume(volume_node: slicer.vtkMRMLScalarVolumeNode, path: str | Path) -> Steps[None]:
    """``write_volume`` in steps of a few milliseconds; closing the generator leaves no file."""
    check_volume(volume_node)
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    voxels = vtk_to_numpy(volume_node.GetImageData().GetPointData().GetScalars())
    header = nrrd_header(
        voxels.dtype,
        volume_node.GetImageData().GetDimensions(),
        RAS_TO_LPS @ index_to_world(volume_node),
    )
    data = np.ascontiguousarray(voxels).data.cast("B")
    try:
        with part.open("wb") as file:
            file.write(header)
            for start in range(0, len(data), CHUNK):
                file.write(data[start : start + CHUNK])
                yield min(start + CHUNK, len(data)) / len(data)
        part.replace(path)
    except OSError as error:
        raise VoCoSlicerError(
            _(
                "The volume cannot be written to {folder} ({reason}): free some disk space, or "
                "choose another temporary folder in Slicer's application settings."
            ).format(folder=path.parent, reason=error.strerror)
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()


def nrrd_header(dtype: np.dtype[Any], size: tuple[int, ...], index_to_lps: Matrix) -> bytes:
    """The header of a 3-D NRRD file whose voxels follow, raw, first axis fastest."""
    axes = " ".join(_vector(axis) for axis in index_to_lps[:3, :3].T)
    lines = [
        "NRRD0004",
        f"type: {_type_name(dtype)}",
        "dimension: 3",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, size))}",
        f"space directions: {axes}",
        "kinds: domain domain domain",
        f"endian: {sys.byteorder}",
        "encoding: raw",
        f"space origin: {_vector(index_to_lps[:3, 3])}",
    ]
    return ("\n".join(lines) + "\n\n").encode("ascii")


def _type_name(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "f":
        return "float" if dtype.itemsize == 4 else "double"
    return dtype.name


def _vector(values: NDArray[np.float64]) -> str:
    return f"({','.join(repr(float(value)) for value in values)})"


def region_of(roi_node: slicer.vtkMRMLMarkupsROINode) -> dict[str, Any]:
    """A region of interest as an oriented box, its (linear) parent transform included.

    Returns:
        ``matrix``: 16 numbers row by row, a 4 x 4 matrix from the unit cube [-0.5, 0.5]^3 to LPS
        in mm.

    Raises:
        VoCoSlicerError: The region is not placed, is flat or inside out, or its transform is not
            linear.
    """
    return {"matrix": (RAS_TO_LPS @ _box_to_world(roi_node)).ravel().tolist()}


def volume_inside(
    roi_node: slicer.vtkMRMLMarkupsROINode, volume_node: slicer.vtkMRMLScalarVolumeNode
) -> float:
    """The share of the volume that lies in the region of interest, 0 (they do not meet) to 1.

    A voxel counts where its centre is inside; a row of voxels enters and leaves the box once.

    Raises:
        VoCoSlicerError: As ``check_volume`` and ``region_of``.
    """
    check_volume(volume_node)
    index_to_box = np.linalg.inv(_box_to_world(roi_node)) @ index_to_world(volume_node)
    columns, rows, slices = volume_node.GetImageData().GetDimensions()
    j, k = np.meshgrid(np.arange(rows), np.arange(slices), indexing="ij")
    first, last = np.zeros(j.shape), np.full(j.shape, columns - 1.0)
    for along, *across in index_to_box[:3]:
        start = across[0] * j + across[1] * k + across[2]
        if along == 0:  # the rows run along the faces: each lies between them or not
            last = np.where(np.abs(start) <= 0.5, last, -1.0)
            continue
        ends = (np.array([-0.5, 0.5])[:, None, None] - start) / along
        first = np.maximum(first, np.ceil(ends.min(axis=0)))
        last = np.minimum(last, np.floor(ends.max(axis=0)))
    inside = np.maximum(last - first + 1, 0).sum()
    return float(inside) / (columns * rows * slices)


def _box_to_world(roi_node: slicer.vtkMRMLMarkupsROINode) -> Matrix:
    """From the unit cube [-0.5, 0.5]^3 to RAS in the world."""
    name = roi_node.GetName()
    to_world(roi_node)
    size = np.array(roi_node.GetSize())
    if size.min() <= 0:
        raise VoCoSlicerError(
            _(
                "The region {name} is not placed or is flat: place it around the structures, or "
                "choose no region."
            ).format(name=name)
        )
    if roi_node.GetInsideOut():
        raise VoCoSlicerError(
            _("The region {name} is inside out: turn that off in the Markups module.").format(
                name=name
            )
        )
    return as_array(roi_node.GetObjectToWorldMatrix()) @ np.diag([*size, 1.0])
