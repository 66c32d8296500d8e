import gzip
import shutil

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from Testing.conftest import write_dicom_series
from voco3d.data import check_image, read_image
from voco3d.data.images import series_in
from voco3d.errors import VoCoError


def write(array, path, **geometry):
    image = sitk.GetImageFromArray(array, **geometry)
    sitk.WriteImage(image, str(path))
    return path


@pytest.mark.parametrize("ending", ["nii.gz", "nii", "nrrd", "mha", "mhd"])
def test_formats_keep_geometry(tmp_path, phantom, ending):
    image = sitk.DICOMOrient(phantom.image, "SAR")
    file = tmp_path / f"image.{ending}"
    sitk.WriteImage(image, str(file))
    read = read_image(file)
    assert np.array_equal(sitk.GetArrayFromImage(read), sitk.GetArrayFromImage(image))
    for get in ("GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(read, get)() == pytest.approx(getattr(image, get)(), abs=1e-4)


def test_a_dicom_series_keeps_geometry_and_intensities(tmp_path, phantom):
    write_dicom_series(phantom.image, tmp_path / "series")
    read = read_image(tmp_path / "series")
    assert np.array_equal(sitk.GetArrayFromImage(read), sitk.GetArrayFromImage(phantom.image))
    assert read.GetOrigin() == pytest.approx(phantom.image.GetOrigin(), abs=1e-4)
    assert read.GetSpacing() == pytest.approx(phantom.image.GetSpacing())


def test_real_dicom(shared_data):
    image = read_image(shared_data / "dicom")
    assert image.GetSize() == (512, 512, 20)
    assert image.GetSpacing() == pytest.approx((0.9765625, 0.9765625, 2.0))  # not its thickness, 3
    assert sitk.GetArrayViewFromImage(image).min() >= -1024


def test_several_series_must_be_chosen_from(tmp_path, phantom):
    one = write_dicom_series(phantom.image, tmp_path / "a")
    two = write_dicom_series(phantom.image + 5, tmp_path / "b")
    both = tmp_path / "both"
    both.mkdir()
    for name in "ab":
        for file in (tmp_path / name).iterdir():
            shutil.copy(file, both / f"{name}{file.name}")
    assert set(series_in(both)) == {one, two}
    with pytest.raises(VoCoError, match="several DICOM series.*--series") as error:
        read_image(both)
    assert one in str(error.value)
    assert two in str(error.value)
    difference = sitk.GetArrayFromImage(read_image(both, two)) - sitk.GetArrayFromImage(
        read_image(both, one)
    )
    assert (difference == 5).all()
    with pytest.raises(VoCoError, match="holds no series 1.2.3"):
        read_image(both, "1.2.3")


def test_missing_slices_are_refused(tmp_path, phantom):
    write_dicom_series(phantom.image, tmp_path / "gap", skip=(20,))
    with pytest.raises(VoCoError, match="not evenly spaced"):
        read_image(tmp_path / "gap")


def test_a_tilted_gantry_is_refused(tmp_path, phantom):
    write_dicom_series(phantom.image, tmp_path / "tilted")
    for file in (tmp_path / "tilted").iterdir():
        header = pydicom.dcmread(file)
        header.ImagePositionPatient[1] += 0.3 * (header.InstanceNumber - 1)
        header.save_as(file)
    with pytest.raises(VoCoError, match="tilted gantry"):
        read_image(tmp_path / "tilted")


@pytest.mark.parametrize("attribute", ["ImagePositionPatient", "ImageOrientationPatient"])
@pytest.mark.parametrize("empty", [True, False])
def test_slices_that_do_not_say_where_they_lie_are_refused(tmp_path, phantom, attribute, empty):
    write_dicom_series(phantom.image, tmp_path / "series")
    for file in (tmp_path / "series").iterdir():
        header = pydicom.dcmread(file)
        if empty:
            setattr(header, attribute, None)
        else:
            delattr(header, attribute)
        header.save_as(file)
    with pytest.raises(VoCoError, match="do not say where they lie|several DICOM series"):
        read_image(tmp_path / "series")


def test_missing_file(tmp_path):
    with pytest.raises(VoCoError, match="does not exist"):
        read_image(tmp_path / "none.nii.gz")


def test_a_folder_without_dicom(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing here")
    with pytest.raises(VoCoError, match="holds no DICOM series"):
        read_image(tmp_path)


@pytest.mark.parametrize("name", ["image.nii.gz", "image.nrrd", "image.txt", "image"])
@pytest.mark.parametrize("content", [b"", b"not an image at all"])
def test_empty_and_foreign_files(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(VoCoError, match="not an image that can be read"):
        read_image(tmp_path / name)


@pytest.mark.parametrize("ending", ["nii.gz", "nii", "nrrd", "mha"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_truncated_files(tmp_path, phantom, ending, share):
    file = tmp_path / f"image.{ending}"
    sitk.WriteImage(phantom.image, str(file))
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(VoCoError, match="truncated or damaged|not an image"):
        read_image(file)


def test_a_nifti_packed_in_several_parts_is_whole(tmp_path, phantom):
    sitk.WriteImage(phantom.image, str(tmp_path / "image.nii"))
    whole = (tmp_path / "image.nii").read_bytes()
    parts = [gzip.compress(whole[:1000]), gzip.compress(whole[1000:])]
    (tmp_path / "parts.nii.gz").write_bytes(b"".join(parts))
    read = read_image(tmp_path / "parts.nii.gz")
    assert np.array_equal(sitk.GetArrayFromImage(read), sitk.GetArrayFromImage(phantom.image))


def test_two_dimensions(tmp_path):
    with pytest.raises(VoCoError, match="single slice or 2-D"):
        read_image(write(np.eye(8, dtype=np.int16), tmp_path / "flat.nrrd"))
    with pytest.raises(VoCoError, match="single slice or 2-D"):
        read_image(write(np.eye(8, dtype=np.int16)[None], tmp_path / "slice.nii.gz"))


def test_four_dimensions(tmp_path):
    array = np.random.default_rng(0).normal(size=(3, 4, 5, 6))
    file = write(array, tmp_path / "series.nii.gz", isVector=False)
    with pytest.raises(VoCoError, match=r"4-D \(6 x 5 x 4 x 3\): extract one 3-D volume"):
        read_image(file)


def test_color(tmp_path):
    file = write(np.zeros((4, 5, 6, 3), np.uint8), tmp_path / "rgb.mha", isVector=True)
    with pytest.raises(VoCoError, match="3 components"):
        read_image(file)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_a_number(value):
    array = np.zeros((4, 5, 6), np.float32)
    array[1, 2, 3] = value
    with pytest.raises(VoCoError, match="NaN or infinite"):
        check_image(sitk.GetImageFromArray(array))


def test_constant():
    with pytest.raises(VoCoError, match="same value -1000"):
        check_image(sitk.GetImageFromArray(np.full((4, 5, 6), -1000, np.int16)))
