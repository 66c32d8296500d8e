"""What a result says of itself survives saving; its place in the scene; DICOM SEG export."""

import json
from zipfile import ZipFile

import numpy as np
import pytest
import slicer
import vtk

from Testing.slicer.scene.scenes import (
    OBLIQUE,
    ORIENTATIONS,
    STRUCTURES,
    add_transform,
    add_volume,
    affine,
    describe_segmentation,
    ids_by_name,
    put_under,
    rotation,
    same_places,
    some_masks,
    tags_of,
    write_result,
)
from Testing.slicer.scene.test_import_result import own_segment
from VoCoSlicerLib.scene.bundle import save_bundle
from VoCoSlicerLib.scene.headless import HeadlessApplication
from VoCoSlicerLib.scene.import_result import (
    apply_result,
    apply_to_new_segmentation,
    computed_segments,
    show_3d,
)
from VoCoSlicerLib.scene.nodes import new_segmentation, place_beside, segmentation_name
from VoCoSlicerLib.scene.provenance import provenance_of, provenance_of_node
from VoCoSlicerLib.scene.terminology import algorithm_tags, parse_entry

MASKS = some_masks()


@pytest.fixture
def node(application, tmp_path):
    """A result under a transform, with a segment that the user drew, in colours of the user's."""
    volume_node = add_volume(application.scene, OBLIQUE)
    transform = affine(rotation(0.3, 0.2, 0.1), (1, 2, 3))
    put_under(volume_node, add_transform(application.scene, transform))
    node = apply_to_new_segmentation(volume_node, *write_result(volume_node, tmp_path / "r", MASKS))
    node.GetSegmentation().GetNthSegment(0).SetName("Unterkiefer, geändert")
    node.GetSegmentation().GetNthSegment(0).SetColor(0.5, 0.25, 0.125)
    return node


def provenances(node):
    segmentation = node.GetSegmentation()
    return [provenance_of(segmentation.GetSegment(i)) for i in segmentation.GetSegmentIDs()]


def assert_the_same(reopened, described, expected_provenances, ids):
    found = describe_segmentation(reopened)
    assert list(found) == list(described)
    for one, other in zip(found.values(), described.values(), strict=True):
        for key in ("name", "tags", "visible"):
            assert one[key] == other[key]
        assert one["color"] == pytest.approx(other["color"], abs=1e-5)
        assert same_places(np.array(one["points"]), np.array(other["points"]), 0.01)
    assert provenances(reopened) == expected_provenances
    assert computed_segments(reopened) == ids


def test_a_bundle_keeps_everything(application, node, tmp_path):
    show_3d(node, True)
    described, said, ids = describe_segmentation(node), provenances(node), computed_segments(node)
    save_bundle(application.scene, tmp_path / "s.mrb")
    with ZipFile(tmp_path / "s.mrb") as bundle:
        bundle.extractall(tmp_path / "s")
    (saved,) = (tmp_path / "s").glob("**/*.mrml")
    reopened = HeadlessApplication()
    reopened.scene.SetURL(str(saved))
    assert reopened.scene.Connect()
    again = reopened.scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    assert_the_same(again, described, said, ids)
    assert provenance_of_node(again) == provenance_of_node(node)
    assert provenance_of_node(again) is not None
    volume_node = reopened.scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
    ids = apply_result(
        volume_node, again, *write_result(volume_node, tmp_path / "2", some_masks(seed=3))
    )
    assert ids == computed_segments(node)
    assert list(describe_segmentation(again)) == list(described)


def test_a_segmentation_file_keeps_everything_but_the_transform(application, node, tmp_path):
    node.SetAndObserveTransformNodeID(None)
    described, said, ids = describe_segmentation(node), provenances(node), computed_segments(node)
    path = str(tmp_path / "s.seg.nrrd")
    writer = application.scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    writer.SetFileName(path)
    assert writer.WriteData(node)
    reopened = HeadlessApplication().scene
    again = reopened.AddNewNodeByClass("vtkMRMLSegmentationNode", "again")
    again.CreateDefaultDisplayNodes()
    reader = reopened.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    reader.SetFileName(path)
    assert reader.ReadData(again)
    assert_the_same(again, described, said, ids)


def test_a_segmentation_sequence_survives_a_bundle(application, tmp_path):
    from Testing.slicer.scene.test_series import items_of, segment_all

    sequence_node = application.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "4D")
    for value in ("0", "5", "10"):
        sequence_node.SetDataNodeAtValue(add_volume(application.scene, OBLIQUE), value)
    made, _ = segment_all(sequence_node, tmp_path).finish()
    described = [describe_segmentation(item) for item in items_of(made)]
    save_bundle(application.scene, tmp_path / "s.mrb")
    with ZipFile(tmp_path / "s.mrb") as bundle:
        bundle.extractall(tmp_path / "s")
    (saved,) = (tmp_path / "s").glob("*/*.mrml")
    reopened = HeadlessApplication()
    cache, manager = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
    cache.SetRemoteCacheDirectory(str(tmp_path))
    manager.SetCacheManager(cache)
    reopened.scene.SetDataIOManager(manager)
    reopened.scene.SetURL(str(saved))
    assert reopened.scene.Connect()
    again = reopened.scene.GetFirstNodeByName("4D segmentation")
    assert [again.GetNthIndexValue(n) for n in range(3)] == ["0", "5", "10"]
    for item, expected in zip(items_of(again), described, strict=True):
        for one, other in zip(describe_segmentation(item).values(), expected.values(), strict=True):
            assert (one["name"], one["tags"]) == (other["name"], other["tags"])
            assert same_places(np.array(one["points"]), np.array(other["points"]))


