"""A volume reaches the worker as it lies in the scene."""

import resource
from itertools import product

import numpy as np
import pytest
import SimpleITK as sitk
import vtk
from hypothesis import given, settings
from hypothesis import strategies as st

from Testing.slicer.scene.scenes import (
    OBLIQUE,
    ORIENTATIONS,
    SIZE,
    add_transform,
    add_volume,
    affine,
    array_of,
    image_data,
    put_under,
    rotation,
    some_values,
    to_world_points,
    voxel_points,
)
from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene import transfer
from VoCoSlicerLib.scene.headless import HeadlessApplication
from VoCoSlicerLib.scene.transfer import (
    check_volume,
    grid_of,
    region_of,
    volume_inside,
    write_volume,
    writing_volume,
)

APPLICATION = HeadlessApplication()
INDICES = [(0, 0, 0), (6, 0, 0), (0, 5, 0), (0, 0, 4), (3, 2, 1)]
angles = st.floats(-3.0, 3.0)
lengths = st.floats(0.2, 5.0)
places = st.floats(-300.0, 300.0)


def assert_arrives(volume_node, path):
    write_volume(volume_node, path)
    image = sitk.ReadImage(str(path))
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(image).transpose(2, 1, 0), array_of(volume_node)
    )
    expected = voxel_points(volume_node, INDICES) * [-1, -1, 1]
    found = [image.TransformIndexToPhysicalPoint(index) for index in INDICES]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    grid = grid_of(volume_node)
    assert tuple(grid["size"]) == image.GetSize()
    np.testing.assert_allclose(grid["spacing"], image.GetSpacing(), rtol=1e-12)
    np.testing.assert_allclose(grid["origin"], image.GetOrigin(), atol=1e-9)
    np.testing.assert_allclose(grid["direction"], image.GetDirection(), atol=1e-12)


@pytest.mark.parametrize("direction", ORIENTATIONS)
def test_every_orientation_arrives(application, tmp_path, direction):
    assert_arrives(add_volume(application.scene, direction), tmp_path / "v.nrrd")


@settings(max_examples=40, deadline=None)
@given(
    turned=st.tuples(angles, angles, angles),
    orientation=st.sampled_from(ORIENTATIONS),
    spacing=st.tuples(lengths, lengths, lengths),
    origin=st.tuples(places, places, places),
    moved=st.tuples(angles, angles, angles),
    scale=lengths,
)
def test_oblique_grids_under_transforms_arrive(
    tmp_path_factory, turned, orientation, spacing, origin, moved, scale
):
    scene = APPLICATION.scene
    scene.Clear(0)
    volume_node = add_volume(scene, rotation(*turned) @ orientation, spacing=spacing, origin=origin)
    outer = add_transform(scene, affine(rotation(*moved) * scale, origin[::-1]))
    put_under(volume_node, add_transform(scene, affine(rotation(*turned)), outer))
    assert_arrives(volume_node, tmp_path_factory.mktemp("v") / "v.nrrd")


@pytest.mark.parametrize(
    "dtype",
    [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.float32, np.float64],
)
def test_every_scalar_type_arrives(application, tmp_path, dtype):
    values = (np.arange(np.prod(SIZE)).reshape(SIZE) % 120).astype(dtype)
    write_volume(add_volume(application.scene, values=values), tmp_path / "v.nrrd")
    read = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "v.nrrd")))
    assert read.dtype == dtype
    np.testing.assert_array_equal(read.transpose(2, 1, 0), values)


def test_it_is_written_in_short_steps(application, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "CHUNK", 100)
    volume_node = add_volume(application.scene)
    shares = list(writing_volume(volume_node, tmp_path / "v.nrrd"))
    assert len(shares) == 5
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert_arrives(volume_node, tmp_path / "v.nrrd")


def test_the_name_of_the_volume_is_not_in_the_file(application, tmp_path):
    write_volume(add_volume(application.scene, name="Patient Name"), tmp_path / "v.nrrd")
    assert b"Patient" not in (tmp_path / "v.nrrd").read_bytes()


def no_image(scene):
    return scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "V")


def colours(scene):
    node = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "V")
    image = vtk.vtkImageData()
    image.SetDimensions(4, 4, 4)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    node.SetAndObserveImageData(image)
    return node


