"""Lists of volumes and sequences: a segmentation for each, in its place and time."""

import numpy as np
import pytest
import slicer

from Testing.slicer.scene.scenes import (
    OBLIQUE,
    ORIENTATIONS,
    add_transform,
    add_volume,
    affine,
    array_of,
    describe,
    ids_by_name,
    image_data,
    put_under,
    rotation,
    same_places,
    segment_points,
    set_grid,
    some_masks,
    some_values,
    voxel_points,
    write_result,
)
from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.batches import VolumeSeries
from VoCoSlicerLib.scene.sequences import SequenceSeries
from VoCoSlicerLib.scene.steps import finish
from VoCoSlicerLib.scene.transfer import grid_of

MASKS = [some_masks(seed=seed) for seed in range(3)]


def run(series, volumes, folder, items=None, world=None):
    """Play the worker: segment what the series writes, with masks of each item's own.

    ``world`` is a transform above the volumes, where they are not under it themselves.
    """
    for item in series.items if items is None else items:
        finish(series.writing(item, folder / f"{item.number}.nrrd"))
        volume_node = volumes[item.number]
        if world is not None:
            scene = slicer.vtkMRMLScene()
            copy = slicer.vtkMRMLScalarVolumeNode()
            copy.CopyContent(volume_node)
            volume_node = scene.AddNode(copy)
            put_under(volume_node, add_transform(scene, world))
        assert series.grid(item) == grid_of(volume_node)
        result = write_result(volume_node, folder / str(item.number), MASKS[item.number])
        sent, expected = (folder / f"{item.number}.nrrd", folder / f"{item.number}/volume.nrrd")
        assert sent.read_bytes() == expected.read_bytes()
        finish(series.accepting(item, *result))


def assert_lies(segmentation_node, volume_node, masks):
    ids = ids_by_name(segmentation_node)
    assert list(ids) == list(masks)
    for name, mask in masks.items():
        expected = voxel_points(volume_node, np.argwhere(mask))
        assert same_places(segment_points(segmentation_node, ids[name]), expected)


# Lists of volumes


@pytest.fixture
def volumes(application):
    names = ("CT", "CT", "planning CT")
    return [
        add_volume(application.scene, direction, name=name)
        for direction, name in zip((*ORIENTATIONS[3:5], OBLIQUE), names, strict=True)
    ]


def test_each_volume_gets_a_segmentation(volumes, tmp_path):
    series = VolumeSeries(volumes)
    assert [item.title for item in series.items] == [node.GetName() for node in volumes]
    run(series, volumes, tmp_path)
    made = series.finish()
    assert [node.GetName() for node in made] == [
        "CT segmentation",
        "CT segmentation 2",
        "planning CT segmentation",
    ]
    for node, volume_node, masks in zip(made, volumes, MASKS, strict=True):
        assert_lies(node, volume_node, masks)
        assert node.GetNodeReferenceID("referenceImageGeometryRef") == volume_node.GetID()


def test_discarding_leaves_the_scene_as_it_was(application, volumes, tmp_path):
    before = describe(application.scene)
    series = VolumeSeries(volumes)
    run(series, volumes, tmp_path, series.items[:2])
    assert describe(application.scene) != before
    series.discard()
    assert describe(application.scene) == before


def test_after_a_failure_the_others_stay(application, volumes, tmp_path):
    series = VolumeSeries(volumes)
    run(series, volumes, tmp_path, series.items[:1])
    before = describe(application.scene)
    path, result = write_result(volumes[1], tmp_path / "1", MASKS[1])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(VoCoSlicerError, match="cut off"):
        finish(series.accepting(series.items[1], path, result))
    assert describe(application.scene) == before
    run(series, volumes, tmp_path, series.items[2:])
    for node, number in zip(series.finish(), (0, 2), strict=True):
        assert_lies(node, volumes[number], MASKS[number])


