"""DICOM SEG: on its series, with what highdicom and pydicom read of it."""

from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from Testing.conftest import ANATOMY, STRUCTURES, small_model
from Testing.training.models import region_model as regional
from Testing.training.outputs.dicom_series import Series, assert_at_its_place
from Testing.training.outputs.orientations import turned
from Testing.training.outputs.structures import LIVER_TUMOR, by_label, of_regions
from voco3d.data.images import choose_series, series_files
from voco3d.errors import VoCoError
from voco3d.models import Code, Structure
from voco3d.outputs.dicom_seg import MAY_BE_EMPTY, REQUIRED
from voco3d.outputs.target import Target


def orient(image: sitk.Image, how: str) -> sitk.Image:
    if how == "oblique":
        image = sitk.Image(image)
        image.SetDirection(turned(0.3, -0.2, 0.7))
        return image
    return image[:, :, ::-1] if how == "last slice first" else sitk.DICOMOrient(image, how)


@pytest.fixture(scope="module", params=["LPS", "last slice first", "PSL", "RAI", "oblique"])
def series(request, phantom, tmp_path_factory) -> Series:
    return Series(tmp_path_factory.mktemp("series"), orient(phantom.image, request.param))


def test_dicom_seg_lies_on_its_series(tmp_path, series, model):
    file = tmp_path / "result.dcm"
    Target(file, source=series.files).write(series.labels, by_label(*STRUCTURES), model)
    assert_at_its_place(hd.seg.segread(file), series, [1, 2])
    assert [file.name for file in tmp_path.iterdir()] == ["result.dcm"]


def test_regions_overlap_in_dicom_seg(tmp_path, short_series, tumor):
    file = tmp_path / "result.dcm"
    labels = of_regions(short_series.labels)
    Target(file, source=short_series.files).write(labels, by_label(*regional.STRUCTURES), tumor)
    segmentation = hd.seg.segread(file)
    names = [segmentation.get_segment_description(n).segment_label for n in (1, 2, 3)]
    assert names == list(regional.NAMES)
    uids = [pydicom.dcmread(f).SOPInstanceUID for f in short_series.files]
    found = segmentation.get_pixels_by_source_instance(uids, ignore_spatial_locations=True)
    expected = regional.REGIONS.masks_of(sitk.GetArrayFromImage(labels))
    assert np.array_equal(np.moveaxis(found, -1, 0), expected)


def test_dicom_seg_of_some_structures(tmp_path, short_series, model):
    file = tmp_path / "result.dcm"
    Target(file, source=short_series.files).write(short_series.labels, {2: STRUCTURES[1]}, model)
    segmentation = hd.seg.segread(file)
    assert segmentation.number_of_segments == 1
    assert_at_its_place(segmentation, short_series, [2])


def test_dicom_seg_says_what_its_segments_are(tmp_path, short_series, model):
    file = tmp_path / "result.dcm"
    structures = by_label(*STRUCTURES, LIVER_TUMOR)
    Target(file, source=short_series.files).write(short_series.labels, structures, model)
    segmentation = hd.seg.segread(file)
    brainstem, parotid, tumor = (segmentation.get_segment_description(n) for n in (1, 2, 3))

    assert [d.segment_label for d in (brainstem, parotid, tumor)] == [
        "brainstem",
        "right parotid gland",
        "liver tumor",
    ]
    assert brainstem.segmented_property_category == hd.sr.CodedConcept(*swapped(ANATOMY))
    assert brainstem.segmented_property_type.value == "15926001"
    assert (
        "SegmentedPropertyTypeModifierCodeSequence"
        not in (brainstem.SegmentedPropertyTypeCodeSequence[0])
    )
    (side,) = parotid.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence
    assert (side.CodingSchemeDesignator, side.CodeValue, side.CodeMeaning) == (
        "SCT",
        "24028007",
        "Right",
    )
    assert tumor.segmented_property_category.value == "49755003"
    assert tumor.segmented_property_type.value == "108369006"
    assert [region.value for region in tumor.anatomic_regions] == ["10200004"]
    assert [d.algorithm_type.value for d in (brainstem, parotid, tumor)] == ["AUTOMATIC"] * 3
    assert brainstem.algorithm_identification.name == f"SlicerVoCo {model.name}"
    lightness, a, b = (v / 65535 for v in brainstem.RecommendedDisplayCIELabValue)
    assert (100 * lightness, 255 * a - 128, 255 * b - 128) == pytest.approx(
        (53.2, 80.1, 67.2),
        abs=0.5,  # pure red
    )
    assert segmentation.get_segment_numbers(segment_label="right parotid gland") == [2]
    header = pydicom.dcmread(short_series.files[0])
    for name in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID", "PatientName"):
        assert segmentation[name].value == header[name].value
    assert segmentation.SeriesInstanceUID != header.SeriesInstanceUID


