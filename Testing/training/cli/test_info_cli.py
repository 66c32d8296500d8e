"""``voco info``."""

import SimpleITK as sitk

from Testing.conftest import write_dicom_series


def test_info_of_a_file(voco, tmp_path, phantom):
    image = sitk.DICOMOrient(phantom.image, "RAI")[:, :, :20]
    sitk.WriteImage(image, str(tmp_path / "ct.nrrd"))
    result = voco("info", tmp_path / "ct.nrrd")
    assert (result.code, result.err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in result.out.splitlines())
    assert lines["size"] == "40 x 44 x 20 voxels"
    assert lines["spacing"] == "6 x 6 x 6 mm"
    assert lines["extent"] == "240 x 264 x 120 mm"
    assert lines["orientation"].startswith("RAI:")
    assert lines["type"] == "16-bit signed integer"
    values = sitk.GetArrayFromImage(image)
    assert lines["values"].startswith(f"{values.min()} to {values.max()}, mean {values.mean():.1f}")


def test_info_of_an_oblique_image(voco, tmp_path, phantom):
    turn = sitk.Euler3DTransform()
    turn.SetRotation(0.2, 0, 0.1)
    image = sitk.Image(phantom.image)
    image.SetDirection(turn.GetMatrix())
    sitk.WriteImage(image, str(tmp_path / "ct.nrrd"))
    assert "LPS, oblique" in voco("info", tmp_path / "ct.nrrd").out


def test_info_of_dicom_names_no_patient(voco, tmp_path, phantom):
    first = write_dicom_series(phantom.image[:, :, :5], tmp_path / "a")
    result = voco("info", tmp_path / "a")
    assert (result.code, result.err) == (0, "")
    assert f"{first}, 5 files" in result.out
    assert "40 x 44 x 5 voxels" in result.out
    assert "phantom" not in result.out.replace(str(tmp_path), "").casefold()

    second = write_dicom_series(phantom.image[:, :, :3], tmp_path / "b")
    for file in (tmp_path / "b").iterdir():
        file.rename(tmp_path / "a" / f"b{file.name}")
    result = voco("info", tmp_path / "a")
    assert (result.code, result.err) == (0, "")
    assert f"{first}, 5 files" in result.out
    assert f"{second}, 3 files" in result.out
    assert "voxels" not in result.out
    assert "--series" in result.out
    assert "40 x 44 x 3 voxels" in voco("info", tmp_path / "a", "--series", second).out
