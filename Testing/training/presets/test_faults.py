"""Each fault, put into each data set where it may occur, is found and named, and nothing else."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from Testing.training.presets.data_sets import DISKS, lay_out, names, small, volume, write
from voco3d.presets import PRESETS, Fault, check

FIRST = {disk.preset: key for key, disk in reversed(DISKS.items())}
"""Of each preset the layout as distributed."""

SEGMENTATION = [name for name in FIRST if PRESETS[name].labels is not None]
KNOWN = [name for name in FIRST if PRESETS[name].cases]


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """Six cases of each data set."""
    folder = tmp_path_factory.mktemp("data sets")
    for name, key in FIRST.items():
        lay_out(folder / name, DISKS[key], names(PRESETS[name], 6))
    return folder


class There:
    """A data set of six cases on the disk, to be damaged."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name, self.disk = folder, name, DISKS[FIRST[name]]
        self.cases = names(PRESETS[name], 6)
        self.case = self.cases[3]

    def image(self, case: str, channel: int = 0) -> Path:
        return self.folder / self.disk.image_paths(case)[channel]

    def label(self, case: str) -> Path:
        return self.folder / self.disk.label_path(case)

    def files(self, case: str) -> list[Path]:
        images = [self.folder / path for path in self.disk.image_paths(case)]
        return images if self.disk.label is None else [*images, self.label(case)]

    def check(self, labels: bool = False) -> list[Fault]:
        report = check(small(self.name), self.folder, labels)
        faulty = {fault.case for fault in report.faults}
        assert {case.name for case in report.whole} == {
            case for case in self.cases if case not in faulty and self.image(case).exists()
        }
        return list(report.faults)


@pytest.fixture
def there(whole, tmp_path, request) -> There:
    shutil.copytree(whole / request.param, tmp_path / "data")
    return There(tmp_path / "data", request.param)


def each(presets):
    return pytest.mark.parametrize("there", list(presets), indirect=True)


@each(FIRST)
def test_nothing_is_wrong_without_a_fault(there):
    assert there.check(labels=True) == []


@each(KNOWN)
def test_a_case_that_is_not_there_is_named(there):
    for file in there.files(there.case):
        file.unlink()
    assert there.check() == [Fault("not there", there.case)]


@each(["brats21", "cc-ccii"])
def test_how_many_are_not_there(there):
    for file in there.files(there.case):
        file.unlink()
    unit = PRESETS[there.name].unit
    assert there.check() == [Fault("not there", f"1 of 6 {unit}")]


@each(SEGMENTATION)
def test_an_image_without_its_label(there):
    there.label(there.case).unlink()
    assert there.check() == [Fault("image without label", there.case)]


@each(SEGMENTATION)
def test_a_label_without_its_image(there):
    for file in there.files(there.case)[:-1]:
        file.unlink()
    assert there.check() == [Fault("label without image", there.case)]


@pytest.mark.parametrize("channel", range(4))
@each(["brats21"])
def test_a_missing_channel_is_named(there, channel):
    there.image(there.case, channel).unlink()
    modality = ("flair", "t1ce", "t1", "t2")[channel]
    assert there.check() == [Fault("channel missing", there.case, modality)]


@each(KNOWN)
def test_a_case_that_the_data_set_does_not_have(there):
    other = "999"
    image, label = volume(there.disk.values)
    path = there.disk.image_paths(other)[0]
    if there.name == "mm-whs":
        other = "1999"
        path = there.disk.image_paths(other)[0]
    write(there.folder / path, image)
    write(there.folder / there.disk.label_path(other), label)
    (fault,) = there.check()
    assert (fault.kind, fault.case.lstrip("0")) == ("not of this data set", other)


@each(FIRST)
def test_a_case_that_is_there_twice(there):
    again = there.folder / "copy"
    file = there.image(there.case)
    copy = again / file.relative_to(there.folder)
    copy.parent.mkdir(parents=True)
    shutil.copy(file, copy)
    (fault,) = there.check()
    assert (fault.kind, fault.case) == ("there twice", there.case)
    assert str(file) in fault.detail
    assert str(copy) in fault.detail


@each(["lits"])
def test_packed_and_unpacked_is_twice(there):
    file = there.label(there.case)
    sitk.WriteImage(sitk.ReadImage(str(file)), f"{file}.gz")
    (fault,) = there.check()
    assert (fault.kind, fault.case) == ("there twice", there.case)


@each(["cc-ccii"])
def test_a_patient_of_two_classes(there):
    moved = there.folder / "CP/0/9.nii.gz"  # patient 0 has a scan in Normal
    moved.parent.mkdir()
    shutil.move(there.image("CP/1/1001"), moved)
    faults = there.check()
    assert Fault("not there", "1 of 6 patients") in faults
    assert Fault("patient in several classes", "Normal/0/1000", "CP, Normal") in faults
    assert Fault("patient in several classes", "CP/0/9", "CP, Normal") in faults


