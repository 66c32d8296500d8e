"""Each figure about a crop, against a slow plain version."""

import json
import math
import random

import numpy as np
import pytest

from voco3d.geometry import BaseGrid, overlap_shares
from voco3d.positions.measures import measure, predicted_place
from voco3d.positions.summary import summarise

GRID = BaseGrid((3, 2, 2), (4, 5, 6))
CENTRES = GRID.starts() + np.array(GRID.crop) / 2


def made(seed):
    rng = random.Random(seed)
    y = [rng.random() for _ in range(GRID.n)]
    y = [value / sum(y) for value in y]
    predicted = [rng.choice((0.0, rng.random())) for _ in range(GRID.n)]
    return y, predicted, (rng.uniform(0, 12), rng.uniform(0, 10), rng.uniform(0, 12))


@pytest.mark.parametrize("seed", range(5))
def test_against_loops(seed):
    y, predicted, centre = made(seed)
    found = measure((1.0, 2.0, 3.0), centre, y, predicted, CENTRES)
    loss, place = 0.0, [0.0, 0.0, 0.0]
    for base in range(GRID.n):
        difference = abs(y[base] - predicted[base])
        assert found.differences[base] == pytest.approx(difference)
        loss += -math.log(1 - difference) / GRID.n
        for axis in range(3):
            place[axis] += predicted[base] * CENTRES[base][axis] / sum(predicted)
    assert found.asked == (1.0, 2.0, 3.0)
    assert found.overlaps == pytest.approx(y)
    assert found.predicted == pytest.approx(predicted)
    assert found.loss == pytest.approx(loss)
    assert found.place == pytest.approx(place)
    assert found.distance == pytest.approx(math.dist(place, centre))
    assert found.chosen == 1 + max(range(GRID.n), key=predicted.__getitem__)
    assert found.right == (y[found.chosen - 1] == max(y))


def test_of_two_bases_overlapped_alike_either_is_right():
    y = [0.5, 0.5] + [0.0] * 10
    for chosen, right in ((0, True), (1, True), (2, False)):
        predicted = np.eye(GRID.n)[chosen] * 0.9
        assert measure((0, 0, 0), (0, 0, 0), y, predicted, CENTRES).right is right


def test_the_loss_is_finite_where_all_is_wrong():
    found = measure((0, 0, 0), (0, 0, 0), np.eye(12)[0], np.eye(12)[1], CENTRES)
    assert found.loss == pytest.approx(-2 * math.log(1e-6) / 12, rel=1e-3)


def test_true_overlaps_lead_to_the_crop_itself():
    places = np.subtract(GRID.size, GRID.crop) + 1
    for start in np.random.default_rng(1).integers(places, size=(20, 3)):
        y = overlap_shares(GRID.boxes_at(start[None]), GRID.boxes())[0]
        np.testing.assert_allclose(predicted_place(y, CENTRES), start + np.array(GRID.crop) / 2)


def test_without_any_overlap_there_is_no_place():
    found = measure((0, 0, 0), (0, 0, 0), np.eye(12)[0], np.zeros(12), CENTRES)
    assert found.place is None
    assert found.distance is None
    assert json.loads(json.dumps(found.to_plain()))["place"] is None
    assert math.isnan(summarise([found])["median_distance_mm"])


def test_the_summary_is_the_mean_over_crops():
    found = [measure((0, 0, 0), centre, y, p, CENTRES) for y, p, centre in map(made, range(5))]
    summary = summarise(found)
    assert summary["crops"] == 5
    assert summary["chance"] == pytest.approx(1 / 12)
    assert summary["top1"] == pytest.approx(sum(c.right for c in found) / 5)
    assert summary["loss"] == pytest.approx(sum(c.loss for c in found) / 5)
    every = [d for crop in found for d in crop.differences]
    assert summary["overlap_error"] == pytest.approx(sum(every) / len(every))
    assert summary["median_distance_mm"] == pytest.approx(sorted(c.distance for c in found)[2])
