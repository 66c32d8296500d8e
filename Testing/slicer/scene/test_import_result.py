"""A result in the scene: in its place, with what its segments say."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from hypothesis import given, settings
from hypothesis import strategies as st

from Testing.slicer.scene.scenes import (
    MASKS,
    OBLIQUE,
    ORIENTATIONS,
    OTHER_MASKS,
    PROVENANCE,
    STRUCTURES,
    add_transform,
    add_volume,
    affine,
    answer,
    describe_segmentation,
    ids_by_name,
    own_segment,
    paint_into,
    put_under,
    rotation,
    same_places,
    segment_points,
    tags_of,
    voxel_points,
    vtk_matrix,
    write_result,
)
from Testing.training.models.region_model import REGIONS
from voco3d.outputs.seg_nrrd import write_seg_nrrd
from VoCoSlicerLib.scene import import_result
from VoCoSlicerLib.scene.headless import HeadlessApplication
from VoCoSlicerLib.scene.import_result import (
    apply_result,
    apply_to_new_segmentation,
    computed_segments,
    show_3d,
)
from VoCoSlicerLib.scene.nodes import new_segmentation
from VoCoSlicerLib.scene.provenance import provenance_of, provenance_of_node
from VoCoSlicerLib.scene.terminology import parse_entry

APPLICATION = HeadlessApplication()


def where(volume_node, mask):
    return voxel_points(volume_node, np.argwhere(mask))


def assert_lies(segmentation_node, volume_node, masks):
    ids = ids_by_name(segmentation_node)
    for name, mask in masks.items():
        assert same_places(segment_points(segmentation_node, ids[name]), where(volume_node, mask))


# In its place


@pytest.mark.parametrize("direction", ORIENTATIONS)
def test_a_result_lies_on_a_volume_of_every_orientation(application, tmp_path, direction):
    volume_node = add_volume(application.scene, direction)
    node = apply_to_new_segmentation(volume_node, *write_result(volume_node, tmp_path, MASKS))
    assert_lies(node, volume_node, MASKS)


angles = st.floats(-3.0, 3.0)
turns = st.tuples(angles, angles, angles)


@settings(max_examples=25, deadline=None)
@given(
    direction=turns, orientation=st.sampled_from(ORIENTATIONS), volumes=st.none() | turns,
    segmentations=st.none() | turns, scale=st.floats(0.3, 3.0), same=st.booleans(),
)  # fmt: skip
def test_a_result_lies_right_whatever_the_transforms(
    tmp_path_factory, direction, orientation, volumes, segmentations, scale, same
):
    scene = APPLICATION.scene
    scene.Clear(0)
    volume_node = add_volume(scene, rotation(*direction) @ orientation)
    if volumes:
        put_under(volume_node, add_transform(scene, affine(rotation(*volumes) * scale, (5, 6, 7))))
    result = write_result(volume_node, tmp_path_factory.mktemp("r"), MASKS)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "S")
    node.SetReferenceImageGeometryParameterFromVolumeNode(add_volume(scene, ORIENTATIONS[5]))
    own_segment(node)
    if same:
        node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    elif segmentations:
        put_under(node, add_transform(scene, affine(rotation(*segmentations) / scale, (1, 2, 3))))
    mine = segment_points(node, "Segment_1")
    apply_result(volume_node, node, *result)
    assert_lies(node, volume_node, MASKS)
    np.testing.assert_array_equal(segment_points(node, "Segment_1"), mine)


def test_a_new_segmentation_has_the_volumes_own_grid_and_moves_with_it(application, tmp_path):
    scene = application.scene
    volume_node = add_volume(scene, OBLIQUE)
    transform_node = add_transform(scene, affine(rotation(0.3, 0.2, 0.1), (1, 2, 3)))
    put_under(volume_node, transform_node)
    node = apply_to_new_segmentation(volume_node, *write_result(volume_node, tmp_path, MASKS))
    own, grid = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(own)
    labelmap = node.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap")
    labelmap.GetImageToWorldMatrix(grid)
    for n in range(16):
        assert grid.GetElement(n // 4, n % 4) == pytest.approx(
            own.GetElement(n // 4, n % 4), abs=1e-10
        )
    assert node.GetNodeReferenceID("referenceImageGeometryRef") == volume_node.GetID()
    transform_node.SetMatrixTransformToParent(vtk_matrix(affine(rotation(1, 2, 3))))
    assert_lies(node, volume_node, MASKS)


def test_a_volume_that_moved_meanwhile(application, volume_node, computed):
    """The result stays where the volume was when it was computed."""
    before = {name: where(volume_node, mask) for name, mask in MASKS.items()}
    put_under(volume_node, add_transform(application.scene, affine(rotation(0, 0, 1))))
    node = apply_to_new_segmentation(volume_node, *computed)
    for name, segment_id in ids_by_name(node).items():
        assert same_places(segment_points(node, segment_id), before[name])


def test_overlapping_structures_arrive_whole(application, tmp_path):
    volume_node = add_volume(application.scene, OBLIQUE)
    path, _ = write_result(volume_node, tmp_path, {})
    image = sitk.ReadImage(str(path))
    classes = np.random.default_rng(4).choice([0, 1, 2, 4], image.GetSize()).astype(np.uint8)
    labels = sitk.GetImageFromArray(classes.transpose(2, 1, 0))
    labels.CopyInformation(image)
    write_seg_nrrd(path, labels, dict(enumerate(STRUCTURES.values(), 1)), REGIONS)
    node = apply_to_new_segmentation(volume_node, path, answer(STRUCTURES, path))
    assert node.GetSegmentation().GetNumberOfLayers() == 3
    masks = dict(zip(STRUCTURES, REGIONS.masks_of(classes), strict=True))
    assert_lies(node, volume_node, masks)
    apply_result(volume_node, node, path, answer(STRUCTURES, path))
    assert_lies(node, volume_node, masks)


# What the segments say


def test_names_colours_terminology_and_provenance(volume_node, computed):
    node = apply_to_new_segmentation(volume_node, *computed)
    segmentation = node.GetSegmentation()
    assert list(ids_by_name(node)) == list(MASKS)
    assert computed_segments(node) == list(segmentation.GetSegmentIDs())
    for name, segment_id in ids_by_name(node).items():
        segment, structure = segmentation.GetSegment(segment_id), STRUCTURES[name]
        assert np.array(segment.GetColor()) * 255 == pytest.approx(structure.color, abs=0.01)
        assert parse_entry(segment.GetTerminology()) == (
            structure.category,
            structure.type,
            structure.modifier,
        )
        provenance = provenance_of(segment)
        assert provenance.structure == name
        for key, value in PROVENANCE.items():
            assert getattr(provenance, key) == value
            assert getattr(provenance_of_node(node), key) == value
    assert node.GetName() == "CT segmentation"
    assert node.GetDisplayNode().GetOpacity2DFill() == pytest.approx(0.4)


def test_only_what_was_asked_for_is_taken(volume_node, computed):
    path, result = computed
    result["structures"] = result["structures"][1:]
    node = apply_to_new_segmentation(volume_node, path, result)
    assert list(ids_by_name(node)) == ["right parotid gland"]
    assert_lies(node, volume_node, {"right parotid gland": MASKS["right parotid gland"]})


def test_an_empty_structure_is_there(volume_node, tmp_path):
    masks = {**MASKS, "brainstem": np.zeros_like(MASKS["mandible"])}
    node = apply_to_new_segmentation(volume_node, *write_result(volume_node, tmp_path, masks))
    assert len(segment_points(node, ids_by_name(node)["brainstem"])) == 0
    assert_lies(node, volume_node, MASKS)


# Into what is there already


def test_only_the_computed_structures_are_replaced(application, volume_node, computed, tmp_path):
    node = apply_to_new_segmentation(volume_node, *computed)
    segmentation, display = node.GetSegmentation(), node.GetDisplayNode()
    first = ids_by_name(node)
    mine = own_segment(node)
    painted = paint_into(node, first["mandible"])
    segmentation.GetSegment(first["mandible"]).SetName("Unterkiefer")
    segmentation.GetSegment(first["mandible"]).SetColor(0.9, 0.8, 0.7)
    segmentation.GetSegment(first["mandible"]).SetTerminology(
        "Mine~SCT^1^A~SCT^2^B~^^~Anatomic codes - DICOM master list~^^~^^"
    )
    display.SetSegmentOpacity3D(first["mandible"], 0.3)
    display.SetSegmentVisibility(first["mandible"], False)
    before = describe_segmentation(node)

    masks = {"mandible": OTHER_MASKS["mandible"], "brainstem": OTHER_MASKS["right parotid gland"]}
    ids = apply_result(volume_node, node, *write_result(volume_node, tmp_path / "2", masks))

    after = describe_segmentation(node)
    assert list(after) == [*before, ids[1]]
    assert ids[0] == first["mandible"]
    for kept in (mine, painted, first["right parotid gland"]):
        assert after[kept] == before[kept]
    points = np.array(after[ids[0]].pop("points"))
    assert same_places(points, where(volume_node, masks["mandible"]))
    assert same_places(np.array(after[ids[1]]["points"]), where(volume_node, masks["brainstem"]))
    before[ids[0]].pop("points")
    assert after[ids[0]] == before[ids[0]]
    assert after[ids[0]]["name"] == "Unterkiefer"
    assert computed_segments(node) == [*first.values(), ids[1]]


def test_the_order_and_the_number_of_segments_stay_on_a_second_run(volume_node, computed, tmp_path):
    node = apply_to_new_segmentation(volume_node, *computed)
    before = ids_by_name(node)
    turned_round = dict(reversed(OTHER_MASKS.items()))
    ids = apply_result(volume_node, node, *write_result(volume_node, tmp_path / "2", turned_round))
    assert ids_by_name(node) == before
    assert ids == [before[name] for name in turned_round]
    assert_lies(node, volume_node, OTHER_MASKS)


def test_another_models_structures_of_the_same_name_stay(volume_node, computed, tmp_path):
    node = apply_to_new_segmentation(volume_node, *computed)
    before = describe_segmentation(node)
    other = write_result(volume_node, tmp_path / "2", OTHER_MASKS, model="another")
    ids = apply_result(volume_node, node, *other)
    after = describe_segmentation(node)
    assert not set(ids) & set(before)
    assert {segment_id: after[segment_id] for segment_id in before} == before


def test_a_copy_that_the_user_made_of_a_structure_stays(volume_node, computed, tmp_path):
    node = apply_to_new_segmentation(volume_node, *computed)
    segmentation = node.GetSegmentation()
    mandible = ids_by_name(node)["mandible"]
    copy = slicer.vtkSegment()
    copy.DeepCopy(segmentation.GetSegment(mandible))
    segmentation.AddSegment(copy, "copy", mandible)
    segmentation.RemoveSegment(mandible)
    kept = describe_segmentation(node)["copy"]
    assert "copy" not in computed_segments(node)
    apply_result(volume_node, node, *write_result(volume_node, tmp_path / "2", OTHER_MASKS))
    assert describe_segmentation(node)["copy"] == kept
    assert len(describe_segmentation(node)) == 3


def test_a_users_segment_with_the_identifiers_of_the_file(volume_node, computed):
    node = new_segmentation(volume_node)
    mine = own_segment(node)
    before = describe_segmentation(node)[mine]
    ids = apply_result(volume_node, node, *computed)
    assert mine not in ids
    assert describe_segmentation(node)[mine] == before
    assert_lies(node, volume_node, MASKS)


@pytest.mark.parametrize("with_own_segment", [True, False])
def test_surfaces_follow_the_new_voxels(volume_node, computed, tmp_path, with_own_segment):
    node = apply_to_new_segmentation(volume_node, *computed)
    if with_own_segment:
        own_segment(node)
    show_3d(node, True)
    node.GetDisplayNode().SetVisibility3D(False)
    before = describe_segmentation(node)
    masks = {**OTHER_MASKS, "brainstem": MASKS["mandible"]}
    result = write_result(volume_node, tmp_path / "2", masks)
    ids = apply_result(volume_node, node, *result)
    after = describe_segmentation(node)
    fresh = describe_surfaces(volume_node, result)
    assert [after[segment_id]["surface"] for segment_id in ids] == fresh
    if with_own_segment:
        assert after["Segment_1"] == before["Segment_1"]
    assert not node.GetDisplayNode().GetVisibility3D()


def describe_surfaces(volume_node, result):
    node = apply_to_new_segmentation(volume_node, *result)
    node.CreateClosedSurfaceRepresentation()
    return [described["surface"] for described in describe_segmentation(node).values()]


# Show 3D


def test_show_3d_is_what_slicer_makes(volume_node, computed):
    node = apply_to_new_segmentation(volume_node, *computed)
    assert not node.GetSegmentation().ContainsRepresentation("Closed surface")
    made = []
    for _ in import_result.showing_3d(node):
        surfaces = [described["surface"] for described in describe_segmentation(node).values()]
        made.append(sum(surface is not None for surface in surfaces))
    assert set(made) == {0, 1, 2}
    assert made == sorted(made)
    shown = [described["surface"] for described in describe_segmentation(node).values()]
    assert shown == describe_surfaces(volume_node, computed)
    assert all(points > 10 for points in shown)
    display_node = node.GetDisplayNode()
    assert display_node.GetDisplayRepresentationName3D() == "Closed surface"
    assert display_node.GetVisibility3D()
    show_3d(node, False)
    assert not node.GetSegmentation().ContainsRepresentation("Closed surface")
    show_3d(node, True)
    assert [d["surface"] for d in describe_segmentation(node).values()] == shown


def test_a_surface_of_voxels_that_changed_meanwhile_is_not_kept(volume_node, computed):
    node = apply_to_new_segmentation(volume_node, *computed)
    showing = import_result.showing_3d(node)
    next(showing)
    paint_into(node, node.GetSegmentation().GetNthSegmentID(0))
    for _ in showing:
        pass
    shown = [described["surface"] for described in describe_segmentation(node).values()]
    node.RemoveClosedSurfaceRepresentation()
    node.CreateClosedSurfaceRepresentation()
    assert shown == [d["surface"] for d in describe_segmentation(node).values()]


def test_show_3d_of_nothing(volume_node):
    node = new_segmentation(volume_node)
    show_3d(node, True)
    show_3d(node, False)


def test_tags_say_who_made_it(volume_node, computed):
    """DICOM SEG export refuses a segment of an algorithm without a name."""
    node = apply_to_new_segmentation(volume_node, *computed)
    for n in range(2):
        tags = tags_of(node.GetSegmentation().GetNthSegment(n))
        assert tags["DICOM.SegmentAlgorithmType"] == "AUTOMATIC"
        assert tags["DICOM.SegmentAlgorithmName"] == "VoCo headneck: a b"
