"""A result that cannot be taken over leaves the scene as it was."""

import numpy as np
import pytest

from Testing.slicer.scene.scenes import (
    MASKS,
    OTHER_MASKS,
    add_transform,
    affine,
    describe,
    ids_by_name,
    own_segment,
    paint_into,
    put_under,
    write_result,
)
from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene import import_result
from VoCoSlicerLib.scene.import_result import (
    apply_result,
    apply_to_new_segmentation,
    show_3d,
)
from VoCoSlicerLib.scene.nodes import new_segmentation


def failing_at(call, original):
    calls = 0

    def fails(*arguments):
        nonlocal calls
        calls += 1
        if calls == call:
            raise RuntimeError("injected")
        return original(*arguments)

    return fails


@pytest.mark.parametrize(
    ("function", "call"),
    [
        ("_take_out", 1),
        ("_put", 1),
        ("_put", 2),
        ("_put", 3),
        ("making_surface", 1),
        ("making_surface", 2),
        ("_place", 1),
    ],
)
def test_a_failure_in_any_step_leaves_the_scene_as_it_was(
    application, volume_node, computed, tmp_path, monkeypatch, function, call
):
    node = apply_to_new_segmentation(volume_node, *computed)
    own_segment(node)
    paint_into(node, ids_by_name(node)["mandible"])
    show_3d(node, True)
    node.GetDisplayNode().SetSegmentOpacity3D(ids_by_name(node)["mandible"], 0.3)
    other_labels = dict(reversed(OTHER_MASKS.items()))
    masks = {"brainstem": MASKS["mandible"], **other_labels}
    path, result = write_result(volume_node, tmp_path / "2", masks)
    result["provenance"]["date"] = "later"
    before = describe(application.scene)
    monkeypatch.setattr(import_result, function, failing_at(call, getattr(import_result, function)))
    with pytest.raises(RuntimeError, match="injected"):
        apply_result(volume_node, node, path, result)
    assert describe(application.scene) == before
    if function != "making_surface":
        monkeypatch.undo()
        monkeypatch.setattr(
            import_result, function, failing_at(1, getattr(import_result, function))
        )
        with pytest.raises(RuntimeError, match="injected"):
            apply_to_new_segmentation(volume_node, path, result)
        assert describe(application.scene) == before
    monkeypatch.undo()
    apply_result(volume_node, node, path, result)
    assert describe(application.scene) != before


@pytest.mark.parametrize("into", ["new", "existing"])
@pytest.mark.parametrize("fault", ["cut off", "absent", "lacks a structure"])
def test_a_bad_result_leaves_the_scene_as_it_was(
    application, volume_node, computed, tmp_path, into, fault
):
    path, result = write_result(volume_node, tmp_path / "2", OTHER_MASKS)
    if fault == "cut off":
        path.write_bytes(path.read_bytes()[:-20])
    elif fault == "absent":
        path.unlink()
    else:
        result["structures"].append({"label": 3, "name": "brainstem"})
    node = apply_to_new_segmentation(volume_node, *computed)
    before = describe(application.scene)
    target = (volume_node,) if into == "new" else (volume_node, node)
    apply = apply_to_new_segmentation if into == "new" else apply_result
    with pytest.raises(VoCoSlicerError, match="apply again"):
        apply(*target, path, result)
    assert describe(application.scene) == before


def test_reading_changes_nothing_before_the_last_step(application, volume_node, computed):
    before = describe(application.scene)
    steps = import_result.applying_to_new_segmentation(volume_node, *computed)
    next(steps)
    steps.close()
    assert describe(application.scene) == before


def bend(scene, node, volume_node):
    put_under(node, scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "B"))


def shear(scene, node, volume_node):
    put_under(node, add_transform(scene, affine(np.diag([1.0, 1.0, 1.5]))))


def make_of_surfaces(scene, node, volume_node):
    own_segment(node)
    node.CreateClosedSurfaceRepresentation()
    node.GetSegmentation().SetSourceRepresentationName("Closed surface")


def remove_volume(scene, node, volume_node):
    scene.RemoveNode(volume_node)


def remove_segmentation(scene, node, volume_node):
    scene.RemoveNode(node)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (bend, "not linear"),
        (shear, "shears it"),
        (make_of_surfaces, "made of surfaces"),
        (remove_volume, "CT was removed"),
        (remove_segmentation, "CT segmentation was removed"),
    ],
)
def test_a_segmentation_that_cannot_take_it_is_left_as_it_was(
    application, volume_node, computed, change, reason
):
    node = new_segmentation(volume_node)
    change(application.scene, node, volume_node)
    before = describe(application.scene)
    with pytest.raises(VoCoSlicerError, match=reason):
        apply_result(volume_node, node, *computed)
    assert describe(application.scene) == before
