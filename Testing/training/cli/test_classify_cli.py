"""From a data list on the command line to predictions, and to how good they are."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.training.finetuning.two_regions import CATEGORIES, write_list
from voco3d.cli import main
from voco3d.data import read_image
from voco3d.finetuning.data_list import read_data_list
from voco3d.inference import classify
from voco3d.metrics.classification_tables import FILES

OPTIONS = """
task: classification
network: {name: unet, args: {filters: [4, 8, 12]}}
preprocessing: {spacing: null, intensity: [-1000, 1000], crop_foreground: false, size: [16, 16, 16]}
classification: {balanced: true}
optimisation: {steps: 30, batch: 2, warmup: 2, learning_rate: 0.01}
validation: {every: 15, log_every: 5, save_every: 15}
compute: {device: cpu, workers: 0}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data list, and a model that was trained on it from the command line."""
    folder = tmp_path_factory.mktemp("work")
    data = write_list(folder / "data", test=2)
    (folder / "options.yaml").write_text(OPTIONS)
    arguments = ["--config", str(folder / "options.yaml"), "--data", str(data)]
    assert main(["finetune", *arguments, "--out", str(folder / "run")]) == 0
    return folder


def images_of(folder, part="test"):
    cases = read_data_list(folder / "data/dataset.json").cases[part]
    return [str(case.images[0]) for case in cases]


def voco(command, *arguments):
    return main([command, *map(str, arguments), "--progress", "none"])


def classified(folder, *arguments):
    return voco("classify", *arguments, "--model", folder / "run/model", "--device", "cpu")


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_what_is_written_and_printed_is_what_the_model_says(folder, tmp_path, capsys):
    images = images_of(folder)
    assert classified(folder, *images, "--out", tmp_path / "p.csv", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    for image, line, row in zip(images, printed, rows(tmp_path / "p.csv"), strict=True):
        expected = classify(read_image(image), folder / "run/model", device="cpu")
        best = max(expected, key=expected.__getitem__)
        assert (line["image"], row["image"]) == (image, image)
        assert (line["category"], row["category"]) == (best, best)
        assert line["probabilities"] == pytest.approx(expected)
        for name, value in expected.items():
            assert float(row[f"probability of {name}"]) == pytest.approx(value, rel=1e-5)
    assert classified(folder, images[0]) == 0
    assert capsys.readouterr().out.startswith(f"{images[0]}: {printed[0]['category']} 0.")


def test_predictions_are_evaluated_on_the_lists_test_cases(folder, tmp_path, capsys):
    assert classified(folder, *images_of(folder), "--out", tmp_path / "p.csv") == 0
    capsys.readouterr()
    arguments = [tmp_path / "p.csv", folder / "data/dataset.json", "--out", tmp_path / "judged"]
    assert voco("evaluate", *arguments) == 0
    printed = capsys.readouterr().out
    assert "accuracy           1.000" in printed
    assert "over the 4 cases" in printed
    assert {path.name for path in (tmp_path / "judged").iterdir()} == set(FILES)
    content = json.loads((tmp_path / "judged/evaluation.json").read_text())
    assert content["categories"] == list(CATEGORIES)
    assert content["confusion"] == [[2, 0], [0, 2]]
    assert voco("evaluate", *arguments) == 2
    assert "exists already" in capsys.readouterr().err
    assert voco("evaluate", *arguments, "--overwrite") == 0


def test_a_csv_of_right_categories_will_do(folder, tmp_path, capsys):
    images = images_of(folder)
    assert classified(folder, *images, "--out", tmp_path / "p.csv") == 0
    right = [("image", "category"), (images[0], "headneck"), ("elsewhere.nii.gz", "trunk")]
    (tmp_path / "r.csv").write_text("".join(f"{a},{b}\n" for a, b in right))
    assert voco("evaluate", tmp_path / "p.csv", tmp_path / "r.csv") == 2
    assert "--allow-missing" in capsys.readouterr().err
    assert voco("evaluate", tmp_path / "p.csv", tmp_path / "r.csv", "--allow-missing") == 0
    printed = capsys.readouterr()
    assert "accuracy           0.000" in printed.out
    assert "no AUC, as there is nothing to tell apart: trunk, headneck" in printed.out
    assert "left out: 1 reference has no prediction (elsewhere), and 3 predictions" in printed.err


def test_images_that_the_model_was_trained_on_are_found(folder, tmp_path, capsys):
    images = images_of(folder, "training")[:2]
    assert classified(folder, *images, "--out", tmp_path / "p.csv") == 0
    (tmp_path / "r.csv").write_text(f"image,category\n{images[0]},trunk\n{images[1]},headneck\n")
    arguments = [tmp_path / "p.csv", tmp_path / "r.csv", "--model", folder / "run/model"]
    assert voco("evaluate", *arguments, "--images", *images) == 0
    assert "was trained on 2 of the images" in capsys.readouterr().err
    assert voco("evaluate", *arguments, "--images", *images, "--strict") == 2
    assert "Refused" in capsys.readouterr().err


def test_bad_input_is_one_sentence_and_leaves_nothing(folder, tmp_path, capsys):
    image = images_of(folder)[0]
    flat = sitk.GetImageFromArray(np.zeros((4, 4), np.int16))
    sitk.WriteImage(flat, str(tmp_path / "flat.nii.gz"))
    out = tmp_path / "p.csv"
    for arguments, says in (
        ([tmp_path / "none.nii.gz"], "does not exist"),
        ([image, tmp_path / "flat.nii.gz"], "3-D"),
    ):
        assert classified(folder, *arguments, "--out", out) == 2
        error = capsys.readouterr().err
        assert says in error
        assert error.count("\n") == 1
    assert voco("classify", image, "--model", "headneck-oar", "--out", out) == 2
    assert "does not classify" in capsys.readouterr().err
    assert classified(folder, image, "--out", tmp_path / "no/p.csv") == 2
    assert not out.exists()
    out.write_text("mine")
    assert classified(folder, image, "--out", out) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert out.read_text() == "mine"
