"""The split of a data set: the authors' own, folds by patient, and a test apart."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from Testing.training.presets.data_sets import names
from voco3d.errors import VoCoError
from voco3d.presets import PRESETS, Case, split


def cases_of(name: str) -> list[Case]:
    """All cases of a data set, as if found."""
    return [case_called(name) for name in names(PRESETS[name])]


def case_called(name: str) -> Case:
    category, patient = name.split("/")[:2] if "/" in name else (None, name)
    return Case(name, patient, category, (Path(name),), None)


def named(cases) -> set[str]:
    return {case.name for case in cases}


@pytest.mark.parametrize("name", ["btcv", "lits", "msd-spleen", "mm-whs"])
def test_the_authors_split(name):
    preset = PRESETS[name]
    parts = split(preset, cases_of(name))
    assert named(parts["validation"]) == set(preset.validation)
    assert named(parts["training"]) == set(preset.cases) - set(preset.validation)
    assert parts["test"] == ()


@pytest.mark.parametrize("name", ["brats21", "cc-ccii"])
def test_each_case_is_held_out_in_one_fold(name):
    preset, cases = PRESETS[name], cases_of(name)
    folds = [split(preset, cases, fold) for fold in range(preset.folds)]
    held_out = [case for parts in folds for case in named(parts["validation"])]
    assert sorted(held_out) == sorted(named(cases))
    sizes = [len(parts["validation"]) for parts in folds]
    assert max(sizes) - min(sizes) <= max(1, len(preset.categories))
    for parts in folds:
        assert named(parts["training"]) == named(cases) - named(parts["validation"])
    assert split(preset, cases) == folds[0]


def test_folds_have_all_classes_alike():
    parts = split(PRESETS["cc-ccii"], cases_of("cc-ccii"), 1)
    counts = [
        sum(case.category == category for case in parts["validation"])
        for category in PRESETS["cc-ccii"].categories
    ]
    assert max(counts) - min(counts) <= 1


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["Normal", "CP", "NCP"]), st.integers(0, 20), st.integers(0, 99)),
        unique=True,
        min_size=60,
    ),
    st.randoms(),
    st.booleans(),
)
def test_a_patient_is_in_one_part_whatever_the_order(scans, random, test):
    cases = [case_called(f"{category}/{patient}/{scan}") for category, patient, scan in scans]
    parts = split(PRESETS["cc-ccii"], cases, 2, test)
    for one, other in (("training", "validation"), ("training", "test"), ("validation", "test")):
        patients = [{case.patient for case in parts[part]} for part in (one, other)]
        assert not patients[0] & patients[1]
    assert sum(len(part) for part in parts.values()) == len(cases)
    random.shuffle(cases)
    again = split(PRESETS["cc-ccii"], cases, 2, test)
    assert {part: named(there) for part, there in again.items()} == {
        part: named(there) for part, there in parts.items()
    }


@pytest.mark.parametrize("name", PRESETS)
def test_a_test_apart_is_what_the_authors_validate_on(name):
    cases = cases_of(name)
    whole, apart = split(PRESETS[name], cases), split(PRESETS[name], cases, test=True)
    assert apart["test"] == whole["validation"]
    assert named(apart["training"]) | named(apart["validation"]) == named(whole["training"])
    assert not named(apart["training"]) & named(apart["validation"])
    assert len(apart["validation"]) == pytest.approx(len(whole["training"]) / 6, abs=3)


def test_there_is_no_such_fold():
    with pytest.raises(VoCoError, match="choose from 0 to 4"):
        split(PRESETS["brats21"], cases_of("brats21"), 5)
    with pytest.raises(VoCoError, match="leave out --fold"):
        split(PRESETS["btcv"], cases_of("btcv"), 0)


def test_no_part_is_empty():
    cases = [case_called(name) for name in ("0001", "0002")]
    with pytest.raises(VoCoError, match="none is left for validation"):
        split(PRESETS["btcv"], cases)
    with pytest.raises(VoCoError, match="none is left for training"):
        split(PRESETS["btcv"], [case_called("0035")])
    with pytest.raises(VoCoError, match="none is left for training"):
        split(replace(PRESETS["brats21"], folds=1), cases)
