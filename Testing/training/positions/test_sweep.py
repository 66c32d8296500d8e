"""Crops all over a volume."""

import numpy as np
import pytest

from Testing.training.positions.pictures import noise
from voco3d.errors import VoCoError
from voco3d.positions.sweep import places_along


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("side", [16, 10, 7])
@pytest.mark.parametrize("step", [1.0, 0.5, 0.3, 0.01])
def test_places_reach_from_border_to_border_evenly(count, side, step):
    places = places_along(count, side, step)
    assert places[0] == 0
    assert places[-1] == (count - 1) * side
    distances = set(np.diff(places).tolist())
    assert len(distances) == (count > 1)
    assert all(1 <= distance <= max(1, round(side * step)) for distance in distances)


def test_each_crop_lies_at_its_place_of_the_lattice(opened):
    sweep = opened.sweep(0.5)
    assert sweep.shape == (3, 3, 1)
    image = sweep.image(sweep.errors())
    for index in np.ndindex(*sweep.shape):
        crop = sweep.crops[np.ravel_multi_index(index, sweep.shape)]
        x, y, z = image.TransformIndexToPhysicalPoint(index)
        assert (-x, -y, z) == pytest.approx(crop.centre)
        assert image[index] == pytest.approx(crop.distance)
        assert sweep.chosen()[index] == crop.chosen
        start = np.array(index) * 8
        assert crop.centre == pytest.approx(opened.frame.to_ras(start + 8))


def test_it_says_the_same_of_a_crop_as_when_asked(opened):
    sweep = opened.sweep(1.0)
    assert sweep.shape == (2, 2, 1)
    again = opened.locate([crop.centre for crop in sweep.crops])
    for one, other in zip(sweep.crops, again, strict=True):
        assert one.predicted == pytest.approx(other.predicted, abs=1e-5)
        assert one.overlaps == other.overlaps


def test_layers_lie_above_each_other(positioner):
    volume = positioner.open(noise(), counts=(2, 1, 3))
    sweep = volume.sweep(1.0)
    assert sweep.shape == (2, 1, 3)
    assert [crop.overlaps.index(1) for crop in sweep.crops] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("step", [0, -1, 1.5, float("nan")])
def test_a_step_that_is_no_share_is_refused(opened, step):
    with pytest.raises(VoCoError, match="step"):
        opened.sweep(step)
