"""The same place in another volume: two linked points or boxes, with a real worker."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from Testing import harness
from Testing.slicer.window.driver import load
from Testing.slicer.window.positions_window import *  # noqa: F403
from Testing.slicer.window.positions_window import Panel, nodes_in_scene, shown
from voco3d.phantom import Phantom
from voco3d.positions import PlaceFinder, Positioner

import slicer  # isort: skip

from VoCoSlicerLib.positions.same_place import SamePlace

SHIFT = np.array([40.0, -30.0, 20.0])
"""Of the other volume, LPS mm."""


@pytest.fixture
def moved(phantom: Phantom) -> sitk.Image:
    """The phantom elsewhere."""
    image = sitk.Image(phantom.image)
    image.SetOrigin((np.array(image.GetOrigin()) + SHIFT).tolist())
    return image


@pytest.fixture
def other(panel: Panel, moved: sitk.Image, tmp_path: Path) -> Any:
    """The other volume, chosen."""
    node = load(moved, tmp_path, "other")
    panel.ui.otherVolumeSelector.setCurrentNode(node)
    return node


def link(panel: Panel) -> SamePlace:
    """Press Link, and wait for the first answer."""
    panel.ui.linkButton.click()
    found = panel.part._place._link
    assert found is not None
    panel.wait(lambda: found.found() is not None)
    panel.wait(lambda: panel.jobs.idle)
    return found


def drag(panel: Panel, made: SamePlace, *shift: float) -> np.ndarray:
    """Move the point, and wait for the answer."""
    place = np.array(made.place()) + shift
    before = made.found()
    made.place_node.SetNthControlPointPositionWorld(0, *place)
    panel.wait(lambda: made.found() != before)
    panel.wait(lambda: panel.jobs.idle)
    return place


def test_the_other_point_is_where_the_library_finds_it(
    panel: Panel, other: Any, phantom: Phantom, moved: sitk.Image, models: Path
) -> None:
    made = link(panel)
    place = drag(panel, made, 25.0, -10.0, 15.0)
    finder = PlaceFinder(Positioner(models / "tiny", "cpu"), phantom.image, moved)
    expected = finder.find([place])[0]
    assert np.allclose(made.found(), expected.place, atol=0.1)
    assert panel.ui.placeLabel.text == made.text != ""


def test_the_views_of_the_other_volume_go_there(panel: Panel, other: Any) -> None:
    panel.ui.sideBySideButton.click()
    made = link(panel)
    drag(panel, made, 20.0, 0.0, 0.0)
    nodes = slicer.mrmlScene.GetNodesByClass("vtkMRMLSliceNode")
    views = {node.GetLayoutName(): node for node in nodes}
    matrix = views["Yellow"].GetSliceToRAS()
    assert [matrix.GetElement(n, 3) for n in range(3)] == pytest.approx(list(made.found()))
    matrix = views["Red"].GetSliceToRAS()
    assert [matrix.GetElement(n, 3) for n in range(3)] != pytest.approx(list(made.found()))


def test_a_box_is_found_as_the_library_finds_it(
    panel: Panel, other: Any, phantom: Phantom, moved: sitk.Image, models: Path
) -> None:
    """Moved first, then stretched."""
    assert [panel.ui.markComboBox.itemText(n) for n in range(2)] == ["A point", "A box"]
    panel.ui.markComboBox.setCurrentIndex(1)
    made = link(panel)
    assert not panel.ui.markComboBox.enabled
    finder = PlaceFinder(Positioner(models / "tiny", "cpu"), phantom.image, moved)
    node = made.place_node
    for change in (
        lambda: node.SetCenterWorld(*np.add(made.place(), (15.0, -10.0, 5.0))),
        lambda: node.SetSize(120.0, 30.0, 60.0),
    ):
        before = made.found()
        change()
        panel.wait(lambda: made.found() != before)  # noqa: B023
        panel.wait(lambda: panel.jobs.idle)
        (expected,) = finder.find_boxes([made.where()])
        assert np.allclose(made.found(), expected.place, atol=0.1)
        assert made.found_node.GetSize() == pytest.approx(node.GetSize(), abs=1e-3)
    panel.ui.linkButton.click()
    assert panel.ui.markComboBox.enabled


def test_side_by_side_shows_both(panel: Panel, ct: Any, other: Any) -> None:
    panel.ui.sideBySideButton.click()
    nodes = slicer.mrmlScene.GetNodesByClass("vtkMRMLSliceCompositeNode")
    shown_in = {node.GetLayoutName(): node.GetBackgroundVolumeID() for node in nodes}
    assert (shown_in["Red"], shown_in["Yellow"]) == (ct.GetID(), other.GetID())
    layout = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    assert layout.GetViewArrangement() == slicer.vtkMRMLLayoutNode.SlicerLayoutSideBySideView


def test_unlink_leaves_nothing(panel: Panel, other: Any) -> None:
    before = nodes_in_scene()
    link(panel)
    assert panel.ui.linkButton.text == "Unlink"
    panel.ui.linkButton.click()
    assert nodes_in_scene() == before
    assert panel.ui.linkButton.text == "Link"
    assert not shown(panel.ui.placeLabel)


def test_a_link_is_found_in_an_opened_scene(panel: Panel, other: Any, tmp_path: Path) -> None:
    made = link(panel)
    found = made.found()
    panel.window.loaded.save_and_reload_scene(tmp_path)
    again = panel.part._place._link
    assert again is not None
    assert np.allclose(again.found(), found, atol=1e-3)
    assert panel.ui.linkButton.text == "Unlink"
    assert panel.ui.otherVolumeSelector.currentNode().GetName() == "other"
    drag(panel, again, -15.0, 0.0, 0.0)


def test_without_the_other_volume_there_is_no_link(panel: Panel, other: Any) -> None:
    link(panel)
    slicer.mrmlScene.RemoveNode(other)
    harness.wait(lambda: SamePlace.find_in_scene(slicer.mrmlScene) is None)
    assert panel.ui.linkButton.text == "Link"
    assert not panel.ui.linkButton.enabled
    assert not panel.ui.sideBySideButton.enabled


def test_two_different_volumes_are_needed(panel: Panel, ct: Any) -> None:
    assert not panel.ui.linkButton.enabled
    panel.ui.otherVolumeSelector.setCurrentNode(ct)
    assert not panel.ui.linkButton.enabled
    assert "another volume" in panel.ui.linkButton.toolTip


def test_outside_of_the_volume_nothing_is_asked(panel: Panel, other: Any) -> None:
    made = link(panel)
    place = np.add(made.place(), [4000.0, 0.0, 0.0])
    made.place_node.SetNthControlPointPositionWorld(0, *place)
    panel.wait(lambda: "drag it back" in panel.ui.placeLabel.text)
    assert not panel.message


def test_a_volume_that_cannot_be_searched_is_said(panel: Panel) -> None:
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    panel.ui.otherVolumeSelector.setCurrentNode(empty)
    before = nodes_in_scene()
    panel.ui.linkButton.click()
    assert "Empty has no voxels" in panel.message
    assert panel.part._place._link is None
    assert nodes_in_scene() == before


def test_a_volume_that_is_bent_is_said(panel: Panel, ct: Any, other: Any) -> None:
    link(panel)
    bend = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode")
    ct.SetAndObserveTransformNodeID(bend.GetID())
    made = panel.part._place._link
    made.place_node.SetNthControlPointPositionWorld(0, 5.0, 5.0, 5.0)
    panel.wait(lambda: "not linear" in panel.ui.placeLabel.text)
