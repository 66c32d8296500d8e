import json
from pathlib import Path

import pytest

from voco3d.errors import VoCoError
from voco3d.finetuning.data_list import DataList, read_data_list

ORGANS = {"background": 0, "spleen": 1, "liver": 2}
TUMOR = {"background": 0, "whole tumor": [1, 2, 3], "tumor core": [1, 3], "enhancing": [3]}
CASE = {"image": "a.nii.gz", "label": "al.nii.gz"}
OTHER = {"image": "b.nii.gz", "label": "bl.nii.gz"}


def read(folder: Path, **content: object) -> DataList:
    path = folder / "dataset.json"
    path.write_text(json.dumps({"labels": ORGANS, "training": [CASE], **content}))
    return read_data_list(path)


def refusal(folder: Path, **content: object) -> str:
    """The one sentence with which a list is refused."""
    with pytest.raises(VoCoError) as caught:
        read(folder, **content)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


@pytest.mark.parametrize(
    "labels",
    [
        {"0": "background", "2": "liver", "1": "spleen"},
        {"background": 0, "liver": 2, "spleen": 1},
        {"spleen": "1", "liver": [2]},
    ],
)
def test_labels_of_both_manners(tmp_path, labels):
    data = read(tmp_path, labels=labels)
    assert data.structures == ("spleen", "liver")
    assert data.members == ((1,), (2,))
    assert data.values == (1, 2)
    assert data.written == (1, 2)
    assert not data.overlapping
    assert data.cases["training"][0].known == {0, 1}


def test_values_need_not_be_1_to_n(tmp_path):
    labels = {"850": "artery", "205": "myocardium", "500": "ventricle"}
    data = read(tmp_path, labels=labels)
    assert data.structures == ("myocardium", "ventricle", "artery")
    assert data.values == (205, 500, 850)


def test_regions_keep_their_order_and_how_they_are_written(tmp_path):
    data = read(tmp_path, labels=TUMOR, regions_class_order=[2, 1, 3])
    assert data.structures == ("whole tumor", "tumor core", "enhancing")
    assert data.members == ((1, 2, 3), (1, 3), (3,))
    assert data.values == (1, 2, 3)
    assert data.written == (2, 1, 3)
    assert data.overlapping


def test_an_order_without_regions_does_not_matter(tmp_path):
    data = read(tmp_path, labels={"liver": 2, "spleen": 1}, regions_class_order=[2, 1])
    assert data.written == (1, 2)


@pytest.mark.parametrize("order", [None, [1, 2], [3, 1, 2], [2, 1, 7], ["x", 1, 3]])
def test_regions_that_do_not_come_back_are_refused(tmp_path, order):
    assert "labels" in refusal(tmp_path, labels=TUMOR, regions_class_order=order)


@pytest.mark.parametrize(
    "labels",
    [
        None,
        ["spleen"],
        {},
        {"background": 0},
        {"spleen": None},
        {"spleen": 1.5},
        {"spleen": []},
        {"spleen": [0, 1], "liver": 2},
        {"spleen": -1},
        {"spleen": 1, "Spleen": 2},
        {"spleen": 1, "liver": 1},
        {str(value): f"structure {value}" for value in range(1, 257)},
    ],
)
def test_labels_that_mean_nothing_are_refused(tmp_path, labels):
    assert "label" in refusal(tmp_path, labels=labels)


def test_paths_count_from_the_folder_of_the_list(tmp_path):
    elsewhere = tmp_path / "elsewhere" / "b.nii.gz"
    cases = [
        {"image": "./imagesTr/../imagesTr/a.nii.gz", "label": "labelsTr/a.nii.gz"},
        {"image": str(elsewhere), "label": str(elsewhere)},
    ]
    one, other = read(tmp_path, training=cases).cases["training"]
    assert one.images == (tmp_path / "imagesTr/a.nii.gz",)
    assert one.label == tmp_path / "labelsTr/a.nii.gz"
    assert other.images == (elsewhere,)
    assert (one.name, other.name) == ("a", "b")