# DICOM SEG


def exported(segment):
    """What Slicer's DICOM SEG export writes of a segment, and what it refuses."""
    logic, entry = slicer.vtkSlicerTerminologiesModuleLogic(), slicer.vtkSlicerTerminologyEntry()
    tag = vtk.reference("")
    assert segment.GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), tag)
    assert logic.DeserializeTerminologyEntry(str(tag), entry)
    codes = [
        (part.GetCodingSchemeDesignator(), part.GetCodeValue(), part.GetCodeMeaning())
        for part in (
            entry.GetCategoryObject(),
            entry.GetTypeObject(),
            entry.GetTypeModifierObject(),
        )
    ]
    tags = tags_of(segment)
    assert tags["DICOM.SegmentAlgorithmType"] in ("MANUAL", "SEMIAUTOMATIC", "AUTOMATIC")
    assert tags["DICOM.SegmentAlgorithmName"]
    return codes


def test_export_to_dicom_seg_needs_no_typing(node):
    for n, name in enumerate(MASKS):
        segment, structure = node.GetSegmentation().GetNthSegment(n), STRUCTURES[name]
        category, type_, modifier = exported(segment)
        assert category == structure.category
        assert type_ == structure.type
        assert modifier[:2] == (structure.modifier[:2] if structure.modifier else (None, None))


@pytest.mark.parametrize("entry", ["", "A list~^^~^^~^^", "A list~SCT^1^a~SCT^2^"])
def test_without_terminology_slicers_own_stays(application, tmp_path, monkeypatch, entry):
    monkeypatch.setattr("voco3d.outputs.seg_nrrd.terminology", lambda structure: entry)
    volume_node = add_volume(application.scene)
    node = apply_to_new_segmentation(volume_node, *write_result(volume_node, tmp_path, MASKS))
    for n in range(2):
        category, type_, _ = exported(node.GetSegmentation().GetNthSegment(n))
        assert category == type_ == ("SCT", "85756007", "Tissue")


def test_terminology_entries():
    entry = "L~SCT^1^A~SCT^2^B~SCT^3^C~R~^^~^^"
    assert parse_entry(entry) == (("SCT", "1", "A"), ("SCT", "2", "B"), ("SCT", "3", "C"))
    assert parse_entry(entry.replace("SCT^3^C", "^^"))[2] is None
    assert parse_entry("") is None


def test_the_algorithms_name_fits_dicom():
    assert len(algorithm_tags("m" * 100)["DICOM.SegmentAlgorithmName"]) == 64


def test_a_segment_that_no_model_made_has_no_provenance(application):
    node = application.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "S")
    own_segment(node)
    assert provenance_of(node.GetSegmentation().GetNthSegment(0)) is None
    assert provenance_of_node(node) is None
    assert computed_segments(node) == []


def test_versions_can_be_read_in_the_tags(node):
    tag = tags_of(node.GetSegmentation().GetNthSegment(0))["VoCo.versions"]
    assert json.loads(tag)["voco3d"] == "1.0"


# In the scene


def test_names_are_not_used_twice(application):
    volume_node = add_volume(application.scene)
    assert segmentation_name(volume_node) == "CT segmentation"
    names = [new_segmentation(volume_node).GetName() for _ in range(3)]
    assert names == ["CT segmentation", "CT segmentation 2", "CT segmentation 3"]
    assert new_segmentation(volume_node, "mine").GetName() == "mine"


def test_it_is_beside_the_volume_in_the_subject_hierarchy(application):
    scene = application.scene
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "patient")
    study = hierarchy.CreateStudyItem(patient, "study")
    volume_node = add_volume(scene, ORIENTATIONS[1])
    volume_node.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    hierarchy.CreateItem(study, volume_node)
    node = new_segmentation(volume_node)
    item = hierarchy.GetItemByDataNode(node)
    assert hierarchy.GetItemParent(item) == study
    assert hierarchy.GetItemAttribute(item, "DICOM.ReferencedInstanceUIDs") == "1.2.3 1.2.4"
    folder = hierarchy.CreateFolderItem(study, "folder")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volume_node), folder)
    place_beside(node, volume_node)
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == folder


def test_a_failed_result_leaves_no_item_in_the_subject_hierarchy(application, tmp_path):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(application.scene)
    volume_node = add_volume(application.scene)
    hierarchy.CreateItem(hierarchy.GetSceneItemID(), volume_node)
    before = hierarchy.GetNumberOfItems()
    path, result = write_result(volume_node, tmp_path, MASKS)
    del result["provenance"]["hash"]
    with pytest.raises(KeyError):
        apply_to_new_segmentation(volume_node, path, result)
    assert hierarchy.GetNumberOfItems() == before
    assert application.scene.GetFirstNodeByClass("vtkMRMLSegmentationNode") is None
    assert ids_by_name(apply_to_new_segmentation(volume_node, *write_result(
        volume_node, tmp_path, MASKS))) is not None  # fmt: skip
