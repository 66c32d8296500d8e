"""One folder about a volume: complete, found again, removed whole."""

from zipfile import ZipFile

import numpy as np
import pytest
import slicer

from Testing.slicer.positions.hierarchy import (
    folder_of,
    hierarchy_of,
    item_names,
    node_ids,
    nodes_in,
    storage_ids,
)
from Testing.slicer.positions.volumes import made_up_report, made_up_sweep
from Testing.slicer.scene.scenes import (
    OBLIQUE,
    ORIENTATIONS,
    add_transform,
    add_volume,
    affine,
    array_of,
    put_under,
    rotation,
    set_grid,
)
from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.positions import volume_state
from VoCoSlicerLib.positions.view import PositionView
from VoCoSlicerLib.positions.volume_state import VolumeState
from VoCoSlicerLib.scene.bundle import save_bundle

REPORT = made_up_report()
NODES = (
    "grid_node", "numbers_node", "crop_node", "place_node", "overlap_table", "crop_table",
    "similarity_table", "chart_node", "chosen_node", "errors_node",
)  # fmt: skip


@pytest.fixture
def volume(application):
    return add_volume(application.scene, OBLIQUE)


def test_all_is_in_one_folder_beside_the_volume(application, volume, tmp_path):
    hierarchy = hierarchy_of(application.scene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "Study")
    hierarchy.CreateItem(study, volume)
    before = node_ids(application.scene)
    view = PositionView.create(volume, "headneck-voco", REPORT)
    view.show_sweep(*made_up_sweep(tmp_path))
    folder = folder_of(view.grid_node)
    assert hierarchy.GetItemName(folder) == "Positions of CT"
    assert hierarchy.GetItemParent(folder) == study
    there = nodes_in(application.scene, folder)
    for name in NODES:
        assert getattr(view, name) in there
    made = node_ids(application.scene) - before - {node.GetID() for node in there}
    assert made
    assert all(application.scene.GetNodeByID(i).IsA("vtkMRMLDisplayNode") for i in made)
    assert view.exists
    assert (view.volume, view.model, view.counts) == (volume, "headneck-voco", (2, 3, 2))
    assert (view.notes, view.regularisation) == (("A note.",), 0.125)
    np.testing.assert_array_equal(view.bases.centres, REPORT["bases"]["centres"])


def test_nothing_is_left_after_remove(application, volume, tmp_path):
    before, items = node_ids(application.scene), item_names(application.scene)
    view = PositionView.create(volume, "m", REPORT)
    view.show_sweep(*made_up_sweep(tmp_path))
    save_bundle(application.scene, tmp_path / "s.mrb")  # makes storage nodes
    view.remove()
    assert node_ids(application.scene) == before | storage_ids(volume)
    assert item_names(application.scene) == items
    assert not view.exists
    assert PositionView.of(volume) is None
    assert view.volume is view.crop_node is view.grid_node is view.crop_centre() is None
    assert not view.show_crop(REPORT)
    view.remove()


def test_a_folder_that_was_hidden_is_removed_whole(application, volume):
    before = node_ids(application.scene)
    view = PositionView.create(volume, "m", REPORT)
    display = application.scene.AddNewNodeByClass("vtkMRMLFolderDisplayNode")
    hierarchy_of(application.scene).SetItemDataNode(folder_of(view.grid_node), display)
    view.remove()
    assert node_ids(application.scene) == before


def test_what_the_user_put_into_the_folder_stays(application, volume):
    view = PositionView.create(volume, "m", REPORT)
    own = application.scene.AddNewNodeByClass("vtkMRMLTableNode", "own")
    hierarchy = hierarchy_of(application.scene)
    item = hierarchy.CreateItem(folder_of(view.grid_node), own)
    view.remove()
    assert own.GetScene() is application.scene
    assert hierarchy.GetItemParent(item) == hierarchy.GetSceneItemID()
    assert item_names(application.scene) == ["own"]


def test_what_the_user_moved_out_of_the_folder_is_removed_too(application, volume):
    before = node_ids(application.scene)
    view = PositionView.create(volume, "m", REPORT)
    hierarchy = hierarchy_of(application.scene)
    folder = folder_of(view.grid_node)
    other = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "Other")
    for node in (view.grid_node, view.crop_node):
        hierarchy.SetItemParent(hierarchy.GetItemByDataNode(node), other)
    view.remove()
    assert node_ids(application.scene) == before
    assert item_names(application.scene) == ["Other"]
    assert hierarchy.GetItemName(folder) != "Positions of CT"


