"""``voco evaluate`` as a user sees it."""

import csv
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.conftest import STRUCTURES, small_model, write_dicom_series
from Testing.training.models.region_model import region_model
from Testing.training.outputs.disk import full_disk
from voco3d.cli import main
from voco3d.models import Card
from voco3d.outputs.seg_nrrd import write_seg_nrrd


def label_map(*boxes: tuple[int, int, int]) -> sitk.Image:
    """10 x 8 x 6 voxels of 1 x 1 x 4 mm, with (label, from x, to x)."""
    array = np.zeros((6, 8, 10), np.uint8)
    for label, start, stop in boxes:
        array[1:4, 2:6, start:stop] = label
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1, 1, 4))
    return image


@pytest.fixture
def folders(tmp_path: Path) -> tuple[str, str]:
    """Three cases: b lacks label 2 in the prediction, c has it in the prediction only."""
    maps = {
        "a": (label_map((1, 1, 5), (2, 6, 9)), label_map((1, 2, 6), (2, 6, 9))),
        "b": (label_map((1, 1, 5)), label_map((1, 1, 5), (2, 6, 9))),
        "c": (label_map((1, 1, 5), (2, 8, 9)), label_map((1, 1, 5))),
    }
    for folder, index in (("p", 0), ("r", 1)):
        (tmp_path / folder).mkdir()
        for case, pair in maps.items():
            sitk.WriteImage(pair[index], str(tmp_path / folder / f"{case}.nii.gz"))
    return str(tmp_path / "p"), str(tmp_path / "r")


def evaluate(*arguments: str | Path) -> int:
    return main(["evaluate", *map(str, arguments), "--progress", "none"])


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(encoding="utf-8")))


def test_what_is_written(folders, tmp_path, capsys):
    out = tmp_path / "out"
    assert evaluate(*folders, "--names", "lung, heart", "--tolerance", "0.5", "--out", out) == 0
    assert sorted(os.listdir(out)) == ["cases.csv", "evaluation.json", "summary.csv"]
    found = {(r["case"], r["structure"]): r for r in rows(out / "cases.csv")}
    assert len(found) == 6
    shifted = found["a", "lung"]
    assert (shifted["dice"], shifted["hausdorff95_mm"]) == ("0.75", "1")
    assert 0 < float(shifted["surface_dice"]) < 1
    assert shifted["reference_ml"] == "0.192"  # 4 x 4 x 3 voxels of 4 mm3
    missing, surplus = found["b", "heart"], found["c", "heart"]
    assert missing["presence"] == "missing in the prediction"
    assert surplus["presence"] == "not in the reference"
    assert missing["dice"] == surplus["dice"] == "0"
    assert missing["hausdorff95_mm"] == surplus["hausdorff95_mm"] == "inf"
    assert (missing["difference_ml"], surplus["difference_ml"]) == ("-0.144", "0.048")

    lung, heart, overall = rows(out / "summary.csv")
    assert (lung["structure"], heart["structure"]) == ("lung", "heart")
    assert overall["structure"] == "mean of structures"
    assert lung["n"] == heart["n"] == "3"
    assert (heart["missing_in_prediction"], heart["not_in_reference"]) == ("1", "1")
    assert (heart["hausdorff95_mm"], heart["hausdorff95_finite_n"]) == ("0", "1")
    assert heart["hausdorff95_mm_low"] == ""
    assert float(lung["dice"]) == pytest.approx((0.75 + 1 + 1) / 3, abs=1e-5)
    assert float(lung["dice_low"]) < float(lung["dice"]) < float(lung["dice_high"]) <= 1

    written = json.loads((out / "evaluation.json").read_text())
    assert written["tolerance_mm"] == 0.5
    assert written["confidence"]["level"] == 0.95
    assert [r["hausdorff95_mm"] for r in written["cases"]].count(None) == 2
    printed = capsys.readouterr().out
    assert "heart" in printed
    assert "missing in the prediction" not in printed  # the cases are in the file


def test_without_out_cases_and_summary_are_printed(folders, capsys):
    assert evaluate(*folders) == 0
    lines = capsys.readouterr().out.splitlines()
    case = next(line for line in lines if line.startswith("b") and "label 2" in line)
    assert case.split()[3:5] == ["0.000", "inf"]
    assert case.endswith("missing in the prediction")
    summary = next(line for line in lines if line.startswith("label 1"))
    assert summary.split()[2:5] == ["3", "0.917", "[0.750,"]


