"""A volume is written once, and again when it has changed."""

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.slicer.scene.scenes import (
    OBLIQUE,
    SIZE,
    add_transform,
    add_volume,
    affine,
    array_of,
    image_data,
    put_under,
    rotation,
    set_grid,
    some_values,
    voxel_points,
    vtk_matrix,
)
from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.positions import volume_file
from VoCoSlicerLib.positions.volume_file import VolumeFiles
from VoCoSlicerLib.scene import transfer
from VoCoSlicerLib.scene.steps import finish


@pytest.fixture
def files(tmp_path):
    return VolumeFiles(tmp_path / "new" / "folder")


@pytest.fixture
def volume(application):
    node = add_volume(application.scene, OBLIQUE, name="Patient Name")
    put_under(node, add_transform(application.scene, affine(rotation(0.1, 0.2, 0.3), (1, 2, 3))))
    return node


def assert_is_the_volume(path, volume_node):
    image = sitk.ReadImage(str(path))
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(image).transpose(2, 1, 0), array_of(volume_node)
    )
    corners = [(0, 0, 0), tuple(n - 1 for n in SIZE), (1, 2, 3)]
    found = [image.TransformIndexToPhysicalPoint(index) for index in corners]
    np.testing.assert_allclose(found, voxel_points(volume_node, corners) * [-1, -1, 1], atol=1e-6)


def test_it_is_written_once(files, volume, tmp_path):
    assert files.current(volume) is None
    path = finish(files.writing(volume))
    assert_is_the_volume(path, volume)
    written = path.stat().st_mtime_ns
    assert files.current(volume) == path
    assert list(files.writing(volume)) == []
    assert finish(files.writing(volume)) == path
    assert path.stat().st_mtime_ns == written
    assert "Patient" not in str(path.relative_to(tmp_path))


def voxels(node):
    array_of(node)[1, 1, 1] += 5
    node.GetImageData().GetPointData().GetScalars().Modified()


def another_image(node):
    node.SetAndObserveImageData(image_data(some_values()))


def grid(node):
    set_grid(node, rotation(0.0, 0.0, 0.1))


def transform(node):
    matrix = vtk_matrix(affine(rotation(0.1, 0.2, 0.3), (12, 2, 3)))
    node.GetParentTransformNode().SetMatrixTransformToParent(matrix)


def no_transform(node):
    node.SetAndObserveTransformNodeID(None)


@pytest.mark.parametrize("change", [voxels, another_image, grid, transform, no_transform])
def test_it_is_written_again_after_a_change(files, volume, change):
    first = finish(files.writing(volume))
    change(volume)
    assert files.current(volume) is None
    second = finish(files.writing(volume))
    assert second != first
    assert_is_the_volume(second, volume)
    assert files.current(volume) == second
    assert not first.exists()


def test_a_change_while_it_is_written_is_not_missed(files, volume, monkeypatch):
    monkeypatch.setattr(transfer, "CHUNK", 100)
    steps = files.writing(volume)
    next(steps)
    voxels(volume)
    finish(steps)
    assert files.current(volume) is None
    assert_is_the_volume(finish(files.writing(volume)), volume)


def test_a_file_that_went_is_written_again(files, volume):
    finish(files.writing(volume)).unlink()
    assert files.current(volume) is None
    assert_is_the_volume(finish(files.writing(volume)), volume)


def test_stopping_leaves_nothing(files, volume, monkeypatch, tmp_path):
    monkeypatch.setattr(transfer, "CHUNK", 100)
    steps = files.writing(volume)
    next(steps)
    steps.close()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert files.current(volume) is None


def test_two_volumes_have_files_of_their_own(application, files, volume):
    other = add_volume(application.scene, values=some_values() + np.int16(1))
    one, two = finish(files.writing(volume)), finish(files.writing(other))
    assert one != two
    assert_is_the_volume(one, volume)
    assert_is_the_volume(two, other)
    assert (files.current(volume), files.current(other)) == (one, two)


def test_few_files_are_kept(application, files, volume):
    paths = [finish(files.writing(volume))]
    others = [add_volume(application.scene) for _ in range(volume_file.KEPT)]
    paths += [finish(files.writing(other)) for other in others]
    assert [path.exists() for path in paths] == [False, *[True] * volume_file.KEPT]
    assert files.current(volume) is None
    assert files.current(others[0]) == paths[1]


def test_what_was_used_last_is_kept(application, files, volume):
    first = finish(files.writing(volume))
    for _ in range(volume_file.KEPT):
        finish(files.writing(add_volume(application.scene)))
        finish(files.writing(volume))
    assert first.exists()


def test_close_and_forget_remove_files(application, files, volume, tmp_path):
    other = add_volume(application.scene)
    one, two = finish(files.writing(volume)), finish(files.writing(other))
    files.forget(volume)
    files.forget(volume)
    assert (one.exists(), two.exists()) == (False, True)
    finish(files.writing(volume))
    files.close()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert files.current(volume) is None
    assert finish(files.writing(volume)).is_file()


def test_a_volume_that_cannot_be_sent_is_refused(application, files, volume):
    set_grid(volume, np.array([[1, 0.2, 0], [0, 1, 0], [0, 0, 1]]))
    with pytest.raises(VoCoSlicerError, match="perpendicular"):
        finish(files.writing(volume))
    with pytest.raises(VoCoSlicerError, match="There is no volume"):
        files.current(None)