def label_map(scene):
    node = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "V")
    node.SetAndObserveImageData(image_data(some_values()))
    return node


def single_slice(scene):
    return add_volume(scene, values=some_values((7, 6, 1)), name="V")


def sheared(scene):
    return add_volume(scene, np.array([[1, 0.2, 0], [0, 1, 0], [0, 0, 1]]), name="V")


def flat(scene):
    return add_volume(scene, np.diag([1.0, 1.0, 0.0]), name="V")


def sheared_by_transform(scene):
    node = add_volume(scene, OBLIQUE, name="V")
    put_under(node, add_transform(scene, affine(np.diag([1.0, 1.0, 1.5]))))
    return node


def bent(scene):
    node = add_volume(scene, name="V")
    put_under(node, scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "B"))
    return node


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda scene: None, "choose the image"),
        (no_image, "no voxels"),
        (colours, "3 values a voxel"),
        (label_map, "label map"),
        (single_slice, "single slice"),
        (sheared, "not perpendicular"),
        (flat, "not perpendicular"),
        (sheared_by_transform, "not perpendicular"),
        (bent, "not linear"),
    ],
)
def test_what_cannot_be_segmented_is_refused_in_a_sentence(application, tmp_path, make, reason):
    volume_node = make(application.scene)
    for refuse in (
        check_volume,
        grid_of,
        lambda node: write_volume(node, tmp_path / "v.nrrd"),
    ):
        with pytest.raises(VoCoSlicerError, match=reason):
            refuse(volume_node)
    assert not list(tmp_path.iterdir())


def test_a_stretched_axis_is_a_grid(application, tmp_path):
    volume_node = add_volume(application.scene, ORIENTATIONS[17])
    put_under(volume_node, add_transform(application.scene, affine(np.diag([1.0, 2.0, -3.0]))))
    assert_arrives(volume_node, tmp_path / "v.nrrd")


