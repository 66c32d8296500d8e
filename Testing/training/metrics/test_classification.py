import csv
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from voco3d.errors import VoCoError
from voco3d.metrics import classification as metrics
from voco3d.metrics.classification import Classification
from voco3d.metrics.classification_tables import FILES, write_classification
from voco3d.metrics.confidence import RESAMPLES, SEED, bootstrap_interval, mean_interval

NAMES = ("normal", "CP", "NCP")


def plain_accuracy(reference, probabilities):
    right = sum(
        max(range(len(row)), key=list(row).__getitem__) == truth
        for truth, row in zip(reference, probabilities, strict=True)
    )
    return right / len(reference)


def plain_auc(positive, scores):
    pairs = [
        1.0 if high > low else 0.5 if high == low else 0.0
        for high in scores[positive]
        for low in scores[~positive]
    ]
    return sum(pairs) / len(pairs) if pairs else math.nan


def mean(values):
    return sum(values) / len(values) if values else math.nan


@st.composite
def classified(draw):
    """Cases of up to three categories, with many equal probabilities."""
    n = draw(st.integers(1, 12))
    reference = draw(arrays.arrays(np.int64, n, elements=st.integers(0, 2)))
    scores = draw(arrays.arrays(np.int64, (n, 3), elements=st.integers(0, 4)))
    return reference, scores / 4


@given(classified())
def test_all_figures_are_those_of_plain_versions(cases):
    reference, probabilities = cases
    present = [c for c in range(3) if c in reference]
    recalls = [plain_accuracy(*(part[reference == c] for part in cases)) for c in present]
    areas = [plain_auc(reference == c, probabilities[:, c]) for c in range(3)]
    for c in range(3):
        found = metrics.auc(reference == c, probabilities[:, c])
        assert found == pytest.approx(areas[c], nan_ok=True)
    assert metrics.accuracy(*cases) == pytest.approx(plain_accuracy(*cases))
    assert metrics.balanced_accuracy(*cases) == pytest.approx(mean(recalls))
    defined = [area for area in areas if not math.isnan(area)]
    assert metrics.macro_auc(*cases) == pytest.approx(mean(defined), nan_ok=True)


@given(classified())
def test_the_confusion_matrix_counts_each_case_once(cases):
    reference, probabilities = cases
    found = Classification(tuple(map(str, reference)), NAMES, reference, probabilities)
    expected = [[0] * 3 for _ in NAMES]
    for truth, row in zip(reference, probabilities, strict=True):
        expected[truth][list(row).index(max(row))] += 1
    assert found.confusion.tolist() == expected


def many(n=60):
    random = np.random.default_rng(3)
    reference = random.integers(3, size=n)
    logits = random.normal(size=(n, 3)) + 1.2 * np.eye(3)[reference]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Classification(tuple(f"case {i}" for i in range(n)), NAMES, reference, probabilities)


def test_intervals_are_the_percentiles_over_resampled_cases():
    found = many()
    drawn = np.random.default_rng(SEED).integers(60, size=(RESAMPLES, 60))
    truth, scores = found.reference == 1, found.probabilities[:, 1]
    areas = [plain_auc(truth[cases], scores[cases]) for cases in drawn[:200]]
    low, high = np.percentile(areas, [2.5, 97.5])
    assert found.aucs[1].mean == pytest.approx(plain_auc(truth, scores))
    assert found.aucs[1].low == pytest.approx(low, abs=0.02)
    assert found.aucs[1].high == pytest.approx(high, abs=0.02)
    for interval in (found.accuracy, found.balanced_accuracy, found.macro_auc, *found.aucs):
        assert interval.low < interval.mean < interval.high
        assert interval.n == 60
    assert found.balanced_accuracy.mean == pytest.approx(
        metrics.balanced_accuracy(found.reference, found.probabilities)
    )


def test_the_bootstrap_of_a_mean_is_the_interval_of_the_mean():
    values = np.random.default_rng(1).normal(size=30)
    found = bootstrap_interval(lambda cases: float(values[cases].mean()), 30)
    expected = mean_interval(values.tolist())
    assert (found.mean, found.low, found.high, found.n) == pytest.approx(
        (expected.mean, expected.low, expected.high, 30)
    )


def test_resamples_without_the_category_are_left_out():
    found = Classification(
        ("a", "b", "c", "d"),
        NAMES,
        np.array([0, 1, 1, 1]),
        np.array([[0.6, 0.4, 0], [0.1, 0.9, 0], [0.2, 0.8, 0], [0.7, 0.3, 0]]),
    )
    assert found.aucs[0].mean == pytest.approx(2 / 3)
    assert (found.aucs[0].low, found.aucs[0].high) == (0, 1)


def test_a_category_without_a_case_has_no_auc_and_is_named():
    found = Classification(
        ("a", "b"), NAMES, np.array([0, 1]), np.array([[0.5, 0.2, 0.3], [0.1, 0.8, 0.1]])
    )
    assert found.without_auc == ("NCP",)
    assert math.isnan(found.aucs[2].mean)
    assert (found.macro_auc.mean, found.balanced_accuracy.mean) == (1, 1)


def test_one_case_alone_has_an_accuracy_and_nothing_else():
    found = Classification(("a",), NAMES, np.array([2]), np.array([[0.5, 0.2, 0.3]]))
    assert (found.accuracy.mean, found.balanced_accuracy.mean) == (0, 0)
    assert math.isnan(found.accuracy.low)
    assert math.isnan(found.macro_auc.mean)
    assert found.without_auc == NAMES
    assert found.confusion.tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0]]


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_files_say_what_the_classification_is(tmp_path):
    found = Classification(
        ("a", "b", "c"),
        NAMES,
        np.array([0, 1, 0]),
        np.array([[0.5, 0.2, 0.3], [0.1, 0.8, 0.1], [0.2, 0.8, 0.0]]),
    )
    write_classification(tmp_path / "out", found, {"model": "m"})
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(FILES)
    cases = rows(tmp_path / "out/cases.csv")
    assert [(c["case"], c["reference"], c["predicted"]) for c in cases] == [
        ("a", "normal", "normal"),
        ("b", "CP", "CP"),
        ("c", "normal", "CP"),
    ]
    assert [float(c["probability of CP"]) for c in cases] == [0.2, 0.8, 0.8]
    summary = {row["figure"]: row for row in rows(tmp_path / "out/summary.csv")}
    assert float(summary["accuracy"]["value"]) == pytest.approx(2 / 3, abs=1e-5)
    assert float(summary["balanced accuracy"]["value"]) == 0.75
    assert float(summary["AUC of CP"]["value"]) == 0.75
    assert summary["AUC of NCP"]["value"] == ""
    confusion = rows(tmp_path / "out/confusion.csv")
    assert confusion[0] == {"reference": "normal", "normal": "1", "CP": "1", "NCP": "0"}
    content = json.loads((tmp_path / "out/evaluation.json").read_text(encoding="utf-8"))
    assert content["model"] == "m"
    assert content["without_auc"] == ["NCP"]
    assert content["confusion"] == found.confusion.tolist()
    assert content["summary"][-1]["value"] is None
    assert (tmp_path / "out/confusion.png").read_bytes().startswith(b"\x89PNG")


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(VoCoError, match="cannot be made"):
        write_classification(tmp_path / "out", many(3), {})
