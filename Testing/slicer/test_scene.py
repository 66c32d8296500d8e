"""A result in the scene, written to a bundle and read back from disk."""

import resource

import numpy as np
import pytest
import SimpleITK as sitk
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from VoCoSlicerLib.pictures.bounds import crossing_point, enclose, surface_boxes
from VoCoSlicerLib.pictures.layout import fit_views
from VoCoSlicerLib.pictures.surfaces import segment_surface
from VoCoSlicerLib.scene.bundle import save_bundle
from VoCoSlicerLib.scene.ct import load_ct
from VoCoSlicerLib.scene.geometry import volume_bounds
from VoCoSlicerLib.scene.labelmaps import segment_mask, segment_volumes, segments


@pytest.fixture(params=["made", "reopened"])
def scene(request, fitted, reopened):
    """The scene as it was made, and as it comes back from a bundle."""
    return (fitted if request.param == "made" else reopened).scene


def first(scene, class_name):
    return scene.GetFirstNodeByClass(class_name)


def look_up(array, index_to_ras, points):
    """The values of an array at points that must all be voxel centres; 0 outside of it."""
    indices = (np.linalg.inv(index_to_ras) @ np.c_[points, np.ones(len(points))].T)[:3].T
    nearest = np.rint(indices).astype(int)
    np.testing.assert_allclose(indices, nearest, atol=1e-3)
    inside = ((nearest >= 0) & (nearest < array.shape)).all(axis=1)
    values = np.zeros(len(points), dtype=array.dtype)
    values[inside] = array[tuple(nearest[inside].T)]
    return values


def test_names_colours_and_terminology_survive(scene, structures):
    found = segments(first(scene, "vtkMRMLSegmentationNode"))
    assert [segment.GetName() for segment in found] == [s.name for s in structures]
    for segment, structure in zip(found, structures, strict=True):
        np.testing.assert_allclose(segment.GetColor(), structure.color, atol=1e-6)
        tag = vtk.reference("")
        assert segment.GetTag("TerminologyEntry", tag)
        assert str(tag) == structure.terminology


def test_every_voxel_keeps_its_label_and_place(scene, any_result):
    points = any_result.points()
    labels = sitk.GetArrayFromImage(any_result.labels).ravel()
    found = segments(first(scene, "vtkMRMLSegmentationNode"))
    for label, segment in enumerate(found, 1):
        mask, index_to_ras = segment_mask(segment)
        np.testing.assert_array_equal(look_up(mask, index_to_ras, points), labels == label)