def test_two_files_and_the_classes_of_a_model(tmp_path, model_folder, capsys):
    segmented, reference = tmp_path / "segmented.seg.nrrd", tmp_path / "x.nii.gz"
    structures = dict(enumerate(STRUCTURES, start=1))
    write_seg_nrrd(segmented, label_map((1, 1, 5), (2, 6, 9)), structures)
    sitk.WriteImage(label_map((1, 1, 5), (2, 6, 8)), str(reference))
    assert evaluate(segmented, reference, "--model", model_folder) == 0
    printed = capsys.readouterr().out.splitlines()
    assert next(line for line in printed if line.startswith("x")).split()[:3] == [
        "x",
        "brainstem",
        "1.000",
    ]
    gland = next(line for line in printed if "right parotid gland" in line)
    assert gland.split()[4] == "0.800"


def test_the_regions_of_a_model(tmp_path, capsys):
    region_model(tmp_path / "tumor")
    predicted, reference = tmp_path / "p.nii.gz", tmp_path / "r.nii.gz"
    sitk.WriteImage(label_map((2, 1, 3), (1, 3, 4), (4, 4, 5)), str(predicted))
    sitk.WriteImage(label_map((2, 1, 2), (1, 2, 4), (4, 4, 6)), str(reference))
    assert evaluate(predicted, reference, "--model", tmp_path / "tumor") == 0
    printed = capsys.readouterr().out.splitlines()
    whole = next(line for line in printed if line.startswith("r ") and "whole tumor" in line)
    assert whole.split()[3] == "0.889"  # 2 * 4 / (4 + 5)
    core = next(line for line in printed if line.startswith("r ") and "tumor core" in line)
    assert core.split()[3] == "0.667"  # 2 * 2 / (2 + 4)


def test_labels_with_names(folders, tmp_path):
    out = tmp_path / "out"
    assert evaluate(*folders, "--labels", "2", "--names", "heart", "--out", out) == 0
    assert {r["structure"] for r in rows(out / "cases.csv")} == {"heart"}


def test_files_without_counterpart(folders, tmp_path, capsys):
    (tmp_path / "p/c.nii.gz").unlink()
    assert evaluate(*folders) == 2
    assert "1 reference has no prediction (c)" in capsys.readouterr().err
    assert evaluate(*folders, "--allow-missing", "--out", tmp_path / "out") == 0
    assert "left out: 1 reference has no prediction (c)" in capsys.readouterr().err
    written = json.loads((tmp_path / "out/evaluation.json").read_text())
    assert written["without_prediction"] == ["c"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--names", "lung"), "holds the label 2"),
        (("--names", "lung,heart", "--labels", "1"), "one for each"),
        (("--model", "no-such-model"), "There is no model"),
        (("--model", "headneck-oar", "--labels", "9"), "has no label 9"),
        (("--images", "x.nii.gz"), "--images needs --model"),
        (("--model", "headneck-oar", "--strict"), "--strict needs --images"),
        (("--tolerance", "-1"), "tolerance"),
        (("--out", "/proc/no/folder"), "does not exist"),
    ],
)
def test_what_is_refused_in_one_sentence(folders, capsys, arguments, message):
    assert evaluate(*folders, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [("--names", "a,,b"), ("--names", "a,A"), ("--labels", "0"), ("--labels", "x")]
)
def test_names_and_labels_must_be_such(folders, arguments):
    with pytest.raises(SystemExit):
        evaluate(*folders, *arguments)


def test_an_evaluation_is_not_replaced_unasked(folders, tmp_path, capsys):
    out = tmp_path / "out"
    assert evaluate(*folders, "--out", out) == 0
    before = (out / "cases.csv").read_bytes()
    assert evaluate(*folders, "--labels", "1", "--out", out) == 2
    assert "exists already" in capsys.readouterr().err
    assert (out / "cases.csv").read_bytes() == before
    assert evaluate(*folders, "--labels", "1", "--out", out, "--overwrite") == 0
    assert len(rows(out / "cases.csv")) == 3


def test_a_full_disk_leaves_no_half_written_file(folders, tmp_path, capsys):
    out = tmp_path / "out"
    with full_disk(room=300):
        assert evaluate(*folders, "--out", out) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert os.listdir(out) == []


def test_ctrl_c_leaves_nothing(folders, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "voco3d.cli", "evaluate", *folders, "--out", str(out)]
    process = subprocess.Popen(
        [*command, "--progress", "json"], stderr=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stderr is not None
    process.stderr.readline()  # the first case has begun
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) in (0, 130)
    files = os.listdir(out) if out.exists() else []
    assert not any(name.startswith(".part") for name in files)
    if process.returncode == 130:
        assert not files