def swapped(code: Code) -> tuple[str, str, str]:
    return (code.value, code.scheme, code.meaning)


def test_an_empty_dicom_seg(tmp_path, short_series, model):
    file = tmp_path / "result.dcm"
    Target(file, source=short_series.files).write(
        short_series.labels * 0, by_label(*STRUCTURES), model
    )
    segmentation = hd.seg.segread(file)
    assert segmentation.number_of_segments == 2
    assert not segmentation.pixel_array.any()


def edited(series: Series, folder: Path, edit) -> tuple[str, ...]:
    """Copy the series into ``folder``, each file changed."""
    files = []
    for index, file in enumerate(series.files):
        header = pydicom.dcmread(file)
        edit(header)
        files.append(str(folder / f"{index}.dcm"))
        header.save_as(files[-1])
    return tuple(files)


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    folder = tmp_path / "copies"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", ["absent", None])
def test_a_series_that_dicom_seg_cannot_refer_to(copies, out, short_series, name, value):
    def edit(header: pydicom.Dataset) -> None:
        if value == "absent":
            delattr(header, name)
        else:
            setattr(header, name, None)

    files = edited(short_series, copies, edit)
    with pytest.raises(VoCoError, match=rf"lack {name}, .*choose another ending"):
        Target(out / "result.dcm", source=files)
    assert not list(out.iterdir())


def test_real_dicom_without_identifiers(out, shared_data):
    folder = shared_data / "dicom"
    files = series_files(folder, choose_series(folder, None))
    with pytest.raises(VoCoError, match=r"lack .*SOPInstanceUID.*choose another ending"):
        Target(out / "result.dcm", source=files)
    assert not list(out.iterdir())


def test_an_anonymised_series(copies, out, short_series, model):
    def edit(header: pydicom.Dataset) -> None:
        for name in (*MAY_BE_EMPTY, "SliceThickness"):
            delattr(header, name)

    files = edited(short_series, copies, edit)
    Target(out / "result.dcm", source=files).write(
        short_series.labels, by_label(*STRUCTURES), model
    )
    assert_at_its_place(hd.seg.segread(out / "result.dcm"), short_series, [1, 2])


def test_a_series_that_breaks_the_rules(copies, out, short_series, model):
    files = edited(short_series, copies, lambda header: setattr(header, "PatientSex", "X"))
    target = Target(out / "result.dcm", source=files)
    with pytest.raises(VoCoError, match=r"does not allow a DICOM SEG .*another ending"):
        target.write(short_series.labels, by_label(*STRUCTURES), model)
    assert not list(out.iterdir())


def test_dicom_seg_with_names_of_all_languages(copies, out, short_series, model):
    def edit(header: pydicom.Dataset) -> None:
        header.SpecificCharacterSet = "ISO_IR 100"
        header.PatientName = "Müller^Jürgen"

    files = edited(short_series, copies, edit)
    name = "腮腺, Ohrspeicheldrüsenentzündung, " + "very long " * 10
    structure = Structure(name, (1, 2, 3), ANATOMY, ANATOMY)
    Target(out / "result.dcm", source=files).write(short_series.labels, {1: structure}, model)
    segmentation = hd.seg.segread(out / "result.dcm")
    assert segmentation.get_segment_description(1).segment_label == name[:64]
    assert str(segmentation.PatientName) == "Müller^Jürgen"


def test_dicom_seg_needs_a_series(out):
    with pytest.raises(VoCoError, match="needs a DICOM series as input"):
        Target(out / "result.dcm")


def test_a_model_with_a_long_name(out, tmp_path, short_series):
    model = small_model(tmp_path / ("m" * 80))
    Target(out / "result.dcm", source=short_series.files).write(
        short_series.labels, by_label(*STRUCTURES), model
    )
    assert hd.seg.segread(out / "result.dcm").ManufacturerModelName == "m" * 64
