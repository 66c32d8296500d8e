"""Two points that belong together, in two volumes."""

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
from VoCoSlicerLib.positions.same_place import SamePlace
from VoCoSlicerLib.positions.view import PositionView
from VoCoSlicerLib.scene.bundle import save_bundle

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
    link = SamePlace.create(*volumes, (1.0, 2.0, 3.0))
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
    link = SamePlace.create(*volumes, (1.0, 2.0, 3.0))
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
    link = SamePlace.create(*volumes, (1.0, 2.0, 3.0))
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
    link = SamePlace.create(*volumes, (1.0, -2.0, 3.0))
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