@pytest.fixture
def images(tmp_path: Path, folders: tuple[str, str]) -> Path:
    """An image a case: a file, a channel of nnU-Net, a DICOM folder; and one of no case."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number, name in enumerate(("a.nii.gz", "b_0000.nrrd", "other.nii.gz")):
        image = sitk.Cast(label_map((1, 1, 5)), sitk.sitkInt16) + number
        sitk.WriteImage(image, str(folder / name))
    write_dicom_series(label_map((1, 2, 5)), folder / "c")
    return folder


def digest(image: Path) -> str:
    files = sorted(image.iterdir()) if image.is_dir() else [image]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def trained_on(folder: Path, *images: Path, digits: int | None = 16) -> Path:
    hashes = [digest(image)[:digits] for image in images]
    small_model(folder, card=Card("Tests the software", training={"images": hashes}))
    return folder


def test_images_that_were_trained_on_are_named_and_refused_if_strict(
    folders, images, tmp_path, capsys
):
    model = trained_on(
        tmp_path / "m", images / "b_0000.nrrd", images / "c", images / "other.nii.gz"
    )
    out = tmp_path / "out"
    assert evaluate(*folders, "--model", model, "--images", images, "--out", out) == 0
    warning = "the model m was trained on 2 of the images (b_0000.nrrd, c)"
    assert warning in capsys.readouterr().err
    leaks = json.loads((out / "evaluation.json").read_text())["leaks"]
    assert leaks == {"checked": True, "trained_on": ["b_0000.nrrd", "c"], "without_image": []}
    out = tmp_path / "refused"
    assert evaluate(*folders, "--model", model, "--images", images, "--strict", "--out", out) == 2
    error = capsys.readouterr().err
    assert warning in error
    assert error.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("digits", [16, None])
def test_new_images_pass_and_whole_hashes_are_known_too(folders, images, tmp_path, capsys, digits):
    model = trained_on(tmp_path / "m", images / "other.nii.gz", digits=digits)
    assert evaluate(*folders, "--model", model, "--images", images, "--strict") == 0
    assert capsys.readouterr().err == ""
    seen = trained_on(tmp_path / "seen", images / "a.nii.gz", digits=digits)
    assert evaluate(*folders, "--model", seen, "--images", images, "--strict") == 2


def test_strict_refuses_what_cannot_be_known(folders, images, tmp_path, model_folder, capsys):
    given = ("--images", images, "--strict")
    assert evaluate(*folders, "--model", model_folder, *given) == 2
    assert "does not state what it was trained on" in capsys.readouterr().err
    (images / "a.nii.gz").unlink()
    model = trained_on(tmp_path / "m", images / "other.nii.gz")
    assert evaluate(*folders, "--model", model, *given) == 2
    assert "no image was given for a" in capsys.readouterr().err
    assert evaluate(*folders, "--model", model, "--images", images) == 0


def test_the_only_image_of_an_only_case_needs_no_name(images, folders, tmp_path, capsys):
    model = trained_on(tmp_path / "m", images / "c")
    pair = [f"{folder}/b.nii.gz" for folder in folders]
    assert evaluate(*pair, "--model", model, "--images", images / "c") == 0
    assert "the model m was trained on 1 of the images (c)" in capsys.readouterr().err


def test_references_may_have_other_labels_than_predictions(tmp_path, capsys):
    prediction = np.zeros((6, 6, 6), np.uint16)
    prediction[1:3, 1:3, 1:3], prediction[4:6, 4:6, 4:6] = 1, 2
    reference = np.zeros_like(prediction)
    reference[1:3, 1:3, 1:3], reference[4:6, 4:6, 3:6] = 500, 205
    for name, array in (("p", prediction), ("r", reference)):
        sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / f"{name}.nii.gz"))
    arguments = ["evaluate", str(tmp_path / "p.nii.gz"), str(tmp_path / "r.nii.gz")]
    arguments += ["--names", "ventricle,myocardium", "--progress", "none"]
    assert main([*arguments, "--reference-labels", "500"]) == 2
    assert "1 labels, but" in capsys.readouterr().err
    assert main([*arguments, "--reference-labels", "500,205"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"ventricle +1\.000", printed)
    assert re.search(r"myocardium +0\.800", printed)
