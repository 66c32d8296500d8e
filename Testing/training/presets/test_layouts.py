"""Each data set, laid out as people have it, is found whole."""

import shutil

import pytest

from Testing.training.presets.data_sets import DISKS, lay_out, link, names, small, volume, write
from voco3d.errors import VoCoError
from voco3d.presets import PRESETS, check, find_cases


@pytest.mark.parametrize("name", DISKS)
def test_a_complete_data_set_has_no_fault(tmp_path, name):
    disk = DISKS[name]
    preset = PRESETS[disk.preset]
    written = names(preset)
    link(tmp_path, disk, written)
    found = find_cases(preset, tmp_path)
    assert found.faults == ()
    assert sorted(case.name for case in found.cases) == sorted(written)
    case = found.cases[0]
    assert [str(path.relative_to(tmp_path)) for path in case.images] == disk.image_paths(case.name)
    if disk.label is not None:
        assert str(case.label.relative_to(tmp_path)) == disk.label_path(case.name)


@pytest.mark.parametrize(
    "name", ["btcv raw", "lits raw", "spleen decathlon", "heart raw", "brats raw", "ccii volumes"]
)
def test_the_folder_may_be_any_above_the_files(tmp_path, name):
    """The folder that was unpacked, or one that holds it."""
    disk = DISKS[name]
    preset = small(disk.preset)
    lay_out(tmp_path / "there" / "deep", disk, names(PRESETS[disk.preset], 6))
    found = [
        [case.images for case in find_cases(preset, folder).cases]
        for folder in (tmp_path, tmp_path / "there" / "deep")
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 6


def test_the_folder_of_the_images_parent_itself(tmp_path):
    lay_out(tmp_path, DISKS["btcv raw"], ["0001"])
    assert len(find_cases(small("btcv"), tmp_path / "RawData/Training").cases) == 1


def test_what_lies_beside_is_no_part_of_it(tmp_path):
    """Test images without labels, files that a Mac leaves behind, an archive's own list."""
    disk, image = DISKS["btcv raw"], volume((1,))[0]
    lay_out(tmp_path, disk, names(PRESETS["btcv"], 6))
    write(tmp_path / "RawData/Testing/img/img0061.nii.gz", image)
    (tmp_path / "RawData/Training/img/._img0001.nii.gz").write_bytes(b"Mac OS X")
    (tmp_path / "RawData/Training/label/.label0001.nii.gz.part").touch()
    (tmp_path / "dataset.json").write_text("{}")
    assert check(small("btcv"), tmp_path).faults == ()
    converted = tmp_path / "converted"
    lay_out(converted, DISKS["btcv decathlon"], names(PRESETS["btcv"], 6))
    (converted / "imagesTr/._img0001.nii.gz").write_bytes(b"Mac OS X")
    assert check(small("btcv"), converted).faults == ()
    spleen = DISKS["spleen decathlon"]
    lay_out(tmp_path / "spleen", spleen, names(PRESETS["msd-spleen"], 6))
    write(tmp_path / "spleen/Task09_Spleen/imagesTs/spleen_1.nii.gz", image)
    assert check(small("msd-spleen"), tmp_path / "spleen").faults == ()
    lits = DISKS["lits raw"]
    lay_out(tmp_path / "lits", lits, names(PRESETS["lits"], 6))
    write(tmp_path / "lits/test-volume-0.nii", image)
    assert check(small("lits"), tmp_path / "lits").faults == ()


def test_lits_comes_in_two_batches(tmp_path):
    lay_out(tmp_path, DISKS["lits raw"], names(PRESETS["lits"], 6))
    batch = tmp_path / "Training Batch 1"
    (tmp_path / "Training Batch 2").mkdir()
    for kind in ("volume", "segmentation"):
        shutil.move(batch / f"{kind}-2.nii", tmp_path / "Training Batch 2" / f"{kind}-2.nii")
    assert check(small("lits"), tmp_path).faults == ()


def test_cases_are_in_the_order_of_their_numbers(tmp_path):
    lay_out(tmp_path, DISKS["lits raw"], ["0", "2", "10", "100", "3"])
    found = find_cases(small("lits"), tmp_path)
    assert [case.name for case in found.cases] == ["0", "2", "3", "10", "100"]


def test_slices_of_a_scan_are_one_image(tmp_path):
    for scan, count in (("NCP/206/1556", 4), ("NCP/206/1557", 3), ("CP/9/1", 2), ("Normal/4/7", 2)):
        (tmp_path / scan).mkdir(parents=True)
        for number in range(count):
            (tmp_path / scan / f"{number:04}.png").touch()
    report = check(small("cc-ccii", 3), tmp_path)
    assert report.faults == ()
    assert [(case.patient, case.category) for case in report.whole] == [
        ("9", "CP"),
        ("206", "NCP"),
        ("206", "NCP"),
        ("4", "Normal"),
    ]
    assert [case.images for case in report.whole][1] == (tmp_path / "NCP/206/1556",)


@pytest.mark.parametrize("name", PRESETS)
def test_a_folder_without_the_data_says_what_it_should_be(tmp_path, name):
    preset = PRESETS[name]
    (tmp_path / "notes.txt").touch()
    with pytest.raises(VoCoError) as error:
        check(preset, tmp_path)
    for part in (preset.layouts[0].example, preset.source, preset.licence):
        assert part in str(error.value)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(VoCoError, match="no folder"):
        check(PRESETS["btcv"], tmp_path / "absent")


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_a_preset_agrees_with_itself(preset):
    assert len(preset.cases) in (0, preset.count)
    assert set(preset.validation) <= set(preset.cases)
    assert bool(preset.validation) != bool(preset.folds)
    assert (preset.labels is None) == bool(preset.categories)
    for layout in preset.layouts:
        assert len(layout.channels) in (0, len(preset.channels))
        assert (layout.label is None) == (preset.labels is None)


def test_the_authors_counts():
    """Cases to train on and to validate on, as the authors have them."""
    split = {
        name: (preset.count - len(preset.validation), len(preset.validation))
        for name, preset in PRESETS.items()
        if preset.validation
    }
    assert split == {"btcv": (24, 6), "lits": (108, 23), "msd-spleen": (32, 9), "mm-whs": (16, 4)}
    assert PRESETS["btcv"].validation == ("0035", "0036", "0037", "0038", "0039", "0040")
    assert (PRESETS["brats21"].folds, PRESETS["cc-ccii"].folds) == (5, 3)
    assert sorted(PRESETS["mm-whs"].labels.values) == [205, 420, 500, 550, 600, 820, 850]
