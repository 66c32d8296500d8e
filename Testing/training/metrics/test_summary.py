import math

import numpy as np
import pytest

from voco3d.metrics.confidence import mean_interval
from voco3d.metrics.scores import Score, score
from voco3d.metrics.summary import OVERALL, summarise

EMPTY, CUBE = np.zeros((4, 4, 4), bool), np.zeros((4, 4, 4), bool)
CUBE[:2, :2, :2] = True


def scored(case: str, structure: str, dice: float, distance: float, missing=False) -> Score:
    return Score(case, structure, dice, distance, dice, 0.0 if missing else 1.0, 2.0)


def test_score_of_masks_in_mm_and_ml():
    shifted = np.roll(CUBE, 1, 2)
    found = score("a", "s", shifted, CUBE, (1, 2, 5), 3.0)
    assert found is not None
    assert found.dice == 0.5
    assert found.hausdorff95 == 5
    assert found.reference_ml == pytest.approx(0.08)
    assert (found.difference_ml, found.presence) == (0, "both")


def test_score_says_where_a_structure_is_absent():
    assert score("a", "s", EMPTY, EMPTY, (1, 1, 1), 3.0) is None
    missing, surplus = (
        score("a", "s", *masks, (1, 1, 1), 3.0) for masks in ((EMPTY, CUBE), (CUBE, EMPTY))
    )
    assert missing.presence == "missing in the prediction"
    assert surplus.presence == "not in the reference"
    for found in (missing, surplus):
        assert (found.dice, found.surface_dice, found.hausdorff95) == (0, 0, math.inf)


def test_infinite_distances_are_counted_and_not_averaged():
    scores = [scored("a", "s", 0.8, 2.0), scored("b", "s", 0.0, math.inf, missing=True)]
    line, overall = summarise(scores, ["s"])
    assert (line.n, line.missing, line.surplus) == (2, 1, 0)
    assert line.dice.mean == pytest.approx(0.4)
    assert (line.hausdorff95.mean, line.hausdorff95.n) == (2.0, 1)
    assert overall.structure == OVERALL
    assert overall.missing == 1


def test_overall_each_case_counts_once():
    scores = [scored("a", "s", 1.0, 1.0), scored("a", "t", 0.5, 2.0), scored("b", "s", 0.25, 4.0)]
    overall = summarise(scores, ["s", "t"])[-1]
    assert overall.dice.mean == pytest.approx((0.75 + 0.25) / 2)
    assert overall.hausdorff95.mean == pytest.approx((1.5 + 4) / 2)
    assert overall.n == overall.dice.n == 2


def test_a_structure_of_no_case_has_no_mean():
    line = summarise([], ["s"])[0]
    assert line.n == line.dice.n == 0
    assert math.isnan(line.dice.mean)


def test_the_interval_is_near_that_of_the_normal_distribution_and_always_the_same():
    values = np.random.default_rng(1).normal(5, 2, 400).tolist()
    interval = mean_interval(values)
    half = 1.96 * np.std(values) / np.sqrt(len(values))
    assert interval.mean == pytest.approx(np.mean(values))
    assert interval.low == pytest.approx(interval.mean - half, abs=0.03)
    assert interval.high == pytest.approx(interval.mean + half, abs=0.03)
    assert mean_interval(values) == interval


def test_one_value_has_no_interval():
    interval = mean_interval([0.7])
    assert (interval.mean, interval.n) == (0.7, 1)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