def test_segmentation_lies_on_the_volume(scene, any_result):
    volume_node = first(scene, "vtkMRMLScalarVolumeNode")
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    index_to_ras = np.reshape([matrix.GetElement(n // 4, n % 4) for n in range(16)], (4, 4))
    image = volume_node.GetImageData()
    intensities = vtk_to_numpy(image.GetPointData().GetScalars())
    np.testing.assert_array_equal(
        look_up(
            intensities.reshape(image.GetDimensions(), order="F"), index_to_ras, any_result.points()
        ),
        sitk.GetArrayFromImage(any_result.intensities).ravel(),
    )
    segmentation_node = first(scene, "vtkMRMLSegmentationNode")
    assert segmentation_node.GetNodeReferenceID("referenceImageGeometryRef") == volume_node.GetID()


def test_volumes_are_voxel_counts(scene, any_result, structures):
    labels = sitk.GetArrayFromImage(any_result.labels)
    voxel = np.prod(any_result.labels.GetSpacing()) / 1000
    expected = {s.name: (labels == n).sum() * voxel for n, s in enumerate(structures, 1)}
    measured = segment_volumes(first(scene, "vtkMRMLSegmentationNode"))
    assert measured == pytest.approx(expected, rel=1e-4)


def test_right_is_right(scene):
    right, left, mandible = (
        enclose(box[None]).mean(axis=0)
        for box in surface_boxes(first(scene, "vtkMRMLSegmentationNode"))
    )
    assert right[0] > mandible[0] + 10 > left[0] + 20
    assert mandible[1] > right[1] + 10
    assert right[2] > mandible[2] + 5


def test_closed_surfaces_are_shown(scene, structures):
    segmentation_node = first(scene, "vtkMRMLSegmentationNode")
    display_node = segmentation_node.GetDisplayNode()
    assert display_node.GetDisplayRepresentationName3D() == "Closed surface"
    assert display_node.GetVisibility()
    assert display_node.GetVisibility2D()
    assert display_node.GetVisibility3D()
    assert display_node.GetOpacity2DFill() == pytest.approx(0.4)
    for segment, structure in zip(segments(segmentation_node), structures, strict=True):
        vertices, triangles = segment_surface(segment)
        np.testing.assert_allclose(vertices.mean(axis=0), structure.center, atol=1.0)
        a, b, c = np.moveaxis(vertices[triangles], 1, 0)
        facing_outwards = ((np.cross(b - a, c - a) * (a - structure.center)).sum(axis=1) > 0).mean()
        assert facing_outwards > 0.95


def test_soft_tissue_window_and_grey(scene):
    display_node = first(scene, "vtkMRMLScalarVolumeNode").GetDisplayNode()
    assert (display_node.GetWindow(), display_node.GetLevel()) == (400.0, 40.0)
    assert not display_node.GetAutoWindowLevel()
    assert display_node.GetColorNode().GetName() == "Grey"


@pytest.mark.parametrize(
    ("layout_name", "orientation", "in_plane", "across"),
    [
        ("Red", "Axial", [0, 1], 2),
        ("Yellow", "Sagittal", [1, 2], 0),
        ("Green", "Coronal", [0, 2], 1),
    ],
)
def test_slice_views_are_fitted(scene, layout_name, orientation, in_plane, across):
    volume_node = first(scene, "vtkMRMLScalarVolumeNode")
    segmentation_node = first(scene, "vtkMRMLSegmentationNode")
    composite_node = scene.GetSingletonNode(layout_name, "vtkMRMLSliceCompositeNode")
    assert composite_node.GetBackgroundVolumeID() == volume_node.GetID()

    slice_node = scene.GetSingletonNode(layout_name, "vtkMRMLSliceNode")
    assert slice_node.GetOrientation() == orientation
    bounds = volume_bounds(volume_node)
    field = np.array(slice_node.GetFieldOfView()[:2])
    size = np.ptp(bounds, axis=0)[in_plane]
    assert (field >= size).all()
    assert (field / size).min() < 1.2
    assert field[0] / field[1] == pytest.approx(
        slice_node.GetDimensions()[0] / slice_node.GetDimensions()[1]
    )
    place = [slice_node.GetSliceToRAS().GetElement(row, 3) for row in range(3)]
    np.testing.assert_allclose(np.take(place, in_plane), bounds.mean(axis=0)[in_plane], atol=1e-3)
    crossing = crossing_point(surface_boxes(segmentation_node))
    assert place[across] == pytest.approx(crossing[across], abs=0.5)


def test_camera_looks_at_the_structures_from_the_front(scene):
    camera_node = scene.GetSingletonNode("1", "vtkMRMLCameraNode")
    structures = enclose(surface_boxes(first(scene, "vtkMRMLSegmentationNode")))
    focus, position = np.array(camera_node.GetFocalPoint()), np.array(camera_node.GetPosition())
    np.testing.assert_allclose(focus, structures.mean(axis=0), atol=0.5)
    distance = position[1] - focus[1]
    np.testing.assert_allclose(position - focus, [0, distance, 0], atol=1e-3)
    height_in_view = 2 * distance * np.tan(np.radians(camera_node.GetViewAngle() / 2))
    assert 1 < height_in_view / np.ptp(structures, axis=0).max() < 2.5
    assert camera_node.GetViewUp() == (0.0, 0.0, 1.0)


def test_crossing_point_crosses_the_most_boxes():
    boxes = np.array(
        [
            [[0, 0, 0], [40, 40, 40]],
            [[20, 80, 0], [60, 90, 100]],
            [[39, 0, 90], [59, 10, 120]],
        ]
    )
    np.testing.assert_allclose(crossing_point(boxes.astype(float)), [48.5, 6.5, 23.0])


def test_structures_that_were_not_found(shown_empty, application, reopen, tmp_path):
    fit_views(application.scene, *shown_empty)
    save_bundle(application.scene, tmp_path / "scene.mrb")
    reopened = reopen(tmp_path / "scene.mrb")
    volumes = segment_volumes(first(reopened.scene, "vtkMRMLSegmentationNode"))
    assert volumes == {"Right parotid gland": 0, "Left parotid gland": 0, "Mandible": 0}


@pytest.mark.parametrize("content", [None, b"", b"not an image"], ids=["missing", "empty", "text"])
def test_an_unreadable_ct_leaves_the_scene_as_it_was(content, application, tmp_path):
    path = tmp_path / "broken.nii.gz"
    if content is not None:
        path.write_bytes(content)
    nodes = application.scene.GetNumberOfNodes()
    with pytest.raises(OSError, match=r"broken\.nii\.gz"):
        load_ct(application.scene, path, "CT")
    assert application.scene.GetNumberOfNodes() == nodes


@pytest.mark.usefixtures("shown")
def test_a_full_disk_keeps_the_older_bundle(application, tmp_path):
    bundle = tmp_path / "out" / "scene.mrb"
    bundle.parent.mkdir()
    bundle.write_bytes(b"older")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(OSError, match="could not be written"):
            save_bundle(application.scene, bundle)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(bundle.parent.iterdir()) == [bundle]
    assert bundle.read_bytes() == b"older"


@pytest.mark.usefixtures("shown")
def test_a_bundle_replaces_an_older_one(application, reopen, tmp_path):
    bundle = tmp_path / "scene.mrb"
    bundle.write_bytes(b"older")
    save_bundle(application.scene, bundle)
    assert first(reopen(bundle).scene, "vtkMRMLSegmentationNode").GetName() == "Segmentation"


@pytest.mark.usefixtures("shown")
def test_a_bundle_in_the_folder_that_one_is_in(application, reopen, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_bundle(application.scene, "scene.mrb")
    assert first(reopen(tmp_path / "scene.mrb").scene, "vtkMRMLSegmentationNode") is not None


def test_missing_folder(application, tmp_path):
    with pytest.raises(OSError, match="absent"):
        save_bundle(application.scene, tmp_path / "absent" / "scene.mrb")
    assert not (tmp_path / "absent").exists()
