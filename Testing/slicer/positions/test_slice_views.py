"""What the slice views show: an image over a volume, a place, two volumes."""

from typing import Any

import pytest
import vtk

from VoCoSlicerLib.positions.slice_views import (
    go_to,
    go_to_in,
    lay_over,
    show_side_by_side,
    views_of,
)
from VoCoSlicerLib.scene.headless import HeadlessApplication


def composites(application: HeadlessApplication) -> dict[str, Any]:
    nodes = application.scene.GetNodesByClass("vtkMRMLSliceCompositeNode")
    return {node.GetLayoutName(): node for node in nodes}


def slices(application: HeadlessApplication) -> dict[str, Any]:
    nodes = application.scene.GetNodesByClass("vtkMRMLSliceNode")
    return {node.GetLayoutName(): node for node in nodes}


def origin(slice_node: Any) -> list[float]:
    return [slice_node.GetSliceToRAS().GetElement(row, 3) for row in range(3)]


def volume(application: HeadlessApplication, kind: str, shift: float = 0.0) -> Any:
    """30 x 20 x 10 voxels of 2 mm, moved along R."""
    node = application.scene.AddNewNodeByClass(kind)
    image = vtk.vtkImageData()
    image.SetDimensions(30, 20, 10)
    image.AllocateScalars(vtk.VTK_SHORT, 1)
    node.SetAndObserveImageData(image)
    node.SetSpacing(2.0, 2.0, 2.0)
    node.SetOrigin(shift, 0.0, 0.0)
    return node


def test_labels_and_images_lie_in_layers_of_their_own(application: HeadlessApplication) -> None:
    bases = volume(application, "vtkMRMLLabelMapVolumeNode")
    errors = volume(application, "vtkMRMLScalarVolumeNode")
    mine = volume(application, "vtkMRMLScalarVolumeNode")
    for node in composites(application).values():
        node.SetForegroundVolumeID(mine.GetID())
    lay_over(bases, [errors], application.scene)
    for node in composites(application).values():
        assert node.GetLabelVolumeID() == bases.GetID()
        assert node.GetForegroundVolumeID() == mine.GetID(), "the user's own stays"
    lay_over(errors, [bases], application.scene)
    for node in composites(application).values():
        assert node.GetLabelVolumeID() is None
        assert node.GetForegroundVolumeID() == errors.GetID()
        assert 0 < node.GetForegroundOpacity() < 1
    lay_over(None, [bases, errors], application.scene)
    for node in composites(application).values():
        assert (node.GetLabelVolumeID(), node.GetForegroundVolumeID()) == (None, None)


def test_all_views_go_to_a_place(application: HeadlessApplication) -> None:
    go_to((12.0, -7.0, 30.0), application.scene)
    for node in slices(application).values():
        assert origin(node) == pytest.approx([12.0, -7.0, 30.0])


def test_only_the_views_of_a_volume_go_there(application: HeadlessApplication) -> None:
    one = volume(application, "vtkMRMLScalarVolumeNode")
    other = volume(application, "vtkMRMLScalarVolumeNode", 200.0)
    assert not go_to_in(one, (1.0, 2.0, 3.0))
    for name, node in composites(application).items():
        node.SetBackgroundVolumeID((one if name == "Green" else other).GetID())
    assert [node.GetLayoutName() for node in views_of(one)] == ["Green"]
    before = origin(slices(application)["Red"])
    assert go_to_in(one, (1.0, 2.0, 3.0))
    assert origin(slices(application)["Green"]) == pytest.approx([1.0, 2.0, 3.0])
    assert origin(slices(application)["Red"]) == before


def test_two_volumes_are_seen_whole_and_move_on_their_own(
    application: HeadlessApplication,
) -> None:
    one = volume(application, "vtkMRMLScalarVolumeNode")
    other = volume(application, "vtkMRMLScalarVolumeNode", 200.0)
    composites(application)["Red"].SetLinkedControl(True)
    show_side_by_side(one, other)
    shown = composites(application)
    assert shown["Red"].GetBackgroundVolumeID() == one.GetID()
    assert shown["Yellow"].GetBackgroundVolumeID() == other.GetID()
    assert not shown["Red"].GetLinkedControl()
    views = slices(application)
    assert views["Yellow"].GetOrientation() == "Axial"
    assert views["Yellow"].GetFieldOfView()[0] >= 60.0
    bounds = [0.0] * 6
    other.GetRASBounds(bounds)
    middle = [(low + high) / 2 for low, high in zip(bounds[::2], bounds[1::2], strict=True)]
    assert origin(views["Yellow"]) == pytest.approx(middle)
