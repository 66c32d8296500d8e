"""The standard anatomical views, and what an image or a segment looks like in a slice of one.

Radiological convention: the patient's right, or front, is on the left of the picture.
"""

from dataclasses import dataclass, replace

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

AIR = -1024.0
"""The intensity in HU outside the image."""


@dataclass(frozen=True)
class AnatomicalView:
    """A view along one axis of RAS; on both other axes, R, A and S lie left or up.

    Attributes:
        name: what the view is called.
        across: the RAS axis (0, 1, 2) from the right to the left of the picture.
        upward: the RAS axis from the bottom to the top of the picture.
        depth: the RAS axis across the picture's plane.
    """

    name: str
    across: int
    upward: int
    depth: int

    @property
    def edges(self) -> tuple[str, str, str, str]:
        """The directions at the left, right, top and bottom edge of the picture, as letters."""
        return "RAS"[self.across], "LPI"[self.across], "RAS"[self.upward], "LPI"[self.upward]


AXIAL = AnatomicalView("Axial", across=0, upward=1, depth=2)
CORONAL = AnatomicalView("Coronal", across=0, upward=2, depth=1)
SAGITTAL = AnatomicalView("Sagittal", across=1, upward=2, depth=0)


@dataclass(frozen=True)
class Slice:
    """A plane through the patient, sampled on square pixels.

    Attributes:
        view: the view that the plane belongs to.
        bounds: the lowest and the highest R, A and S in mm, shape (2, 3), of what it shows.
        position: where the plane lies on the view's depth axis in mm.
        pixel: the side of a pixel in mm.
    """

    view: AnatomicalView
    bounds: NDArray[np.float64]
    position: float
    pixel: float

    def sample_volume(self, volume_node: slicer.vtkMRMLScalarVolumeNode) -> NDArray[np.float32]:
        """Sample the intensities of a volume, shape (upward, across), both axes ascending."""
        ras_to_ijk = vtk.vtkMatrix4x4()
        volume_node.GetRASToIJKMatrix(ras_to_ijk)
        return self._sample(volume_node.GetImageDataConnection(), ras_to_ijk, AIR)

    def sample_segment(self, segment: slicer.vtkSegment) -> NDArray[np.float32]:
        """Sample how much of each pixel a segment covers, 0 to 1, shape (upward, across)."""
        labelmap = segment.GetRepresentation("Binary labelmap")
        ras_to_ijk = vtk.vtkMatrix4x4()
        labelmap.GetWorldToImageMatrix(ras_to_ijk)
        image = vtk.vtkImageData()
        image.ShallowCopy(labelmap)
        image.SetOrigin(0.0, 0.0, 0.0)
        image.SetSpacing(1.0, 1.0, 1.0)
        image.SetDirectionMatrix(1, 0, 0, 0, 1, 0, 0, 0, 1)
        mask = vtk.vtkImageThreshold()
        mask.SetInputData(image)
        mask.ThresholdBetween(segment.GetLabelValue(), segment.GetLabelValue())
        mask.SetInValue(1.0)
        mask.SetOutValue(0.0)
        mask.SetOutputScalarTypeToFloat()
        return self._sample(mask.GetOutputPort(), ras_to_ijk, 0.0)

    def cropped_to_visible(self, volume_node: slicer.vtkMRMLScalarVolumeNode) -> "Slice":
        """Crop to the pixels that the window shows brighter than black, if there are any."""
        darkest = volume_node.GetDisplayNode().GetWindowLevelMin()
        visible = self.sample_volume(volume_node) > darkest
        if not visible.any():
            return self
        bounds = self.bounds.copy()
        for axis, filled in (
            (self.view.across, visible.any(0)),
            (self.view.upward, visible.any(1)),
        ):
            first, last = np.flatnonzero(filled)[[0, -1]]
            bounds[:, axis] = self.bounds[0, axis] + self.pixel * np.array([first, last + 1])
        return replace(self, bounds=bounds)

    def _sample(
        self, source: vtk.vtkAlgorithmOutput, ras_to_ijk: vtk.vtkMatrix4x4, outside: float
    ) -> NDArray[np.float32]:
        size = np.ceil(np.ptp(self.bounds, axis=0) / self.pixel).astype(int)
        size[self.view.depth] = 1
        first = self.bounds[0] + self.pixel / 2
        first[self.view.depth] = self.position
        transform = vtk.vtkTransform()
        transform.SetMatrix(ras_to_ijk)
        reslice = vtk.vtkImageReslice()
        reslice.SetInputConnection(source)
        reslice.SetResliceTransform(transform)
        reslice.SetInterpolationModeToLinear()
        reslice.SetBackgroundLevel(outside)
        reslice.SetOutputScalarType(vtk.VTK_FLOAT)
        reslice.SetOutputOrigin(first)
        reslice.SetOutputSpacing([self.pixel] * 3)
        reslice.SetOutputExtent(0, size[0] - 1, 0, size[1] - 1, 0, size[2] - 1)
        reslice.Update()
        sampled = vtk_to_numpy(reslice.GetOutput().GetPointData().GetScalars())
        return sampled.reshape(size[::-1]).squeeze(axis=2 - self.view.depth)
