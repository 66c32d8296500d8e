"""What the slice views show of positions: an image of a sweep, a place, two volumes at once."""

from collections.abc import Iterable

import slicer

from VoCoSlicerLib.positions.bases import Point
from VoCoSlicerLib.scene.geometry import volume_bounds

OVERLAY_OPACITY = 0.4
MARGIN = 1.1
"""Size of a view over the size of the volume in it."""

LEFT, RIGHT = "Red", "Yellow"
"""The slice views of Slicer's layout "Side by side"."""


def lay_over(
    shown: slicer.vtkMRMLScalarVolumeNode | None,
    hidden: Iterable[slicer.vtkMRMLScalarVolumeNode],
    scene: slicer.vtkMRMLScene,
) -> None:
    """Lay an image over what the slice views show, and take others away.

    Args:
        shown: The image; None lays nothing over.
        hidden: What may lie there and is to go.
        scene: Of the views.
    """
    away = {node.GetID() for node in hidden}
    for composite_node in scene.GetNodesByClass("vtkMRMLSliceCompositeNode"):
        if composite_node.GetForegroundVolumeID() in away:
            composite_node.SetForegroundVolumeID(None)
        if composite_node.GetLabelVolumeID() in away:
            composite_node.SetLabelVolumeID(None)
        if shown is None:
            continue
        if shown.IsA("vtkMRMLLabelMapVolumeNode"):
            composite_node.SetLabelVolumeID(shown.GetID())
            composite_node.SetLabelOpacity(OVERLAY_OPACITY)
        else:
            composite_node.SetForegroundVolumeID(shown.GetID())
            composite_node.SetForegroundOpacity(OVERLAY_OPACITY)


def go_to(place: Point, scene: slicer.vtkMRMLScene) -> None:
    """Move all slice views so that a place is in their middle."""
    for slice_node in scene.GetNodesByClass("vtkMRMLSliceNode"):
        slice_node.JumpSliceByCentering(*place)


def views_of(volume_node: slicer.vtkMRMLScalarVolumeNode) -> list[slicer.vtkMRMLSliceNode]:
    """The slice views that show a volume."""
    scene = volume_node.GetScene()
    names = {
        composite_node.GetLayoutName()
        for composite_node in scene.GetNodesByClass("vtkMRMLSliceCompositeNode")
        if composite_node.GetBackgroundVolumeID() == volume_node.GetID()
    }
    nodes = scene.GetNodesByClass("vtkMRMLSliceNode")
    return [node for node in nodes if node.GetLayoutName() in names]


def go_to_in(volume_node: slicer.vtkMRMLScalarVolumeNode, place: Point) -> bool:
    """Move the slice views that show a volume to a place; say whether there are any."""
    views = views_of(volume_node)
    for slice_node in views:
        slice_node.JumpSliceByCentering(*place)
    return bool(views)


def show_side_by_side(
    left: slicer.vtkMRMLScalarVolumeNode, right: slicer.vtkMRMLScalarVolumeNode
) -> None:
    """Show axial slices of two volumes beside each other, in views that move on their own."""
    scene = left.GetScene()
    layout_node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if layout_node is not None:
        layout_node.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutSideBySideView)
    for name, volume_node in ((LEFT, left), (RIGHT, right)):
        for composite_node in scene.GetNodesByClass("vtkMRMLSliceCompositeNode"):
            if composite_node.GetLayoutName() == name:
                composite_node.SetLinkedControl(False)
                composite_node.SetBackgroundVolumeID(volume_node.GetID())
        for slice_node in scene.GetNodesByClass("vtkMRMLSliceNode"):
            if slice_node.GetLayoutName() == name:
                slice_node.SetOrientation("Axial")
                _fit(slice_node, volume_node)


def _fit(axial_node: slicer.vtkMRMLSliceNode, volume_node: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Show a whole volume in an axial view, and its middle slice."""
    low, high = volume_bounds(volume_node)
    axial_node.JumpSliceByCentering(*((low + high) / 2).tolist())
    width, height, _depth = (MARGIN * (high - low)).tolist()
    columns, rows, _slices = axial_node.GetDimensions()
    pixel = max(width / columns, height / rows)
    axial_node.SetFieldOfView(pixel * columns, pixel * rows, axial_node.GetFieldOfView()[2])