@each(FIRST)
def test_an_image_of_two_patients(there):
    first, again = there.image(there.cases[1]), there.image(there.case)
    shutil.copy(first, again)
    if there.disk.label is not None:  # else the grids differ
        shutil.copy(there.label(there.cases[1]), there.label(there.case))
    for channel in range(1, len(there.disk.images)):
        shutil.copy(there.image(there.cases[1], channel), there.image(there.case, channel))
    assert there.check() == []
    faults = there.check(labels=True)
    assert {fault.kind for fault in faults} == {"image of another patient too"}
    assert len(faults) == len(there.disk.images)
    assert all(str(file) in faults[0].detail for file in (first, again))


@each(["cc-ccii"])
def test_two_scans_of_a_patient_may_be_alike(there):
    again = there.folder / "Normal/0/9.nii.gz"
    shutil.copy(there.image("Normal/0/1000"), again)
    assert check(small("cc-ccii"), there.folder, contents=True).faults == ()


@each(FIRST)
def test_an_image_that_is_damaged(there):
    file = there.image(there.case)
    file.write_bytes(file.read_bytes()[:40])
    (fault,) = there.check()
    assert (fault.kind, fault.case) == ("cannot be read", there.case)
    assert file.name in fault.detail


@each(FIRST)
def test_an_image_of_four_dimensions(there):
    image = sitk.JoinSeries([volume(())[0]] * 2)
    write(there.image(there.case), image)
    (fault,) = there.check()
    assert (fault.kind, fault.case) == ("cannot be read", there.case)
    assert "4-D" in fault.detail


def changed(image: sitk.Image, how: str) -> sitk.Image:
    spacing, origin, direction = (
        np.array(get()) for get in (image.GetSpacing, image.GetOrigin, image.GetDirection)
    )
    if how == "size":
        return image[:-1]
    if how == "spacing":
        image.SetSpacing(spacing * (1, 1, 1.2))
    elif how == "origin":
        image.SetOrigin(origin + np.array((0, 1, 0)))
    elif how == "left and right":
        image.SetDirection(direction * np.tile((-1, 1, 1), 3))
    return image


@pytest.mark.parametrize("how", ["size", "spacing", "origin", "left and right"])
@each(SEGMENTATION)
def test_a_label_on_another_grid(there, how):
    file = there.label(there.case)
    write(file, changed(sitk.ReadImage(str(file)), how))
    first = there.image(there.case).name
    assert there.check() == [Fault("on another grid", there.case, f"{file.name} than {first}")]


@each(["brats21"])
def test_a_channel_on_another_grid(there):
    file = there.image(there.case, 2)
    write(file, changed(sitk.ReadImage(str(file)), "origin"))
    (fault,) = there.check()
    assert (fault.kind, fault.case) == ("on another grid", there.case)
    assert fault.detail.startswith(file.name)


@each(SEGMENTATION)
def test_a_label_value_without_a_meaning(there):
    file = there.label(there.case)
    label = sitk.ReadImage(str(file))
    label[0, 0, 0] = label[1, 0, 0] = 421
    write(file, label)
    assert there.check() == []  # unless asked for, label maps are not read
    fault = Fault("label values without a meaning", there.case, "421 (2 voxels)")
    assert there.check(labels=True) == [fault]


@each(SEGMENTATION)
def test_a_structure_that_no_label_map_has(there):
    last = there.disk.values[-1]
    for case in there.cases:
        label = sitk.ReadImage(str(there.label(case)))
        write(there.label(case), label * sitk.Cast(label != last, label.GetPixelID()))
    name = list(PRESETS[there.name].labels.members)[-1]
    assert there.check(labels=True) == [Fault("in no label map", name)]


@each(SEGMENTATION)
def test_a_label_map_that_breaks_off(there):
    file = there.label(there.case)
    file.write_bytes(file.read_bytes()[:-12])
    assert there.check() == []  # the header is whole
    (fault,) = there.check(labels=True)
    assert (fault.kind, fault.case) == ("cannot be read", there.case)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(gone=st.sets(st.integers(0, 11)))
def test_whatever_is_missing_is_said(whole, tmp_path_factory, gone):
    """Any files of six cases: what is left is whole, half or not there, and never an error."""
    folder = tmp_path_factory.mktemp("some")
    shutil.copytree(whole / "mm-whs", folder, dirs_exist_ok=True)
    there = There(folder, "mm-whs")
    files = [file for case in there.cases for file in there.files(case)]
    for index in gone:
        files[index].unlink()
    if all(not there.image(case).exists() for case in there.cases):
        return
    expected = set()
    for index, case in enumerate(there.cases):
        image, label = 2 * index not in gone, 2 * index + 1 not in gone
        if not image or not label:
            kind = {(True, False): "image without label", (False, True): "label without image"}
            expected.add(Fault(kind.get((image, label), "not there"), case))
    assert set(there.check()) == expected
