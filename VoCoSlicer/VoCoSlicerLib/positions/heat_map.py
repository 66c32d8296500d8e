"""The images of a sweep: which base is predicted where, and how far off it is."""

from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import get_vtk_array_type, vtk_to_numpy

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.geometry import Matrix, as_matrix
from VoCoSlicerLib.scene.nrrd import DAMAGED, read_image
from VoCoSlicerLib.scene.texts import tr as _

Image = tuple[NDArray[Any], Matrix]


def read_sweep(chosen: str | Path, errors: str | Path) -> tuple[Image, Image]:
    """Read both images.

    Raises:
        VoCoSlicerError: One cannot be read, or they are not two images of one grid.
    """
    try:
        bases, distances = read_image(Path(chosen)), read_image(Path(errors))
        if bases[0].dtype.kind != "u" or distances[0].dtype.kind != "f":
            raise ValueError("other values")
        if bases[0].shape != distances[0].shape or not np.allclose(bases[1], distances[1]):
            raise ValueError("two grids")
    except DAMAGED as error:
        raise VoCoSlicerError(
            _(
                "The heat map could not be read back, it is damaged or cut off: check that the "
                "disk of the temporary folder is not full, and sweep again."
            )
        ) from error
    return bases, distances


def fill_volume(node: slicer.vtkMRMLVolumeNode, image: Image) -> None:
    """Give a volume node these voxels, in their place in the world."""
    values, matrix = image
    data = vtk.vtkImageData()
    data.SetDimensions(values.shape)
    data.AllocateScalars(get_vtk_array_type(values.dtype), 1)
    vtk_to_numpy(data.GetPointData().GetScalars())[:] = values.ravel(order="F")
    node.SetIJKToRASMatrix(as_matrix(matrix))
    node.SetAndObserveImageData(data)
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()


def show_bases(
    node: slicer.vtkMRMLLabelMapVolumeNode, colours: slicer.vtkMRMLColorTableNode
) -> None:
    """Let a label map of base numbers have the colours of the bases."""
    node.GetDisplayNode().SetAndObserveColorNodeID(colours.GetID())


def show_errors(
    node: slicer.vtkMRMLScalarVolumeNode, colours: slicer.vtkMRMLColorTableNode
) -> None:
    """Let a volume of distances range over the colours from 0 to the largest of them."""
    values = vtk_to_numpy(node.GetImageData().GetPointData().GetScalars())
    largest = float(np.nanmax(values, initial=1.0))
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID(colours.GetID())
    display.AutoWindowLevelOff()
    display.SetWindowLevel(largest, largest / 2)
    display.SetInterpolate(False)