def test_the_folder_will_do_and_a_relative_list_gives_absolute_paths(tmp_path, monkeypatch):
    read(tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    data = read_data_list(Path(tmp_path.name))
    assert data.cases["training"][0].images == (tmp_path / "a.nii.gz",)


def test_what_has_no_label_is_left_out(tmp_path):
    data = read(tmp_path, training=[CASE, {"image": "c.nii"}], test=["./imagesTs/b.nii.gz"])
    assert [case.name for case in data.cases["training"]] == ["a"]
    assert data.cases["test"] == data.cases["validation"] == ()


@pytest.mark.parametrize("classes", [["Liver"], "liver"])
def test_a_case_may_have_contours_for_some_structures(tmp_path, classes):
    cases = [{**CASE, "classes": classes}, {**OTHER, "classes": None}]
    one, other = read(tmp_path, training=cases).cases["training"]
    assert one.known == {1}
    assert other.known == {0, 1}


@pytest.mark.parametrize("classes", [["kidney"], 5])
def test_an_unknown_class_is_refused(tmp_path, classes):
    text = refusal(tmp_path, training=[{**CASE, "classes": classes}])
    assert "choose from spleen, liver" in text


def test_categories(tmp_path):
    cases = [{"image": "a.nii", "class": "NCP"}, {"image": "b.nii", "class": "normal"}]
    data = read(tmp_path, labels=None, categories=["normal", "ncp"], training=cases)
    assert data.categories == ("normal", "ncp")
    assert [case.category for case in data.cases["training"]] == [1, 0]
    assert data.structures == data.values == ()
    assert data.cases["training"][0].label is None


@pytest.mark.parametrize(
    ("categories", "words"),
    [
        (["normal", "NCP", "CP"], "no training case of CP"),
        (["normal"], "two categories or more"),
        ("normal", "two categories or more"),
        (["normal", "Normal"], "two categories or more"),
        (["normal", "CP"], "class NCP: choose from normal, CP"),
    ],
)
def test_categories_that_do_not_fit_are_refused(tmp_path, categories, words):
    cases = [{"image": "a.nii", "class": "NCP"}, {"image": "b.nii", "class": "normal"}]
    assert words in refusal(tmp_path, categories=categories, training=cases)


@pytest.mark.parametrize("part", ["validation", "test"])
@pytest.mark.parametrize(
    ("own", "other"),
    [
        ({}, {"image": "./a.nii.gz"}),
        ({"patient": 7}, {"patient": "7"}),
        ({"patient": "", "image": ["a.nii", "x.nii"]}, {"image": ["y.nii", "x.nii"]}),
    ],
)
def test_nothing_may_be_in_two_parts(tmp_path, part, own, other):
    content = {"training": [{**CASE, **own}], part: [{**OTHER, **other}]}
    assert f"in training and in {part}" in refusal(tmp_path, **content)


def test_a_patient_may_have_two_images_in_a_part_but_an_image_is_listed_once(tmp_path):
    patient = {"patient": "p"}
    data = read(tmp_path, training=[{**CASE, **patient}, {**OTHER, **patient}])
    assert len(data.cases["training"]) == 2
    assert "twice in training" in refusal(tmp_path, training=[CASE, CASE])


def test_patients_without_a_name_are_not_one_patient(tmp_path):
    data = read(tmp_path, training=[{**CASE, "patient": ""}], test=[{**OTHER, "patient": ""}])
    assert data.cases["test"][0].patient is None


def test_every_case_has_as_many_channels(tmp_path):
    data = read(tmp_path, training=[{**CASE, "image": ["a", "b"]}])
    assert data.channels == 2
    assert "has 2: give" in refusal(
        tmp_path, training=[CASE], test=[{**OTHER, "image": ["x", "y"]}]
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"training": []}, "no labelled training case"),
        ({"training": ["a.nii.gz"]}, "no labelled training case"),
        ({"training": None}, "must be a list"),
        ({"validation": {"image": "a"}}, "must be a list"),
        ({"training": [{**CASE, "image": [3]}]}, "give a path"),
        ({"training": [{**CASE, "label": ["a"]}]}, "give a path"),
    ],
)
def test_lists_without_sense_are_refused(tmp_path, content, words):
    assert words in refusal(tmp_path, **content)


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00"])
def test_what_is_no_list_is_refused(tmp_path, content):
    path = tmp_path / "dataset.json"
    path.write_text(content)
    with pytest.raises(VoCoError, match="not JSON|not a data list"):
        read_data_list(path)


def test_a_missing_list_is_refused(tmp_path):
    with pytest.raises(VoCoError, match="cannot be read"):
        read_data_list(tmp_path / "nothing.json")
