"""Which cases a run is trained on."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voco3d.compare.subsets import draw_cases, to_json, with_labels
from voco3d.finetuning.data_list import read_data_list

counts = st.integers(1, 60)


@given(counts, st.data(), st.integers(0, 1000))
def test_a_smaller_draw_lies_in_every_larger_one(cases, data, seed):
    larger = data.draw(st.integers(1, cases))
    smaller = data.draw(st.integers(1, larger))
    many, few = draw_cases(cases, larger, seed), draw_cases(cases, smaller, seed)
    assert set(few) <= set(many) <= set(range(cases))
    assert (len(few), len(many)) == (smaller, larger)
    assert many == sorted(set(many))


@given(counts, st.integers(0, 1000))
def test_a_draw_of_all_is_all_in_order(cases, seed):
    assert draw_cases(cases, cases, seed) == list(range(cases))


def test_seeds_draw_different_cases_and_each_case_as_often():
    drawn = [tuple(draw_cases(20, 3, seed)) for seed in range(400)]
    assert len(set(drawn)) > 300
    often = [sum(case in draw for draw in drawn) for case in range(20)]
    assert min(often) > 30  # of 60 expected
    assert max(often) < 95


SEGMENTATION = {
    "labels": {"0": "background", "205": "myocardium", "420": "left ventricle"},
    "training": [
        {"image": "a.nii.gz", "label": "../labels/a.nii.gz", "patient": "A"},
        {"image": "b.nii.gz", "label": "b-labels.nii.gz", "classes": ["left ventricle"]},
        {"image": "unlabelled.nii.gz"},
    ],
    "validation": [{"image": "c.nii.gz", "label": "c-labels.nii.gz"}],
    "test": ["bare.nii.gz", {"image": "/else/d.nii.gz", "label": "/else/labels.nii.gz"}],
}
REGIONS = {
    "labels": {"background": 0, "whole": [1, 2, 3], "core": [1, 3], "enhancing": [3]},
    "regions_class_order": [2, 1, 3],
    "training": [{"image": ["a0.nii", "a1.nii"], "label": "a.nii"}],
}
CLASSIFICATION = {
    "categories": ["normal", "CP", "NCP"],
    "training": [
        {"image": "a.nii", "class": "CP", "patient": "A"},
        {"image": "c.nii", "class": "normal"},
        {"image": "d.nii", "class": "NCP"},
    ],
    "test": [{"image": "b.nii", "class": "NCP"}],
}


@pytest.mark.parametrize("content", [SEGMENTATION, REGIONS, CLASSIFICATION])
def test_a_data_list_that_is_written_elsewhere_is_read_back_the_same(content, tmp_path):
    listing, copy = tmp_path / "data" / "dataset.json", tmp_path / "run" / "dataset.json"
    for path in (listing, copy):
        path.parent.mkdir()
    listing.write_text(json.dumps(content))
    data = read_data_list(listing)
    copy.write_text(json.dumps(to_json(data)))
    assert replace(read_data_list(copy), path=listing) == data


def test_only_training_cases_are_dropped(tmp_path):
    listing = tmp_path / "dataset.json"
    listing.write_text(json.dumps(SEGMENTATION))
    data = read_data_list(listing)
    few = with_labels(data, 1, seed=0)
    assert len(few.cases["training"]) == 1
    assert few.cases["training"][0] in data.cases["training"]
    assert [few.cases[part] for part in ("validation", "test")] == [
        data.cases[part] for part in ("validation", "test")
    ]
