"""``voco phantom``."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.training.cli.files import voxels
from Testing.training.outputs.disk import full_disk, locked_folder
from voco3d.phantom import make_phantom


def test_phantom_makes_a_data_set(voco, tmp_path):
    make = ("phantom", tmp_path / "set", "--size", "24", "--spacing", "9.5", "--count", "2")
    result = voco(*make, "--seed", "5")
    assert (result.code, result.err) == (0, "")
    dataset = json.loads((tmp_path / "set/dataset.json").read_text())
    assert dataset["training"] == [
        {"image": f"images/headneck_{n}.nii.gz", "label": f"labels/headneck_{n}.nii.gz"}
        for n in ("0005", "0006")
    ]
    assert dataset["labels"]["0"] == "background"
    assert set(dataset["labels"].values()) >= {"brainstem", "mandible", "right parotid gland"}
    files = [Path(line) for line in result.out.splitlines()]
    assert set(files) == {file for file in (tmp_path / "set").rglob("*") if file.is_file()}
    for entry in dataset["training"]:
        image, labels = (
            sitk.ReadImage(str(tmp_path / "set" / entry[kind])) for kind in ("image", "label")
        )
        assert image.GetSize() == labels.GetSize() == (24, 24, 24)
        assert image.GetSpacing() == labels.GetSpacing() == pytest.approx((9.5, 9.5, 9.5))
        found = {str(label) for label in np.unique(sitk.GetArrayViewFromImage(labels))}
        assert found <= set(dataset["labels"])
    for seed, entry in zip((5, 6), dataset["training"], strict=True):
        expected = make_phantom("headneck", seed, (24, 24, 24), 9.5)
        image, labels = (voxels(tmp_path / "set" / entry[kind]) for kind in ("image", "label"))
        assert np.array_equal(image, sitk.GetArrayFromImage(expected.image))
        assert np.array_equal(labels, sitk.GetArrayFromImage(expected.labels))


def test_phantom_is_the_same_for_the_same_seed(voco, tmp_path):
    for folder, seed in (("a", 6), ("b", 6), ("c", 7)):
        voco("phantom", tmp_path / folder, "--size", "20", "--spacing", "12", "--seed", seed)
    image = "images/headneck_0006.nii.gz"
    assert np.array_equal(voxels(tmp_path / "a" / image), voxels(tmp_path / "b" / image))
    assert not (tmp_path / "c" / image).exists()


def test_phantom_of_the_trunk(voco, tmp_path):
    voco("phantom", tmp_path, "--region", "trunk", "--size", "24", "--spacing", "18")
    labels = json.loads((tmp_path / "dataset.json").read_text())["labels"]
    assert len(labels) > 12
    assert set(np.unique(voxels(tmp_path / "labels/trunk_0000.nii.gz"))) <= set(map(int, labels))


def test_phantom_keeps_what_is_there(voco, tmp_path):
    make = ("phantom", tmp_path, "--size", "16", "--spacing", "15")
    assert voco(*make, "--seed", "3").code == 0
    before = {file: file.read_bytes() for file in tmp_path.rglob("*.*")}
    (tmp_path / "dataset.json").unlink()
    refusal = voco(*make, "--seed", "2", "--count", "3").refusal()
    assert re.search(r"headneck_0003.nii.gz exists already: .* --overwrite", refusal)
    assert set(tmp_path.rglob("*.*")) == set(before) - {tmp_path / "dataset.json"}
    assert voco(*make, "--seed", "2", "--count", "3", "--overwrite").code == 0
    assert len(list(tmp_path.rglob("*.nii.gz"))) == 6


@pytest.mark.parametrize(
    "options", [["--spacing", "0"], ["--spacing", "nan"], ["--size", "0"], ["--count", "0"],
                ["--seed", "-1"]]
)  # fmt: skip
def test_bad_options_of_phantom(voco, tmp_path, options):
    voco("phantom", tmp_path / "set", "--size", "16", *options).refusal()
    assert not list(tmp_path.iterdir())


def test_phantom_in_a_place_that_is_no_folder(voco, tmp_path):
    (tmp_path / "file").write_text("no folder")
    refusal = voco("phantom", tmp_path / "file", "--size", "16", "--spacing", "15").refusal()
    assert "cannot be made" in refusal
    folder = locked_folder(tmp_path) / "set"
    assert "cannot be made" in voco("phantom", folder, "--size", "16", "--spacing", "15").refusal()


def test_phantom_on_a_full_disk(voco, tmp_path):
    with full_disk():
        result = voco("phantom", tmp_path, "--size", "16", "--spacing", "15")
    assert "cannot be written" in result.refusal()
    assert not list(tmp_path.rglob("*.*"))
