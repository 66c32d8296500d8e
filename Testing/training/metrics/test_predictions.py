from pathlib import Path

import numpy as np
import pytest

from voco3d.errors import VoCoError
from voco3d.metrics.predictions import (
    Predictions,
    compare_categories,
    read_categories,
    read_predictions,
    write_predictions,
)

NAMES = ("normal", "CP", "NCP")
FOUND = Predictions(
    ("scans/a.nii.gz", "scans/b.nrrd", "c"),
    NAMES,
    np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.0, 0.0, 1.0]]),
)
SOURCE = Path("predicted.csv")


def test_what_is_written_is_read_again(tmp_path):
    write_predictions(tmp_path / "p.csv", FOUND)
    again = read_predictions(tmp_path / "p.csv")
    assert (again.images, again.categories) == (FOUND.images, FOUND.categories)
    np.testing.assert_array_equal(again.probabilities, FOUND.probabilities)
    header = (tmp_path / "p.csv").read_text().splitlines()[0]
    assert header == "image,category,probability of normal,probability of CP,probability of NCP"
    categories = read_categories(tmp_path / "p.csv")
    assert categories == {"a": "normal", "b": "CP", "c": "NCP"}


def test_cases_are_matched_by_the_image_files_name():
    references = {"c": "ncp", "a": "CP", "b": "normal"}
    found, pairing = compare_categories(FOUND, references, SOURCE, allow_missing=False)
    assert found.cases == ("a", "b", "c")
    assert found.reference.tolist() == [1, 0, 2]
    np.testing.assert_array_equal(found.probabilities, FOUND.probabilities)
    assert not pairing.without_prediction
    assert not pairing.without_reference


def test_cases_without_a_counterpart_are_refused_or_left_out():
    references = {"c": "NCP", "d": "CP"}
    with pytest.raises(VoCoError, match=r"1 reference has no prediction \(d\).*2 predictions"):
        compare_categories(FOUND, references, SOURCE, allow_missing=False)
    found, pairing = compare_categories(FOUND, references, SOURCE, allow_missing=True)
    assert found.cases == ("c",)
    assert found.reference.tolist() == [2]
    np.testing.assert_array_equal(found.probabilities, FOUND.probabilities[2:])
    assert pairing.without_prediction == ("d",)
    assert pairing.without_reference == ("a", "b")


def test_nothing_in_common_and_unknown_categories_are_refused():
    with pytest.raises(VoCoError, match=r"No image in predicted.csv is called like one .*\(d\)"):
        compare_categories(FOUND, {"d": "CP"}, SOURCE, allow_missing=True)
    with pytest.raises(VoCoError, match=r"flu of a is none .*normal, CP, NCP"):
        compare_categories(FOUND, {"a": "flu"}, SOURCE, allow_missing=True)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe\x00", "no CSV file"),
        (b"image,category\n", "a row an image"),
        (b"file,category\na,CP\n", "columns image"),
        (b"image,category\na,CP\n", "probability of CATEGORY"),
        (b"image,probability of CP,probability of NCP\na,0.5,\n", "must be from 0 to 1"),
        (b"image,probability of CP,probability of NCP\na,0.5,nan\n", "must be from 0 to 1"),
        (b"image,probability of CP,probability of NCP\na,0.5,1.5\n", "must be from 0 to 1"),
        (b"image,probability of CP,probability of NCP\na,0.5\n", "must be from 0 to 1"),
    ],
)
def test_a_file_that_holds_no_predictions_is_refused(tmp_path, content, says):
    if content is not None:
        (tmp_path / "p.csv").write_bytes(content)
    with pytest.raises(VoCoError, match=says):
        read_predictions(tmp_path / "p.csv")


def test_an_image_that_is_there_twice_is_refused(tmp_path):
    (tmp_path / "r.csv").write_text("image,category\none/a.nii,CP\ntwo/a.nii.gz,NCP\n")
    with pytest.raises(VoCoError, match="two images called a"):
        read_categories(tmp_path / "r.csv")