def test_a_volume_removed_meanwhile_is_named(application, volumes, tmp_path):
    series = VolumeSeries(volumes)
    result = write_result(volumes[2], tmp_path, MASKS[2])
    application.scene.RemoveNode(volumes[2])
    with pytest.raises(VoCoSlicerError, match="planning CT is no longer in the scene"):
        finish(series.writing(series.items[2], tmp_path / "v.nrrd"))
    with pytest.raises(VoCoSlicerError, match="planning CT is no longer in the scene"):
        finish(series.accepting(series.items[2], *result))


def test_a_result_removed_meanwhile_does_not_matter(application, volumes, tmp_path):
    series = VolumeSeries(volumes)
    run(series, volumes, tmp_path, series.items[:2])
    application.scene.RemoveNode(application.scene.GetFirstNodeByName("CT segmentation"))
    assert [node.GetName() for node in series.finish()] == ["CT segmentation 2"]


def test_no_volumes():
    with pytest.raises(VoCoSlicerError, match="choose the volumes"):
        VolumeSeries([])


# Sequences


VALUES = ["0", "1.5", "20"]


@pytest.fixture
def sequence_node(application):
    node = application.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "4D CT")
    node.SetIndexName("phase")
    node.SetIndexUnit("%")
    node.SetIndexType(node.NumericIndex)
    for number, value in enumerate(VALUES):
        volume_node = slicer.vtkMRMLScalarVolumeNode()
        volume_node.SetName("CT")
        volume_node.SetAndObserveImageData(image_data(some_values() + np.int16(number)))
        set_grid(volume_node, rotation(0.1 * number, 0.2, 0.3) @ ORIENTATIONS[9])
        node.SetDataNodeAtValue(volume_node, value)
    return node


@pytest.fixture
def browser_node(application, sequence_node):
    node = application.scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser")
    node.SetAndObserveMasterSequenceNodeID(sequence_node.GetID())
    return node


def items_of(sequence_node):
    count = sequence_node.GetNumberOfDataNodes()
    return [sequence_node.GetNthDataNode(number) for number in range(count)]


def segment_all(sequence_node, folder, numbers=(0, 1, 2), world=None):
    series = SequenceSeries(sequence_node)
    items = [series.items[number] for number in numbers]
    run(series, items_of(sequence_node), folder, items, world)
    return series


def test_each_item_gets_a_segmentation(application, sequence_node, browser_node, tmp_path):
    volume_node = browser_node.GetProxyNode(sequence_node)
    series = segment_all(sequence_node, tmp_path)
    assert [item.title for item in series.items] == [f"4D CT phase {value} %" for value in VALUES]
    made, shown_node = series.finish()
    assert made.GetName() == "4D CT segmentation"
    assert (made.GetIndexName(), made.GetIndexUnit(), made.GetIndexType()) == (
        "phase", "%", made.NumericIndex
    )  # fmt: skip
    assert [made.GetNthIndexValue(number) for number in range(3)] == VALUES
    for number, node in enumerate(items_of(made)):
        assert_lies(node, items_of(sequence_node)[number], MASKS[number])
    assert browser_node.GetProxyNode(made) == shown_node
    assert shown_node.GetScene() == application.scene
    assert shown_node.GetNodeReferenceID("referenceImageGeometryRef") == volume_node.GetID()
    for number in (2, 0, 1):
        browser_node.SetSelectedItemNumber(number)
        assert (array_of(volume_node) == some_values() + np.int16(number)).all()
        assert_lies(shown_node, volume_node, MASKS[number])
    assert series.finish() == []


def test_the_segmentation_moves_with_the_shown_volume(
    application, sequence_node, browser_node, tmp_path
):
    volume_node = browser_node.GetProxyNode(sequence_node)
    transform = affine(rotation(0.3, 0.2, 0.1), (1, 2, 3))
    put_under(volume_node, add_transform(application.scene, transform))
    _, shown_node = segment_all(sequence_node, tmp_path, world=transform).finish()
    for number in (1, 2):
        browser_node.SetSelectedItemNumber(number)
        assert_lies(shown_node, volume_node, MASKS[number])