def test_a_full_disk_leaves_the_older_file(application, tmp_path):
    path = tmp_path / "v.nrrd"
    path.write_bytes(b"older")
    volume_node = add_volume(application.scene, values=some_values((40, 40, 40)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(VoCoSlicerError, match="free some disk space"):
            write_volume(volume_node, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"older"


def test_an_absent_folder_is_named(application, tmp_path):
    with pytest.raises(VoCoSlicerError, match="absent"):
        write_volume(add_volume(application.scene), tmp_path / "absent" / "v.nrrd")
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(VoCoSlicerError, match="cannot be written"):
        write_volume(add_volume(application.scene), tmp_path / "file" / "v.nrrd")


def test_stopping_in_between_leaves_no_file(application, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "CHUNK", 100)
    writing = writing_volume(add_volume(application.scene), tmp_path / "v.nrrd")
    next(writing)
    assert len(list(tmp_path.iterdir())) == 1
    writing.close()
    assert not list(tmp_path.iterdir())


# Regions of interest


def add_region(scene, matrix=None, size=(10.0, 20.0, 30.0), center=(1.0, 2.0, 3.0)):
    roi_node = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "R")
    roi_node.SetCenter(*center)
    roi_node.SetSize(*size)
    if matrix is not None:
        box = vtk.vtkMatrix4x4()
        box.DeepCopy(matrix.ravel().tolist())
        roi_node.SetAndObserveObjectToNodeMatrix(box)
    return roi_node


@settings(max_examples=30, deadline=None)
@given(
    turned=st.tuples(angles, angles, angles),
    center=st.tuples(places, places, places),
    size=st.tuples(lengths, lengths, lengths),
    moved=st.tuples(angles, angles, angles),
    scale=lengths,
)
def test_a_turned_region_under_a_transform_is_the_box_on_the_screen(
    turned, center, size, moved, scale
):
    scene = APPLICATION.scene
    scene.Clear(0)
    roi_node = add_region(scene, affine(rotation(*turned), center), size)
    put_under(roi_node, add_transform(scene, affine(rotation(*moved) * scale, center[::-1])))
    box_to_lps = np.reshape(region_of(roi_node)["matrix"], (4, 4))
    corners = np.array([(*corner, 1.0) for corner in product((-0.5, 0.5), repeat=3)])
    found = (corners @ box_to_lps.T)[:, :3] * [-1, -1, 1]
    shown = roi_node.CreateROIBoxPolyDataWorld()
    drawn = np.array([shown.GetPoint(number) for number in range(shown.GetNumberOfPoints())])
    distances = np.linalg.norm(drawn[:, None] - found, axis=2)
    assert distances.min(axis=0).max() < 1e-3
    assert distances.min(axis=1).max() < 1e-3


def test_a_region_drawn_as_bounding_box(application):
    roi_node = application.scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "R")
    roi_node.SetROIType(roi_node.ROITypeBoundingBox)
    for point in ((0.0, 0.0, 0.0), (10.0, 0.0, 0.0), (0.0, 20.0, 5.0)):
        roi_node.AddControlPoint(point)
    box_to_lps = np.reshape(region_of(roi_node)["matrix"], (4, 4))
    np.testing.assert_allclose(box_to_lps @ [-0.5, -0.5, -0.5, 1], [0, 0, 0, 1], atol=1e-9)
    np.testing.assert_allclose(box_to_lps @ [0.5, 0.5, 0.5, 1], [-10, -20, 5, 1], atol=1e-9)


@pytest.mark.parametrize("turned", [(0.0, 0.0, 0.0), (0.4, 0.1, 0.2), (0.0, 0.0, -1.2)])
@pytest.mark.parametrize("direction", [*ORIENTATIONS[::11], OBLIQUE])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_the_share_of_the_volume_inside(application, direction, turned):
    volume_node = add_volume(application.scene, direction)
    put_under(volume_node, add_transform(application.scene, affine(rotation(*turned))))
    middle = voxel_points(volume_node, [(3, 2, 2)])[0]
    roi_node = add_region(application.scene, affine(rotation(*turned), middle), (4.1, 5.3, 6.7))
    indices = list(np.ndindex(SIZE))
    inside = sum(
        bool(roi_node.IsPointInROIWorld(point)) for point in voxel_points(volume_node, indices)
    )
    assert 10 < inside < len(indices) - 10
    assert volume_inside(roi_node, volume_node) == pytest.approx(inside / len(indices))
    roi_node.SetCenterWorld(1000.0, 0.0, 0.0)
    assert volume_inside(roi_node, volume_node) == 0
    roi_node.SetSize(9000.0, 9000.0, 9000.0)
    assert volume_inside(roi_node, volume_node) == 1


@pytest.mark.parametrize(("middle", "count"), [((2.0, 2.0, 2.0), 27), ((6.0, 5.0, 4.0), 8)])
@pytest.mark.filterwarnings("error")
def test_voxels_on_the_faces_of_a_region_are_inside(application, middle, count):
    volume_node = add_volume(application.scene, np.eye(3), spacing=(1, 1, 1), origin=(0, 0, 0))
    roi_node = add_region(application.scene, affine(np.eye(3), middle), (2.0, 2.0, 2.0))
    assert volume_inside(roi_node, volume_node) * np.prod(SIZE) == pytest.approx(count)


def unplaced(scene):
    return scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "R")


def flat_region(scene):
    return add_region(scene, size=(10.0, 0.0, 30.0))


def inside_out(scene):
    roi_node = add_region(scene)
    roi_node.SetInsideOut(True)
    return roi_node


def bent_region(scene):
    roi_node = add_region(scene)
    put_under(roi_node, scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "B"))
    return roi_node


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (unplaced, "not placed"),
        (flat_region, "is flat"),
        (inside_out, "inside out"),
        (bent_region, "not linear"),
    ],
)
def test_a_region_that_is_no_box_is_refused_in_a_sentence(application, make, reason):
    roi_node = make(application.scene)
    with pytest.raises(VoCoSlicerError, match=reason):
        region_of(roi_node)


def test_points_go_through_all_transforms(application):
    """The tests' own yardstick."""
    scene = application.scene
    volume_node = add_volume(scene)
    outer = add_transform(scene, affine(np.diag([2.0, 1.0, 1.0])))
    put_under(volume_node, add_transform(scene, affine(np.eye(3), (1, 0, 0)), outer))
    np.testing.assert_allclose(to_world_points(volume_node, [(0, 0, 0)]), [(2, 0, 0)])
