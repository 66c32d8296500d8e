"""Two points, or two boxes, that belong together, in two volumes."""

import numpy as np
import pytest

from Testing.slicer.positions.hierarchy import (
    folder_of,
    hierarchy_of,
    item_names,
    node_ids,
    nodes_in,
    storage_ids,
)
from Testing.slicer.positions.volumes import made_up_report
from Testing.slicer.scene.scenes import (
    OBLIQUE,
    SIZE,
    add_transform,
    add_volume,
    affine,
    array_of,
    put_under,
    rotation,
    voxel_points,
)
from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.positions.bases import CORNERS
from VoCoSlicerLib.positions.marks import SHARE, BoxMark
from VoCoSlicerLib.positions.same_place import SamePlace
from VoCoSlicerLib.positions.view import PositionView
from VoCoSlicerLib.scene.bundle import save_bundle

PLACE = ((1.0, 2.0, 3.0),)
FOUND = {
    "asked": (1.0, 2.0, 3.0),
    "place": (-7.5, 8.5, -9.5),
    "similarity": 0.876,
    "relative": (4.0, 5.0, 6.0),
}


@pytest.fixture
def volumes(application):
    return [add_volume(application.scene, OBLIQUE, name=name) for name in ("CT", "Follow-up")]


def test_two_points_in_one_folder(application, volumes):
    link = SamePlace.create(*volumes, PLACE)
    assert (link.source, link.target) == tuple(volumes)
    folder = folder_of(link.place_node)
    assert hierarchy_of(application.scene).GetItemName(folder) == "Same place in Follow-up"
    assert set(nodes_in(application.scene, folder)) == {link.place_node, link.found_node}
    assert link.place() == (1, 2, 3)
    assert link.found() is link.similarity is None
    assert link.text == ""
    assert not link.place_node.GetLocked()
    assert link.found_node.GetLocked()
    assert not link.stale()


def test_a_place_is_the_middle_of_the_volume_by_default(application, volumes):
    put_under(
        volumes[0], add_transform(application.scene, affine(rotation(0.3, 0.2, 0.1), (5, 6, 7)))
    )
    middle = voxel_points(volumes[0], [(np.array(SIZE) - 1) / 2])[0]
    assert SamePlace.create(*volumes).place() == pytest.approx(middle)


def test_what_is_found_moves_the_second_point_only(application, volumes):
    link = SamePlace.create(*volumes, PLACE)
    link.place_node.SetNthControlPointPositionWorld(0, 4.0, 5.0, 6.0)
    count = application.scene.GetNumberOfNodes()
    assert link.set_found(FOUND)
    assert link.found() == (-7.5, 8.5, -9.5)
    assert link.place() == (4, 5, 6)
    assert link.similarity == 0.876
    assert link.text == "Found with similarity 0.88."
    assert link.set_found({**FOUND, "place": (1.0, 1.0, 1.0)})
    assert link.found() == (1, 1, 1)
    assert link.found_node.GetNumberOfControlPoints() == 1
    assert application.scene.GetNumberOfNodes() == count


def test_points_under_a_transform_are_where_they_are_seen(application, volumes):
    link = SamePlace.create(*volumes, PLACE)
    put_under(link.place_node, add_transform(application.scene, affine(np.eye(3), (10, 20, 30))))
    assert link.place() == (11, 22, 33)


def test_points_that_were_deleted(application, volumes):
    link = SamePlace.create(*volumes)
    link.place_node.RemoveAllControlPoints()
    assert link.place() is None
    application.scene.RemoveNode(link.found_node)
    assert link.found_node is link.found() is None
    link.set_found(FOUND)
    assert link.found() == FOUND["place"]
    application.scene.RemoveNode(link.place_node)
    assert not link.exists
    assert link.place() is link.source is link.target is None
    assert not link.set_found(FOUND)