def test_an_opened_scene_has_its_views_again(application, tmp_path, reopen):
    volumes = [add_volume(application.scene, OBLIQUE, name=name) for name in "AB"]
    transform = add_transform(application.scene, affine(rotation(0.1, 0.2, 0.3), (1, 2, 3)))
    put_under(volumes[1], transform)
    reports = [made_up_report(seed=1), made_up_report((3, 1, 2), seed=2)]
    for number, (node, report) in enumerate(zip(volumes, reports, strict=True)):
        view = PositionView.create(node, f"model {number}", report)
        view.show_sweep(*made_up_sweep(tmp_path / str(number)))
    view.place_crop((7.0, 8.0, 9.0))
    before = [view.crop_node.GetName(), view.text, view.similarity_rows()]
    save_bundle(application.scene, tmp_path / "s.mrb")
    opened = reopen(tmp_path / "s.mrb")
    views = PositionView.find_in_scene(opened.scene)
    assert sorted(view.volume.GetName() for view in views) == ["A", "B"]
    view = PositionView.of(opened.scene.GetFirstNodeByName("B"))
    assert (view.model, view.counts) == ("model 1", (3, 1, 2))
    assert [view.crop_node.GetName(), view.text] == before[:2]
    np.testing.assert_allclose(view.similarity_rows(), before[2], atol=1e-5)
    np.testing.assert_allclose(view.crop_centre(), (7, 8, 9), atol=1e-6)
    np.testing.assert_allclose(view.crop_node.GetSize(), (20, 30, 40), atol=1e-6)
    assert not view.stale()
    for name in NODES:
        assert getattr(view, name).GetScene() is opened.scene
    assert view.crop == {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in reports[1]["crops"][0].items()
    }
    count = opened.scene.GetNumberOfNodes()
    assert view.show_crop(reports[1])
    assert not view.show_crop(reports[0])
    assert opened.scene.GetNumberOfNodes() == count
    view.remove()
    (other,) = PositionView.find_in_scene(opened.scene)
    other.remove()
    kinds = {node.GetClassName() for node in opened.scene.GetNodes()}
    assert not kinds & {"vtkMRMLModelNode", "vtkMRMLTableNode", "vtkMRMLTableStorageNode",
                        "vtkMRMLMarkupsROINode", "vtkMRMLPlotSeriesNode",
                        "vtkMRMLMarkupsJsonStorageNode", "vtkMRMLModelStorageNode"}  # fmt: skip
    assert item_names(opened.scene) == []


def test_another_view_takes_the_place_of_the_first(application, volume):
    first = PositionView.create(volume, "m", REPORT)
    count = application.scene.GetNumberOfNodes()
    first.place_crop((-25.0, 30.0, 60.0))
    second = PositionView.create(volume, "n", made_up_report((1, 2, 1)))
    assert not first.exists
    assert second.exists
    assert application.scene.GetNumberOfNodes() == count
    assert second.crop_centre() == (-25, 30, 60)
    (found,) = PositionView.find_in_scene(application.scene)
    assert (found.model, found.counts) == ("n", (1, 2, 1))


def test_two_volumes_have_views_of_their_own(application, volume):
    other = add_volume(application.scene, name="MR")
    first, second = (PositionView.create(node, "m", REPORT) for node in (volume, other))
    assert PositionView.of(volume).grid_node is first.grid_node is not second.grid_node
    first.remove()
    assert PositionView.of(other).grid_node is second.grid_node
    assert all(getattr(second, name) is not None for name in NODES[:8])


def test_a_copy_of_the_boxes_is_no_view(application, volume):
    view = PositionView.create(volume, "m", REPORT)
    copy = slicer.vtkMRMLModelNode()
    copy.Copy(view.grid_node)
    copy = application.scene.AddNode(copy)
    assert len(PositionView.find_in_scene(application.scene)) == 1
    view.remove()
    assert copy.GetScene() is application.scene
    assert PositionView.find_in_scene(application.scene) == []


def test_a_scene_imported_into_its_own_twin(application, volume, tmp_path):
    """Both views are there, each with parts of its own."""
    PositionView.create(volume, "m", REPORT)
    application.scene.SetURL(str(tmp_path / "s.mrml"))
    save_bundle(application.scene, tmp_path / "s.mrb")
    with ZipFile(tmp_path / "s.mrb") as archive:
        archive.extractall(tmp_path / "again")
    (scene_file,) = (tmp_path / "again").rglob("*.mrml")
    application.scene.SetURL(str(scene_file))
    application.scene.Import(None)
    one, two = PositionView.find_in_scene(application.scene)
    assert one.volume is not two.volume
    for name in NODES[:8]:
        assert getattr(one, name) is not getattr(two, name)
    one.remove()
    assert all(getattr(two, name) is not None for name in NODES[:8])


