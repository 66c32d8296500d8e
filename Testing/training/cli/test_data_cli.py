"""``voco data`` as a user sees it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.training.outputs.disk import full_disk
from Testing.training.presets.data_sets import DISKS, lay_out, link, names
from voco3d.cli import main
from voco3d.cli.data import PRESETS as OFFERED
from voco3d.finetuning.data_list import read_data_list
from voco3d.presets import PRESETS


def check(*arguments: str | Path) -> int:
    return main(["data", "check", *map(str, arguments), "--progress", "none"])


@pytest.fixture(scope="session")
def btcv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("btcv")
    lay_out(folder, DISKS["btcv raw"], names(PRESETS["btcv"]))
    return folder


@pytest.fixture
def incomplete(tmp_path: Path) -> Path:
    """BTCV without case 0002, without the label of 0003 and without the image of 0004."""
    folder = tmp_path / "btcv"
    link(folder, DISKS["btcv raw"], [n for n in names(PRESETS["btcv"]) if n != "0002"])
    (folder / "RawData/Training/label/label0003.nii.gz").unlink()
    (folder / "RawData/Training/img/img0004.nii.gz").unlink()
    return folder


def test_all_presets_are_offered():
    assert tuple(PRESETS) == OFFERED


def test_a_complete_data_set(btcv, capsys):
    assert check("btcv", btcv, "--labels") == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "BTCV, 13 abdominal organs on CT",
        "found as RawData/Training/img/img0001.nii.gz with label/label0001.nii.gz",
        "30 of 30 cases complete",
    ]
    assert printed.err == ""


def test_what_is_missing_is_listed(incomplete, capsys):
    assert check("btcv", incomplete) == 2
    printed = capsys.readouterr()
    assert printed.out.splitlines()[2:] == [
        "27 of 30 cases complete",
        "image without label (1): 0003",
        "label without image (1): 0004",
        "not there (1): 0002",
    ]
    assert printed.err.count("\n") == 1
    assert "not complete" in printed.err


def test_patients_and_scans_are_counted(tmp_path, capsys):
    scans = ["NCP/206/1556", "NCP/206/1557", "CP/9/1"]
    link(tmp_path, DISKS["ccii volumes"], scans)
    assert check("cc-ccii", tmp_path) == 2
    assert capsys.readouterr().out.splitlines()[2:] == [
        "2 of 2742 patients complete, 3 scans",
        "not there (1): 2740 of 2742 patients",
    ]


def test_the_data_list_has_the_authors_split_and_paths_from_its_place(btcv, tmp_path, capsys):
    file = tmp_path / "lists" / "dataset.json"
    file.parent.mkdir()
    assert check("btcv", btcv, "--write", file) == 0
    assert f"{file}: 24 training, 6 validation, 0 test" in capsys.readouterr().out
    content = json.loads(file.read_text())
    assert content["labels"]["background"] == 0
    assert content["labels"]["left adrenal gland"] == 13
    assert content["licence"]
    first = content["validation"][0]
    assert first["patient"] == "0035"
    assert not os.path.isabs(first["image"])
    image = btcv / "RawData/Training/img/img0035.nii.gz"
    assert (file.parent / first["image"]).samefile(image)
    assert (file.parent / first["label"]).samefile(btcv / "RawData/Training/label/label0035.nii.gz")
    moved = read_data_list(file)
    assert moved.cases["validation"][0].images == (image,)
    assert moved.structures == tuple(PRESETS["btcv"].labels.members)


def test_a_data_list_in_the_data_moves_with_them(incomplete, tmp_path):
    assert check("btcv", incomplete, "--write", incomplete / "dataset.json", "--allow-missing") == 0
    moved = tmp_path / "elsewhere"
    incomplete.rename(moved)
    cases = [case for part in read_data_list(moved).cases.values() for case in part]
    assert len(cases) == 27
    for case in cases:
        assert case.images[0].is_relative_to(moved)
        assert case.images[0].is_file()
        assert case.label.is_file()


def test_a_fold_of_many_cases(tmp_path, capsys):
    link(tmp_path / "brats", DISKS["brats raw"], names(PRESETS["brats21"], 12))
    file = tmp_path / "dataset.json"
    given = ("brats21", tmp_path / "brats", "--allow-missing", "--overwrite", "--write", file)
    held_out = []
    for fold in range(5):
        assert check(*given, "--fold", fold) == 0
        listed = read_data_list(file)
        held_out += [case.patient for case in listed.cases["validation"]]
        assert len(listed.cases["training"]) + len(listed.cases["validation"]) == 12
    assert sorted(held_out) == names(PRESETS["brats21"], 12)
    assert listed.structures == ("whole tumor", "tumor core", "enhancing tumor")
    assert listed.members == ((1, 2, 4), (1, 4), (4,))
    assert listed.written == (2, 1, 4)
    assert [path.name.split("_")[-1] for path in listed.cases["training"][0].images] == [
        "flair.nii.gz",
        "t1ce.nii.gz",
        "t1.nii.gz",
        "t2.nii.gz",
    ]
    capsys.readouterr()
    assert check(*given, "--fold", 5) == 2
    assert "choose from 0 to 4" in capsys.readouterr().err


def test_brats_as_nnunet_has_it_keeps_its_own_numbers(tmp_path):
    lay_out(tmp_path, DISKS["brats nnunet"], names(PRESETS["brats21"], 6))
    file = tmp_path / "dataset.json"
    assert check("brats21", tmp_path, "--labels", "--allow-missing", "--write", file) == 0
    listed = read_data_list(file)
    assert listed.members == ((1, 2, 3), (2, 3), (3,))
    assert listed.written == (1, 2, 3)
    flair, t1ce, *_ = listed.cases["training"][0].images
    assert flair.name.endswith("_0003.nii.gz")
    assert t1ce.name.endswith("_0001.nii.gz")


def test_the_heart_keeps_its_values(tmp_path):
    lay_out(tmp_path, DISKS["heart raw"], names(PRESETS["mm-whs"]))
    file = tmp_path / "dataset.json"
    assert check("mm-whs", tmp_path, "--labels", "--write", file) == 0
    listed = read_data_list(file)
    assert listed.values == (205, 420, 500, 550, 600, 820, 850)
    assert dict(zip(listed.structures, listed.members, strict=True))["left ventricle"] == (500,)
    assert len(listed.cases["training"]) == 16


def test_classes_of_whole_images(tmp_path):
    link(tmp_path, DISKS["ccii volumes"], names(PRESETS["cc-ccii"], 18))
    file = tmp_path / "dataset.json"
    assert check("cc-ccii", tmp_path, "--allow-missing", "--write", file, "--fold", "2") == 0
    listed = read_data_list(file)
    assert listed.categories == ("Normal", "CP", "NCP")
    assert sorted(case.category for case in listed.cases["validation"]) == [0, 0, 1, 1, 2, 2]
    for case in listed.cases["training"]:
        assert case.images[0].parts[-3] == listed.categories[case.category]


def test_a_test_apart(btcv, tmp_path):
    file = tmp_path / "dataset.json"
    assert check("btcv", btcv, "--write", file, "--test") == 0
    cases = read_data_list(file).cases
    assert [len(cases[part]) for part in ("training", "validation", "test")] == [20, 4, 6]
    assert [case.patient for case in cases["test"]] == list(PRESETS["btcv"].validation)


def test_nothing_is_written_unless_complete_or_allowed(incomplete, tmp_path):
    file = tmp_path / "dataset.json"
    assert check("btcv", incomplete, "--write", file) == 2
    assert not file.exists()


def test_a_list_is_not_replaced_unasked(btcv, tmp_path, capsys):
    file = tmp_path / "dataset.json"
    file.write_text("mine")
    assert check("btcv", btcv, "--write", file) == 2
    assert "exists already" in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert check("btcv", btcv, "--write", file, "--overwrite") == 0
    assert len(json.loads(file.read_text())["training"]) == 24


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--fold", "1"), "give --write FILE too"),
        (("--test",), "give --write FILE too"),
        (("--write", "/proc/no/dataset.json"), "does not exist"),
        (("--write", "dataset.json", "--fold", "1"), "leave out --fold"),
    ],
)
def test_what_is_refused_in_one_sentence(btcv, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert check("btcv", btcv, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_the_wrong_folder(tmp_path, capsys):
    assert check("lits", tmp_path) == 2
    error = capsys.readouterr().err
    assert "volume-0.nii" in error
    assert "medicaldecathlon.com" in error
    assert error.count("\n") == 1


def test_a_full_disk_leaves_no_half_written_list(btcv, tmp_path, capsys):
    with full_disk(room=300):
        assert check("btcv", btcv, "--write", tmp_path / "dataset.json") == 2
    assert "cannot be written" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_progress_for_programs(btcv):
    command = [sys.executable, "-m", "voco3d.cli", "data", "check", "btcv", str(btcv)]
    done = subprocess.run([*command, "--progress", "json"], capture_output=True, text=True)
    assert done.returncode == 0
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert lines[0] == {"done": 0, "total": 30, "what": "checking 0001"}
    assert lines[-1]["done"] == 30


def picture(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=array.ndim > 2), str(path))


SCANS = names(PRESETS["cc-ccii"], 9)


@pytest.fixture
def slices(tmp_path: Path) -> Path:
    """Scans of 12 slices of 6 x 5 pixels, whose value tells slice, row and column."""
    rows, columns = np.indices((5, 6))
    for scan in SCANS:
        for number in range(12):
            grey = (20 * number + 4 * rows + columns // 2).astype(np.uint8)
            coloured = np.stack([grey] * 3, axis=-1)
            picture(tmp_path / f"slices/{scan}/{number}.png", coloured if "CP/1" in scan else grey)
    return tmp_path / "slices"


def test_slices_become_volumes_that_can_be_listed(slices, tmp_path, capsys):
    out, file = tmp_path / "volumes", tmp_path / "dataset.json"
    given = ("cc-ccii", slices, "--allow-missing", "--write", file)
    assert check(*given) == 2
    assert "voco data stack" in capsys.readouterr().err
    assert not file.exists()
    assert main(["data", "stack", str(slices), str(out), "--progress", "none"]) == 0
    rows, columns = np.indices((5, 6))
    for scan in SCANS:
        volume = sitk.ReadImage(str(out / f"{scan}.nii.gz"))
        assert volume.GetSize() == (6, 5, 12)
        assert volume.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
        for number in range(12):  # 10 comes after 9 and not after 1
            expected = 20 * number + 4 * rows + columns // 2
            assert np.array_equal(sitk.GetArrayFromImage(volume)[number], expected)
    capsys.readouterr()
    assert check("cc-ccii", out, "--allow-missing") == 0
    assert "9 of 2742 patients complete, 9 scans" in capsys.readouterr().out


def test_stacking_goes_on_where_it_stopped(slices, tmp_path, capsys):
    out, damaged = tmp_path / "volumes", slices / "Normal/0/1000/7.png"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:50])
    stack = ["data", "stack", str(slices), str(out), "--progress", "none"]
    assert main(stack) == 2
    assert "damaged or of another size" in capsys.readouterr().err
    before = {file: file.stat().st_mtime_ns for file in out.rglob("*.nii.gz")}
    assert len(before) == 6  # those of CP and NCP
    damaged.write_bytes(whole)
    assert main(stack) == 0
    assert len(list(out.rglob("*.nii.gz"))) == 9
    for file, time in before.items():
        assert file.stat().st_mtime_ns == time


def test_a_slice_of_another_size(slices, tmp_path, capsys):
    picture(slices / "CP/4/1004/3.png", np.zeros((4, 6), np.uint8))
    assert main(["data", "stack", str(slices), str(tmp_path / "out"), "--progress", "none"]) == 2
    error = capsys.readouterr().err
    assert "of another size" in error
    assert error.count("\n") == 1


def test_volumes_are_not_stacked(tmp_path, capsys):
    link(tmp_path, DISKS["ccii volumes"], ["NCP/206/1556"])
    assert main(["data", "stack", str(tmp_path), str(tmp_path / "out")]) == 2
    assert "volumes already" in capsys.readouterr().err
