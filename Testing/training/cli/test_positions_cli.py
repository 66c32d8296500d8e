"""``voco positions``."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.conftest import small_model
from Testing.training.models.position_model import position_model
from Testing.training.positions.pictures import middle_of, noise
from voco3d.cli import main
from voco3d.cli.positions import parse_grid
from voco3d.positions import PlaceFinder, Positioner, check_volume
from voco3d.positions.writing import FILES, PICTURES


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    position_model(folder / "model")
    small_model(folder / "plain", window=(16, 16, 16))
    sitk.WriteImage(noise(oblique=True), str(folder / "ct.nrrd"))
    return folder


@pytest.fixture(autouse=True)
def quick(request, monkeypatch):
    """Draw nothing, unless a test is about the pictures: drawing takes most of the time."""
    if "pictures" not in request.fixturenames:
        blank = dict.fromkeys(PICTURES, b"a picture")
        monkeypatch.setattr("voco3d.figures.positions.pictures", lambda *parts: blank)


@pytest.fixture
def pictures():
    """Asks for real pictures."""


def voco(folder, *arguments, model="model"):
    options = ["--model", folder / model, "--device", "cpu", "--progress", "none"]
    return main(["positions", *map(str, [folder / "ct.nrrd", *arguments, *options])])


def content(out):
    return json.loads((out / "positions.json").read_text())


def test_places_are_taken_in_ras_and_negative_ones_too(folder, tmp_path, capsys):
    image = sitk.ReadImage(str(folder / "ct.nrrd"))
    places = [middle_of(image), middle_of(image) + np.array([-9, 4, 2])]
    asked = ["--crop=" + ",".join(map(str, place)) for place in places]
    assert voco(folder, *asked, "--out", tmp_path / "out") == 0
    printed = capsys.readouterr().out
    found = content(tmp_path / "out")["crops"]
    expected = Positioner(folder / "model", "cpu").open(image).locate(places)
    for crop, other in zip(found, expected, strict=True):
        assert crop["asked"] == pytest.approx(other.asked)
        assert crop["predicted"] == pytest.approx(other.predicted, abs=1e-5)
        assert crop["distance"] == pytest.approx(other.distance, abs=1e-3)
    assert printed.count("mm off") == 2
    assert "top-1" in printed
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(FILES)


def test_random_crops_another_grid_and_the_reference(folder, tmp_path):
    options = ("--crops", 3, "--seed", 7, "--step", 1)
    assert voco(folder, *options, "--grid", "3x2x1", "--out", tmp_path / "a") == 0
    a = content(tmp_path / "a")
    assert a["bases"]["counts"] == [3, 2, 1]
    assert len(a["crops"]) == 3
    assert a["sweep"]["crops"] == 6
    assert voco(folder, *options, "--reference", "--out", tmp_path / "b") == 0
    b = content(tmp_path / "b")
    assert b["bases"]["source"] == "reference"
    image = sitk.ReadImage(str(folder / "ct.nrrd"))
    volume = Positioner(folder / "model", "cpu").open(image, reference=True)
    (expected, *_) = volume.locate_random(3, seed=7)
    assert b["crops"][0]["predicted"] == pytest.approx(expected.predicted, abs=1e-5)


def test_pictures_are_drawn(folder, tmp_path, pictures):
    assert voco(folder, "--crops", 1, "--step", 1, "--out", tmp_path / "out") == 0
    for name in PICTURES:
        assert (tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG")


def test_a_model_without_a_projector_is_used_and_that_is_said(folder, tmp_path, capsys):
    assert voco(folder, "--out", tmp_path / "out", "--step", 1, model="plain") == 0
    assert "has no projector" in capsys.readouterr().out
    assert content(tmp_path / "out")["embedding"] == "encoder"
    assert len(content(tmp_path / "out")["crops"]) == 8


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--crop", "1,2"], "x,y,z"),
        (["--crop", "a,b,c"], "x,y,z"),
        (["--crop", "9999,0,0"], "outside the image"),
        (["--crop", "nan,0,0"], "three finite numbers"),
        (["--crop", "1,2,3", "--crops", "4"], "not both"),
        (["--crops", "0"], "1 random crop or more"),
        (["--grid", "4x4"], "--grid is written as"),
        (["--grid", "0x4x1"], "counts"),
        (["--grid", "3x3x1", "--reference"], "leave the grid or the reference out"),
        (["--step", "2"], "step"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(folder, tmp_path, capsys, options, says):
    assert voco(folder, *options, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_files_that_cannot_be_read_or_written_are_said(folder, tmp_path, capsys):
    assert voco(folder, "--out", tmp_path / "no" / "out") == 2
    assert "does not exist" in capsys.readouterr().err
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "crops.csv").write_text("mine")
    assert voco(folder, "--out", tmp_path / "out") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "out" / "crops.csv").read_text() == "mine"
    assert voco(folder, "--out", tmp_path / "out", "--crops", 1, "--step", 1, "--overwrite") == 0
    assert voco(folder, folder / "ct.nrrd", "--out", tmp_path / "two") == 2
    assert "takes one image, but 2 were given" in capsys.readouterr().err
    assert voco(folder, folder / "ct.nrrd", "--series", "1", "--out", tmp_path / "two") == 2
    assert "give one input with it" in capsys.readouterr().err
    (tmp_path / "broken.nrrd").write_text("NRRD0004\n")
    arguments = [str(tmp_path / "broken.nrrd"), "--model", str(folder / "model")]
    assert main(["positions", *arguments, "--out", str(tmp_path / "three")]) == 2
    assert "not an image that can be read" in capsys.readouterr().err


def test_what_can_be_told_is_told_before_anything_is_read(tmp_path, folder, capsys):
    images = [str(tmp_path / name) for name in ("one.nrrd", "two.nrrd")]
    for arguments, says in (
        ([images[0], "--model", "nothing", "--step", "0", "--out", str(tmp_path / "o")], "step"),
        ([images[0], "--model", "nothing", "--out", str(tmp_path / "no/o")], "does not exist"),
        ([*images, "--model", str(folder / "model"), "--out", str(tmp_path / "o")], "one image"),
    ):
        assert main(["positions", *arguments]) == 2
        error = capsys.readouterr().err
        assert says in error
        assert "nothing" not in error
        assert ".nrrd" not in error


def test_each_crop_is_printed_with_what_is_said_of_it(folder, tmp_path, capsys):
    assert voco(folder, "--step", 1, "--out", tmp_path / "out") == 0
    printed = capsys.readouterr().out.splitlines()
    image = sitk.ReadImage(str(folder / "ct.nrrd"))
    volume = Positioner(folder / "model", "cpu").open(image)
    expected = volume.locate_random(8, seed=0)
    assert {crop.right for crop in expected} == {True, False}
    for number, crop in enumerate(expected, start=1):
        (line,) = [line for line in printed if line.startswith(f"crop {number} ")]
        assert f"base {crop.chosen}" in line
        true = max(range(4), key=lambda base, crop=crop: crop.overlaps[base]) + 1
        assert (f"instead of {true}" in line) == (not crop.right)
        assert f"{crop.distance:.0f} mm off" in line
        assert ", ".join(f"{value:.0f}" for value in crop.centre) in line


@pytest.mark.parametrize("text", ["3x2x1", "3,2,1", " 3x2x1 "])
def test_ways_to_write_a_grid(text):
    assert parse_grid(text) == (3, 2, 1)


def info(folder, *arguments):
    return main(["info", str(folder / "ct.nrrd"), *map(str, arguments)])


def test_info_checks_a_volume_when_asked(folder, capsys):
    assert info(folder) == 0
    assert "check" not in capsys.readouterr().out
    options = ["--check", "--model", folder / "model", "--device", "cpu", "--progress", "none"]
    assert info(folder, *options) == 0
    printed = capsys.readouterr().out
    image = sitk.ReadImage(str(folder / "ct.nrrd"))
    check = check_volume(Positioner(folder / "model", "cpu"), image)
    for sentence in check.sentences:
        assert sentence in printed
    assert "orientation" in printed
    assert info(folder, "--check", "--model", folder / "plain") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "no reference bases" in error


def test_a_place_is_found_in_another_image(folder, tmp_path, capsys):
    sitk.WriteImage(noise((18, 20, 22), seed=3), str(tmp_path / "other.nrrd"))
    source, target = (sitk.ReadImage(str(f)) for f in (folder / "ct.nrrd", tmp_path / "other.nrrd"))
    place = middle_of(source)
    images = [str(folder / "ct.nrrd"), str(tmp_path / "other.nrrd")]
    options = ["--model", str(folder / "model"), "--device", "cpu", "--progress", "none"]
    at = "--at=" + ",".join(map(str, place))
    out = tmp_path / "places.json"
    assert main(["find", *images, at, *options, "--out", str(out)]) == 0
    (expected,) = PlaceFinder(Positioner(folder / "model", "cpu"), source, target).find([place])
    content = json.loads(out.read_text())
    assert content["places"][0]["place"] == pytest.approx(expected.place, abs=1e-3)
    assert content["embedding"] == "projector"
    printed = capsys.readouterr().out
    assert ", ".join(f"{value:.1f}" for value in expected.place) in printed
    box = at.replace("--at", "--box") + ",20,30,40"
    assert main(["find", *images, box, *options, "--out", str(out), "--overwrite"]) == 0
    (found,) = json.loads(out.read_text())["places"]
    assert found["asked"] == pytest.approx(place)
    low, high = np.min(found["box"], axis=0), np.max(found["box"], axis=0)
    assert high - low == pytest.approx((20, 30, 40))
    assert (low + high) / 2 == pytest.approx(found["place"])
    assert capsys.readouterr().out.startswith("box around ")
    figure = tmp_path / "places.png"
    assert main(["find", *images, at, *options, "--figure", str(figure)]) == 0
    assert figure.read_bytes().startswith(b"\x89PNG")
    for arguments, says in (
        ([at, "--out", str(out)], "--overwrite"),
        ([at, "--figure", str(figure)], "--overwrite"),
        ([at, "--figure", str(tmp_path / "places.pdf")], "ends in .png"),
        (["--at", "1,2"], "x,y,z"),
        (["--at", "9999,0,0"], "outside the image"),
        ([], "a place with --at, or a box with --box"),
        (["--box", "1,2,3"], "x,y,z,w,d,h"),
        (["--box", "1,2,3,4,0,6"], "longer than 0"),
        (["--box", "1,2,3,4,5,nan"], "longer than 0"),
        (["--box", "9999,0,0,1,1,1"], "outside the image"),
    ):
        assert main(["find", *images, *arguments, *options]) == 2
        error = capsys.readouterr().err
        assert says in error
        assert error.count("\n") == 1