def test_a_correction_stays_with_its_item(sequence_node, browser_node, tmp_path):
    made, shown_node = segment_all(sequence_node, tmp_path).finish()
    browser_node.SetSelectedItemNumber(1)
    shown_node.GetSegmentation().GetNthSegment(0).SetName("corrected")
    browser_node.SetSelectedItemNumber(2)
    assert "corrected" not in ids_by_name(shown_node)
    assert "corrected" in ids_by_name(made.GetNthDataNode(1))
    browser_node.SetSelectedItemNumber(1)
    assert "corrected" in ids_by_name(shown_node)


def test_a_sequence_without_browser_gets_one(application, sequence_node, tmp_path):
    _, shown_node = segment_all(sequence_node, tmp_path).finish()
    browsers = application.scene.GetNodesByClass("vtkMRMLSequenceBrowserNode")
    assert browsers.GetNumberOfItems() == 1
    browser_node = browsers.GetItemAsObject(0)
    assert browser_node.GetMasterSequenceNode() == sequence_node
    volume_node = browser_node.GetProxyNode(sequence_node)
    browser_node.SetSelectedItemNumber(2)
    assert_lies(shown_node, volume_node, MASKS[2])


def test_nothing_is_in_the_scene_before_the_end(application, sequence_node, browser_node, tmp_path):
    before = describe(application.scene)
    series = segment_all(sequence_node, tmp_path)
    assert describe(application.scene) == before
    series.discard()
    assert series.finish() == []
    assert describe(application.scene) == before


def test_items_without_result_show_no_other_items_result(sequence_node, browser_node, tmp_path):
    series = segment_all(sequence_node, tmp_path, numbers=(0, 2))
    finish(series.writing(series.items[1], tmp_path / "v.nrrd"))
    path, result = write_result(items_of(sequence_node)[1], tmp_path / "1", MASKS[1])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(VoCoSlicerError, match="cut off"):
        finish(series.accepting(series.items[1], path, result))
    made, shown_node = series.finish()
    assert [made.GetNthIndexValue(n) for n in range(2)] == [VALUES[0], VALUES[2]]
    browser_node.SetSelectedItemNumber(0)
    assert ids_by_name(shown_node)
    browser_node.SetSelectedItemNumber(1)
    assert not ids_by_name(shown_node)
    browser_node.SetSelectedItemNumber(2)
    assert_lies(shown_node, browser_node.GetProxyNode(sequence_node), MASKS[2])


def test_a_sequence_removed_meanwhile_is_named(application, sequence_node, browser_node, tmp_path):
    series = segment_all(sequence_node, tmp_path, numbers=(0,))
    application.scene.RemoveNode(sequence_node)
    with pytest.raises(VoCoSlicerError, match="4D CT is no longer in the scene"):
        finish(series.writing(series.items[1], tmp_path / "v.nrrd"))
    with pytest.raises(VoCoSlicerError, match="4D CT is no longer in the scene"):
        series.finish()


def test_an_item_removed_meanwhile_is_named(sequence_node, tmp_path):
    series = SequenceSeries(sequence_node)
    sequence_node.RemoveDataNodeAtValue(VALUES[1])
    with pytest.raises(VoCoSlicerError, match=r"phase 1\.5 % is no longer in the sequence"):
        finish(series.writing(series.items[1], tmp_path / "v.nrrd"))


def test_other_sequences_are_refused(application):
    empty = application.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "empty")
    with pytest.raises(VoCoSlicerError, match="no items"):
        SequenceSeries(empty)
    empty.SetDataNodeAtValue(slicer.vtkMRMLModelNode(), "0")
    with pytest.raises(VoCoSlicerError, match="not volumes"):
        SequenceSeries(empty)