def test_it_is_found_again_in_an_opened_scene(application, volumes, tmp_path, reopen):
    link = SamePlace.create(*volumes, ((1.0, -2.0, 3.0),))
    link.set_found(FOUND)
    save_bundle(application.scene, tmp_path / "s.mrb")
    scene = reopen(tmp_path / "s.mrb").scene
    link = SamePlace.find_in_scene(scene)
    assert (link.source.GetName(), link.target.GetName()) == ("CT", "Follow-up")
    assert link.place() == pytest.approx((1, -2, 3))
    assert link.found() == pytest.approx(FOUND["place"])
    assert link.similarity == 0.876
    assert not link.stale()
    assert not link.place_node.GetLocked()
    link.remove()
    assert SamePlace.find_in_scene(scene) is None
    assert item_names(scene) == []
    assert "vtkMRMLMarkupsJsonStorageNode" not in {n.GetClassName() for n in scene.GetNodes()}
    assert "vtkMRMLMarkupsFiducialNode" not in {n.GetClassName() for n in scene.GetNodes()}


def test_nothing_is_left_after_remove(application, volumes, tmp_path):
    before = node_ids(application.scene)
    link = SamePlace.create(*volumes)
    link.set_found(FOUND)
    save_bundle(application.scene, tmp_path / "s.mrb")
    link.remove()
    saved = storage_ids(volumes[0]) | storage_ids(volumes[1])
    assert node_ids(application.scene) == before | saved
    assert item_names(application.scene) == []


def test_another_link_takes_the_place_of_the_first(application, volumes):
    first = SamePlace.create(*volumes)
    first.set_found(FOUND)
    second = SamePlace.create(*volumes[::-1])
    assert not first.exists
    assert SamePlace.find_in_scene(application.scene).source is volumes[1]
    assert second.found() is None


def test_links_and_views_do_not_mix(application, volumes):
    view = PositionView.create(volumes[0], "m", made_up_report())
    link = SamePlace.create(*volumes)
    assert len(PositionView.find_in_scene(application.scene)) == 1
    view.remove()
    assert link.exists
    assert SamePlace.find_in_scene(application.scene) is not None


@pytest.mark.parametrize("number", [0, 1])
def test_a_link_of_a_volume_that_changed_is_stale(application, volumes, number):
    link = SamePlace.create(*volumes)
    array_of(volumes[number])[0, 0, 0] += 1
    assert link.stale()
    array_of(volumes[number])[0, 0, 0] -= 1
    assert not link.stale()
    put_under(volumes[number], add_transform(application.scene, affine(np.eye(3), (1, 0, 0))))
    assert link.stale()
    volumes[number].SetAndObserveTransformNodeID(None)
    application.scene.RemoveNode(volumes[number])
    assert link.stale()


def test_a_volume_under_a_bent_transform_gets_no_link(application, volumes):
    first = SamePlace.create(*volumes)
    bent = application.scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode")
    volumes[1].SetAndObserveTransformNodeID(bent.GetID())
    with pytest.raises(VoCoSlicerError, match="not linear"):
        SamePlace.create(*volumes)
    assert first.exists


# Boxes.

TURN = rotation(0.3, -0.2, 0.5)


def corners_at(*centre: float, axes=TURN):
    """The corners of a box of 10, 20 and 30 mm along ``axes``, one a column."""
    return tuple(map(tuple, (CORNERS * (10, 20, 30) @ axes.T + centre).tolist()))


def found_at(*centre: float, axes=TURN):
    return {**FOUND, "place": centre, "box": corners_at(*centre, axes=axes)}


def test_a_box_lies_in_the_middle_of_the_volume_along_its_axes(application, volumes):
    put_under(
        volumes[0], add_transform(application.scene, affine(rotation(0.3, 0.2, 0.1), (5, 6, 7)))
    )
    link = SamePlace.create(*volumes, mark=BoxMark)
    middle, size = (np.array(SIZE) - 1) / 2, np.array(SIZE)
    expected = voxel_points(volumes[0], middle + SHARE * size * CORNERS)
    assert same_box(link.where(), expected)
    assert link.place() == pytest.approx(voxel_points(volumes[0], [middle])[0])
    assert not link.place_node.GetLocked()
    assert link.place_node.GetDisplayNode().GetVisibility()


