"""What is measured is what a slow count by hand gives."""

import csv
import io

import numpy as np
import pytest
import slicer
import vtk

from Testing.slicer.scene.scenes import (
    OBLIQUE,
    ORIENTATIONS,
    SPACING,
    add_transform,
    add_volume,
    affine,
    array_of,
    ids_by_name,
    image_data,
    put_under,
    rotation,
    segment_points,
    some_masks,
    voxel_points,
    vtk_matrix,
    write_result,
)
from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.import_result import apply_to_new_segmentation
from VoCoSlicerLib.scene.measures import (
    StructureMeasure,
    as_csv,
    measuring,
    rows_of_result,
    structure_table,
)

MASKS = some_masks()
INNER = np.zeros((7, 6, 5), bool)
INNER[1:-1, 1:-1, 1:-1] = True


def from_world(node, points):
    """Points of the world in a node's coordinates, one by one."""
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        None, node.GetParentTransformNode(), transform
    )
    return [transform.TransformPoint(*point) for point in points]


def by_hand(segmentation_node, segment_id, volume_node, voxel_ml):
    """Count one voxel after the other, through the world."""
    ras_to_index = vtk.vtkMatrix4x4()
    volume_node.GetRASToIJKMatrix(ras_to_index)
    values = array_of(volume_node)
    found, border = [], False
    points = segment_points(segmentation_node, segment_id)
    for point in from_world(volume_node, points):
        index = [round(place) for place in ras_to_index.MultiplyPoint((*point, 1.0))[:3]]
        inside = [0 <= i < side for i, side in zip(index, values.shape, strict=True)]
        if all(inside):
            found.append(float(values[tuple(index)]))
        border |= any(i <= 0 or i >= side - 1 for i, side in zip(index, values.shape, strict=True))
    return len(points) * voxel_ml, sum(found) / len(found) if found else None, border


def assert_measured(rows, segmentation_node, ids, volume_node, voxel_ml):
    segmentation = segmentation_node.GetSegmentation()
    assert [row.name for row in rows] == [segmentation.GetSegment(i).GetName() for i in ids]
    for row, segment_id in zip(rows, ids, strict=True):
        volume, mean, border = by_hand(segmentation_node, segment_id, volume_node, voxel_ml)
        assert row.volume_ml == pytest.approx(volume, rel=1e-6)
        assert row.mean_hu == (None if mean is None else pytest.approx(mean))
        assert row.touches_border == border


@pytest.mark.parametrize("direction", [*ORIENTATIONS[::5], OBLIQUE])
@pytest.mark.parametrize("scale", [None, 1.7])
def test_a_result_on_the_volumes_grid(application, tmp_path, direction, scale):
    volume_node = add_volume(application.scene, direction)
    if scale:
        transform = affine(rotation(0.3, 0.2, 0.1) * scale, (5, 6, 7))
        put_under(volume_node, add_transform(application.scene, transform))
    masks = {name: mask & INNER for name, mask in MASKS.items()} | {"brainstem": ~INNER}
    node = apply_to_new_segmentation(volume_node, *write_result(volume_node, tmp_path, masks))
    ids = list(node.GetSegmentation().GetSegmentIDs())
    rows = structure_table(node, volume_node)
    assert_measured(rows, node, ids, volume_node, np.prod(SPACING) / 1000 * (scale or 1) ** 3)
    assert [row.touches_border for row in rows] == [False, False, True]
    for row, mask in zip(rows, masks.values(), strict=True):
        assert row.mean_hu == pytest.approx(array_of(volume_node)[mask].mean())
    assert structure_table(node, volume_node, ids[::-1]) == rows[::-1]
    assert structure_table(node, volume_node, ids[1:2]) == rows[1:2]


@pytest.mark.parametrize("face", [(axis, end) for axis in range(3) for end in (0, -1)])
def test_each_face_of_the_volume_is_its_border(application, tmp_path, face):
    volume_node = add_volume(application.scene, OBLIQUE)
    at_face = np.zeros(INNER.shape, bool)
    index = [2, 2, 2]
    index[face[0]] = face[1]
    at_face[tuple(index)] = True
    masks = {"mandible": INNER & ~at_face, "brainstem": at_face}
    node = apply_to_new_segmentation(volume_node, *write_result(volume_node, tmp_path, masks))
    assert [r.touches_border for r in structure_table(node, volume_node)] == [False, True]