def test_without_its_volume_it_can_be_removed(application, volume):
    before = node_ids(application.scene) - {volume.GetID()}
    view = PositionView.create(volume, "m", REPORT)
    application.scene.RemoveNode(volume)
    assert view.volume is None
    assert view.stale()
    (found,) = PositionView.find_in_scene(application.scene)
    found.remove()
    assert node_ids(application.scene) == before
    assert PositionView.of(volume) is None
    assert PositionView.of(None) is None


def test_the_scene_is_closed(application, volume):
    view = PositionView.create(volume, "m", REPORT)
    application.scene.Clear(False)
    assert not view.exists
    assert not view.show_crop(REPORT)
    assert view.crop_centre() is view.chart_node is view.volume is None
    assert view.similarity_rows() == []
    view.remove()


def test_the_base_grid_is_deleted_by_hand(application, volume):
    view = PositionView.create(volume, "m", REPORT)
    application.scene.RemoveNode(view.grid_node)
    assert not view.exists
    assert PositionView.of(volume) is None


def move(node):
    put_under(node, add_transform(node.GetScene(), affine(np.eye(3), (0.5, 0, 0))))


def turn(node):
    set_grid(node, rotation(0.01, 0, 0) @ OBLIQUE)


def bend(node):
    bent = node.GetScene().AddNewNodeByClass("vtkMRMLBSplineTransformNode")
    node.SetAndObserveTransformNodeID(bent.GetID())


def change(node):
    array_of(node)[1, 2, 3] += 1


def take_away(node):
    node.SetAndObserveImageData(None)


def cut(node):
    image = node.GetImageData()
    image.SetDimensions(*(np.array(image.GetDimensions()) - [0, 0, 1]))


@pytest.mark.parametrize("what", [move, turn, bend, change, take_away, cut])
def test_a_view_of_a_volume_that_changed_is_stale(volume, what):
    view = PositionView.create(volume, "m", REPORT)
    assert not view.stale()
    what(volume)
    assert view.stale()


def test_a_volume_that_moved_while_the_worker_was_asked(volume):
    as_asked = VolumeState.of(volume)
    move(volume)
    assert PositionView.create(volume, "m", REPORT, as_asked).stale()
    assert not PositionView.create(volume, "m", REPORT).stale()


def test_what_does_not_matter_makes_no_view_stale(application, volume):
    view = PositionView.create(volume, "m", REPORT)
    volume.SetName("another name")
    volume.GetImageData().Modified()
    put_under(volume, add_transform(application.scene, affine(np.eye(3))))
    assert not view.stale()


@pytest.mark.parametrize("direction", [*ORIENTATIONS[::5], OBLIQUE])
def test_a_volume_that_was_saved_and_opened_is_the_same(application, tmp_path, reopen, direction):
    """Slicer reverses the slices of a left-handed grid when it reads it."""
    volume = add_volume(application.scene, direction)
    PositionView.create(volume, "m", REPORT)
    save_bundle(application.scene, tmp_path / "s.mrb")
    scene = reopen(tmp_path / "s.mrb").scene
    (view,) = PositionView.find_in_scene(scene)
    assert not view.stale()
    array_of(view.volume)[1, 2, 3] += 1
    assert view.stale()


def test_a_large_volume_is_judged_by_a_sample(application, monkeypatch):
    """The sample is spread over rows, columns and slices: a painted spot is seen."""
    monkeypatch.setattr(volume_state, "SAMPLE", 512)
    volume = add_volume(application.scene, values=np.zeros((32, 32, 16), np.int16))
    view = PositionView.create(volume, "m", REPORT)
    for i, j, k in [(0, 0, 0), (20, 3, 9), (26, 26, 10)]:
        array_of(volume)[i : i + 6, j : j + 6, k : k + 6] += 1
        assert view.stale()
        array_of(volume)[i : i + 6, j : j + 6, k : k + 6] -= 1
        assert not view.stale()


def test_a_volume_under_a_bent_transform_gets_no_view(application, volume):
    first = PositionView.create(volume, "m", REPORT)
    bend(volume)
    with pytest.raises(VoCoSlicerError, match="not linear"):
        PositionView.create(volume, "m", REPORT)
    assert first.exists


def test_all_is_hidden_and_shown(volume):
    view = PositionView.create(volume, "m", REPORT)
    drawn = [view.grid_node, view.numbers_node, view.crop_node, view.place_node]
    view.show(False)
    assert not any(node.GetDisplayVisibility() for node in drawn)
    view.show(True)
    assert all(node.GetDisplayVisibility() for node in drawn)