@pytest.mark.parametrize("mirror", [1, -1])
def test_a_box_is_found_as_a_box(application, volumes, mirror):
    """Also in a volume whose axes are left-handed."""
    axes = TURN * (1, 1, mirror)
    link = SamePlace.create(*volumes, corners_at(1, 2, 3, axes=axes), mark=BoxMark)
    assert (link.place(), link.found()) == (pytest.approx((1, 2, 3)), None)
    assert not link.found_node.GetDisplayNode().GetVisibility()
    sent = link.question(link.where())
    assert sent["points"] == []
    assert same_box(sent["boxes"][0], corners_at(1, 2, 3, axes=axes))
    assert link.set_found(found_at(-7.5, 8.5, -9.5, axes=axes))
    assert link.found() == pytest.approx((-7.5, 8.5, -9.5))
    node = link.found_node
    assert node.GetClassName() == "vtkMRMLMarkupsROINode"
    assert node.GetDisplayNode().GetVisibility()
    assert node.GetLocked()
    pose = np.array(
        [[node.GetObjectToNodeMatrix().GetElement(r, c) for c in range(3)] for r in range(3)]
    )
    assert np.linalg.det(pose) == pytest.approx(1)
    assert same_box(CORNERS * node.GetSize() @ pose.T + link.found(), corners_at(-7.5, 8.5, -9.5))


def same_box(one, other):
    """Whether both have the same corners, in any order."""
    distances = np.linalg.norm(np.array(one)[:, None] - np.array(other)[None], axis=2)
    return distances.min(axis=0).max() < 1e-3 and distances.min(axis=1).max() < 1e-3


def test_a_box_that_is_stretched_and_moved_by_a_transform(application, volumes):
    link = SamePlace.create(*volumes, corners_at(1, 2, 3), mark=BoxMark)
    link.place_node.SetSize(1, 2, 3)
    put_under(link.place_node, add_transform(application.scene, affine(np.eye(3), (10, 20, 30))))
    assert np.allclose(link.where(), CORNERS * (1, 2, 3) @ TURN.T + (11, 22, 33), atol=1e-4)
    link.place_node.SetSize(0, 2, 3)
    assert link.where() is link.place() is None


def test_a_box_is_found_again_in_an_opened_scene(application, volumes, tmp_path, reopen):
    link = SamePlace.create(*volumes, corners_at(1, 2, 3), mark=BoxMark)
    link.set_found(found_at(4, 5, 6))
    save_bundle(application.scene, tmp_path / "s.mrb")
    scene = reopen(tmp_path / "s.mrb").scene
    link = SamePlace.find_in_scene(scene)
    assert same_box(link.where(), corners_at(1, 2, 3))
    assert link.found() == pytest.approx((4, 5, 6))
    link.remove()
    assert SamePlace.find_in_scene(scene) is None
    assert "vtkMRMLMarkupsROINode" not in {n.GetClassName() for n in scene.GetNodes()}


def test_only_the_own_box_has_handles(application, volumes):
    link = SamePlace.create(*volumes, corners_at(1, 2, 3), mark=BoxMark)
    link.set_found(found_at(9, 8, 7))
    assert link.place_node.GetDisplayNode().GetHandlesInteractive()
    assert not link.found_node.GetDisplayNode().GetHandlesInteractive()


def test_a_box_takes_the_place_of_a_point(application, volumes):
    first = SamePlace.create(*volumes)
    second = SamePlace.create(*volumes, mark=BoxMark)
    assert not first.exists
    assert SamePlace.find_in_scene(application.scene).place_node is second.place_node
    third = SamePlace.create(*volumes)
    assert not second.exists
    assert SamePlace.find_in_scene(application.scene).place_node is third.place_node