def test_a_segmentation_on_another_grid_under_another_transform(application):
    scene = application.scene
    volume_node = add_volume(scene, OBLIQUE)
    put_under(volume_node, add_transform(scene, affine(rotation(0.5, 0, 0), (1, 2, 3))))
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "S")
    put_under(node, add_transform(scene, affine(rotation(0, 0.5, 0) * 1.2, (3, 2, 1))))
    middle = from_world(node, voxel_points(volume_node, [(3, 3, 2)]))[0]
    for name, spacing, size in (("fine", 0.45, (7, 8, 6)), ("far", 0.45, (40, 3, 3))):
        labelmap = slicer.vtkOrientedImageData()
        values = (np.random.default_rng(2).random(size) > 0.4).astype(np.uint8) * 5
        labelmap.ShallowCopy(image_data(values))
        labelmap.SetExtent(2, size[0] + 1, -3, size[1] - 4, 1, size[2])
        labelmap.SetImageToWorldMatrix(
            vtk_matrix(affine(rotation(1, 2, 3) * spacing, np.array(middle) - spacing))
        )
        segment = slicer.vtkSegment()
        segment.SetName(name)
        segment.SetLabelValue(5)
        segment.AddRepresentation("Binary labelmap", labelmap)
        node.GetSegmentation().AddSegment(segment, name)
    rows = structure_table(node, volume_node)
    assert_measured(rows, node, ["fine", "far"], volume_node, (0.45 * 1.2) ** 3 / 1000)
    assert rows[0].mean_hu is not None
    assert rows[1].touches_border


def test_structures_without_voxels(application, tmp_path):
    volume_node = add_volume(application.scene)
    masks = {"mandible": MASKS["mandible"], "brainstem": MASKS["mandible"] & False}
    node = apply_to_new_segmentation(volume_node, *write_result(volume_node, tmp_path, masks))
    node.GetSegmentation().AddEmptySegment("empty", "empty")
    rows = structure_table(node, volume_node, [ids_by_name(node)["brainstem"], "empty"])
    assert rows == [
        StructureMeasure("brainstem", 0.0, None, False),
        StructureMeasure("empty", 0.0, None, False),
    ]


def test_it_is_measured_in_short_steps(application, tmp_path):
    volume_node = add_volume(application.scene)
    node = apply_to_new_segmentation(volume_node, *write_result(volume_node, tmp_path, MASKS))
    shares = list(measuring(node, volume_node))
    assert len(shares) == 5
    assert shares[-1] == 1


def test_what_cannot_be_measured_is_said_in_a_sentence(application, tmp_path):
    volume_node = add_volume(application.scene)
    node = apply_to_new_segmentation(volume_node, *write_result(volume_node, tmp_path, MASKS))
    with pytest.raises(VoCoSlicerError, match="removed"):
        structure_table(node, volume_node, ["absent"])
    empty = application.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "E")
    with pytest.raises(VoCoSlicerError, match="no voxels"):
        structure_table(node, empty)
    put_under(node, application.scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "B"))
    with pytest.raises(VoCoSlicerError, match="not linear"):
        structure_table(node, volume_node)
    node.SetAndObserveTransformNodeID(None)
    segment = node.GetSegmentation().GetSegment(ids_by_name(node)["mandible"])
    segment.RemoveRepresentation("Binary labelmap")
    with pytest.raises(VoCoSlicerError, match="mandible has no binary label map"):
        structure_table(node, volume_node)


def test_the_workers_own_rows():
    structures = [
        {"name": "a", "volume_ml": 1.5, "mean_hu": 40.0, "touches_border": True, "voxels": 3},
        {"name": "b", "volume_ml": 0.0, "mean_hu": None, "touches_border": False, "voxels": 0},
    ]
    assert rows_of_result({"structures": structures}) == ROWS_WITHOUT_QUOTES


ROWS_WITHOUT_QUOTES = [
    StructureMeasure("a", 1.5, 40.0, True),
    StructureMeasure("b", 0.0, None, False),
]
ROWS = [StructureMeasure('Läsion, "links"', 1.23456, -5.04, True), *ROWS_WITHOUT_QUOTES]


def test_csv():
    assert as_csv(ROWS).splitlines()[0] == "name,volume_ml,mean_hu,touches_border"
    assert list(csv.reader(io.StringIO(as_csv(ROWS))))[1:] == [
        ['Läsion, "links"', "1.235", "-5.0", "yes"],
        ["a", "1.500", "40.0", "yes"],
        ["b", "0.000", "", "no"],
    ]
    assert as_csv(ROWS_WITHOUT_QUOTES, "\t").splitlines()[1] == "a\t1.500\t40.0\tyes"
