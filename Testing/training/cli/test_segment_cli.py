"""``voco segment``: results on the image's grid, options, devices, series."""

import json
import re
import shutil

import highdicom as hd
import numpy as np
import pytest
import SimpleITK as sitk
import torch

import voco3d
from Testing.conftest import write_dicom_series
from Testing.training.cli.files import voxels

ENDINGS = (".seg.nrrd", ".nii.gz", ".nrrd", ".mha")
NAMES = ["brainstem", "right parotid gland"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_segment_writes_a_result_on_the_grid_of_the_image(voco, ct, out, model_folder, ending):
    file = out / f"result{ending}"
    result = voco("segment", ct, file, "--model", model_folder)
    assert result.code == 0
    assert re.fullmatch(rf"{file}: {', '.join(NAMES)}; \d+\.\d s\n", result.out)
    assert "placing on the image" in result.err
    assert set(np.unique(voxels(file))) == {0, 1, 2}
    image, labels = sitk.ReadImage(str(ct)), sitk.ReadImage(str(file))
    for get in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(labels, get)() == pytest.approx(getattr(image, get)(), abs=1e-5)
    assert list(out.iterdir()) == [file]


def test_segment_gives_what_the_python_function_gives(voco, ct, out, model_folder):
    voco("segment", ct, out / "result.nrrd", "--model", model_folder)
    expected = voco3d.segment(sitk.ReadImage(str(ct)), model_folder)
    assert np.array_equal(voxels(out / "result.nrrd"), sitk.GetArrayFromImage(expected))


def test_segment_a_dicom_folder(voco, dicom, out, model_folder):
    for ending in (".dcm", ".nrrd"):
        arguments = ("segment", dicom, out / f"result{ending}", "--model", model_folder)
        result = voco(*arguments, "--progress", "none")
        assert (result.code, result.err) == (0, "")
    segmentation = hd.seg.segread(out / "result.dcm")
    assert list(segmentation.segment_numbers) == [1, 2]
    labels = sitk.ReadImage(str(out / "result.nrrd"))
    array = np.zeros_like(sitk.GetArrayViewFromImage(labels))
    for frame, mask in zip(
        segmentation.PerFrameFunctionalGroupsSequence, segmentation.pixel_array, strict=True
    ):
        place = [float(v) for v in frame.PlanePositionSequence[0].ImagePositionPatient]
        number = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        array[labels.TransformPhysicalPointToIndex(place)[2]][mask > 0] = number
    assert np.array_equal(array, sitk.GetArrayViewFromImage(labels))


def test_segment_some_classes(voco, ct, out, model_folder):
    voco("segment", ct, out / "all.nrrd", "--model", model_folder)
    file = out / "some.seg.nrrd"
    result = voco("segment", ct, file, "--model", model_folder, "--classes", " Right parotid gland")
    assert result.code == 0
    everything = voxels(out / "all.nrrd")
    assert np.array_equal(voxels(file), np.where(everything == 2, 2, 0))
    header = sitk.ReadImage(str(file))
    names = [header.GetMetaData(k) for k in header.GetMetaDataKeys() if k.endswith("_Name")]
    assert names == ["right parotid gland"]


@pytest.mark.parametrize("classes", ["brainstem,spleen", "spleen", ""])
def test_segment_unknown_classes(voco, ct, out, model_folder, classes):
    result = voco("segment", ct, out / "r.nrrd", "--model", model_folder, "--classes", classes)
    assert "choose from brainstem, right parotid gland" in result.refusal()
    assert ("'spleen'" in result.err) == ("spleen" in classes)
    assert not list(out.iterdir())


def test_segment_overlap_decides_on_the_number_of_windows(voco, ct, out, model_folder):
    def windows(overlap: str) -> int:
        result = voco(
            "segment", ct, out / "r.nrrd", "--model", model_folder,
            "--overlap", overlap, "--progress", "json", "--overwrite",
        )  # fmt: skip
        assert result.code == 0
        lines = map(json.loads, result.err.splitlines())
        return next(line["total"] for line in lines if line["what"] == "segmenting")

    assert windows("0") < windows("0.5")


@pytest.mark.parametrize("overlap", ["1", "-0.1", "nan"])
def test_segment_overlap_out_of_range(voco, ct, out, model_folder, overlap):
    result = voco("segment", ct, out / "r.nrrd", "--model", model_folder, f"--overlap={overlap}",
                  "--progress", "none")  # fmt: skip
    assert "overlap must be from 0 to below 1" in result.refusal()
    assert not list(out.iterdir())


def test_progress_as_json_lines(voco, ct, out, model_folder):
    result = voco("segment", ct, out / "r.nrrd", "--model", model_folder, "--progress", "json")
    lines = [json.loads(line) for line in result.err.splitlines()]
    steps = ("segmenting", lines[0]["total"]), ("placing on the image", 1 + len(NAMES))
    assert steps[0][1] > 2
    assert [(line["what"], line["done"], line["total"]) for line in lines] == [
        (what, done, total) for what, total in steps for done in range(total + 1)
    ]


def test_progress_none_and_bar(voco, ct, out, model_folder):
    arguments = ("segment", ct, out / "r.nrrd", "--model", model_folder, "--overwrite")
    assert voco(*arguments, "--progress", "none").err == ""
    assert re.search(r"placing on the image .*\d+/\d+", voco(*arguments).err)


def test_segment_on_a_device_that_is_not_there(voco, ct, out, model_folder):
    device = "mps" if torch.cuda.is_available() else "cuda"
    result = voco("segment", ct, out / "r.nrrd", "--model", model_folder, "--device", device)
    assert f"no usable {device} device: choose auto or cpu" in result.refusal()
    assert not list(out.iterdir())


def test_segment_one_of_several_series(voco, phantom, tmp_path, out, model_folder):
    image = phantom.image[:, :, :12]
    first = write_dicom_series(image, tmp_path / "both/a")
    second = write_dicom_series(sitk.Flip(image, (True, False, False)), tmp_path / "both/b")
    folder = tmp_path / "all"
    folder.mkdir()
    for file in (tmp_path / "both").rglob("*.dcm"):
        shutil.copy(file, folder / f"{file.parent.name}{file.name}")
    segment = ("segment", folder, "--model", model_folder, "--progress", "none")

    refusal = voco(*segment, out / "r.nrrd").refusal()
    assert "several DICOM series: choose with --series" in refusal
    assert first in refusal
    assert second in refusal
    assert (
        "no series 1.2.3: choose one of"
        in voco(*segment, out / "r.nrrd", "--series", "1.2.3").refusal()
    )
    assert not list(out.iterdir())

    for name, uid in (("one", first), ("two", second)):
        assert voco(*segment, out / f"{name}.nrrd", "--series", uid).code == 0
    expected = voco3d.segment(image, model_folder)
    assert np.array_equal(voxels(out / "one.nrrd"), sitk.GetArrayFromImage(expected))
    assert not np.array_equal(voxels(out / "two.nrrd"), sitk.GetArrayFromImage(expected))


def test_segment_does_not_replace_its_input(voco, phantom, tmp_path, model_folder):
    file = tmp_path / "ct.nrrd"
    sitk.WriteImage(phantom.image, str(file))
    before = file.read_bytes()
    link = tmp_path / "link.nrrd"
    link.symlink_to(file)
    for output in (file, link):
        result = voco("segment", file, output, "--model", model_folder, "--overwrite")
        assert "is the input" in result.refusal()
    assert file.read_bytes() == before
