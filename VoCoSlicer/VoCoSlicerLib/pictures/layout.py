"""The slice views and the 3-D views of the scene, fitted to a segmented volume.

The views are nodes of the scene: a `.mrb` opens with the views as they were fitted.
"""

import math

import numpy as np
import slicer
from numpy.typing import NDArray

from VoCoSlicerLib.pictures.bounds import crossing_point, enclose, surface_boxes
from VoCoSlicerLib.scene.geometry import volume_bounds

MARGIN = 1.1
"""Size of a view over the size of what is fitted into it."""


def fit_views(
    scene: slicer.vtkMRMLScene,
    volume_node: slicer.vtkMRMLScalarVolumeNode,
    segmentation_node: slicer.vtkMRMLSegmentationNode,
) -> None:
    """Show the volume in the slice views and its structures in the 3-D views.

    Every slice view shows the whole volume and lies where it crosses the most structures; every
    3-D view looks at the structures from the patient's front.
    """
    bounds = volume_bounds(volume_node)
    structures = surface_boxes(segmentation_node)
    if len(structures) == 0:
        structures = bounds[None]
    for composite_node in scene.GetNodesByClass("vtkMRMLSliceCompositeNode"):
        composite_node.SetBackgroundVolumeID(volume_node.GetID())
    for slice_node in scene.GetNodesByClass("vtkMRMLSliceNode"):
        slice_node.SetOrientationToDefault()
        _fit_slice(slice_node, bounds)
        slice_node.JumpSliceByOffsetting(*crossing_point(structures))
    for camera_node in scene.GetNodesByClass("vtkMRMLCameraNode"):
        _look_from_front(camera_node, enclose(structures))


def _fit_slice(slice_node: slicer.vtkMRMLSliceNode, bounds: NDArray[np.float64]) -> None:
    slice_node.JumpSliceByCentering(*bounds.mean(axis=0))
    slice_to_ras = slice_node.GetSliceToRAS()
    axes = np.array([[slice_to_ras.GetElement(r, c) for r in range(3)] for c in range(2)])
    width, height = MARGIN * np.abs(axes) @ np.ptp(bounds, axis=0)
    columns, rows, _ = slice_node.GetDimensions()
    pixel = max(width / columns, height / rows)
    slice_node.SetFieldOfView(pixel * columns, pixel * rows, slice_node.GetFieldOfView()[2])


def _look_from_front(camera_node: slicer.vtkMRMLCameraNode, bounds: NDArray[np.float64]) -> None:
    center = bounds.mean(axis=0)
    radius = MARGIN * np.linalg.norm(np.ptp(bounds, axis=0)) / 2
    distance = radius / math.sin(math.radians(camera_node.GetViewAngle()) / 2)
    camera_node.SetFocalPoint(center)
    camera_node.SetPosition(center + np.array([0.0, distance, 0.0]))
    camera_node.SetViewUp(0.0, 0.0, 1.0)
    camera_node.GetCamera().SetClippingRange(distance - radius, distance + radius)
