"""The same place in another volume."""

import json
import math
from itertools import product

import numpy as np
import pytest
import SimpleITK as sitk
import torch
import torch.nn.functional as F

from Testing.training.positions.pictures import middle_of, noise, place_of
from voco3d.errors import VoCoError
from voco3d.positions import PlaceFinder


@pytest.fixture(scope="module")
def images():
    """A volume, and another body of the same size, oblique and flipped."""
    return noise((20, 22, 30)), noise((24, 18, 20), (2.0, 3.0, 2.0), oblique=True, seed=5)


@pytest.fixture(scope="module")
def finder(positioner, images):
    return PlaceFinder(positioner, *images)


def test_an_axis_with_one_base_is_searched_too(finder):
    assert finder.grid.counts == (2, 2, 3)
    assert finder.target.array.shape == (1, 32, 32, 48)


@torch.no_grad()
def test_against_loops(finder, images, positions_model):
    """Every crop on its own, cosines and the weighted mean in plain Python."""

    def embed(volume, start):
        x, y, z = start
        crop = volume.array[:, x : x + 16, y : y + 16, z : z + 16]
        return positions_model.network(torch.from_numpy(crop.copy())[None])[0]

    def alike(one, start):
        return F.cosine_similarity(one, embed(finder.target, start), dim=0).item()

    place = middle_of(images[0]) + np.array([4.0, -3.0, 6.0])
    voxels = finder.source.frame.to_voxels(place)
    start = [min(max(round(v - 8), 0), n - 16) for v, n in zip(voxels, (32, 32, 48), strict=True)]
    wanted = embed(finder.source, start)
    coarse = list(product((0, 8, 16), (0, 8, 16), (0, 8, 16, 24, 32)))
    first = max(coarse, key=lambda s: alike(wanted, s))
    fine = [
        crop
        for offset in product((-8, -4, 0, 4, 8), repeat=3)
        for crop in [[a + b for a, b in zip(first, offset, strict=True)]]
        if all(0 <= c <= n - 16 for c, n in zip(crop, (32, 32, 48), strict=True))
    ]
    values = [alike(wanted, crop) for crop in fine]
    weights = [math.exp((value - max(values)) / 0.1) for value in values]
    mean = [
        sum(w * crop[axis] for w, crop in zip(weights, fine, strict=True)) / sum(weights)
        for axis in range(3)
    ]
    reached = [m + v - s for m, v, s in zip(mean, voxels, start, strict=True)]
    expected = finder.target.frame.to_ras(np.clip(reached, 0, (32, 32, 48)))
    (found,) = finder.find([place])
    assert found.asked == pytest.approx(place)
    assert found.place == pytest.approx(expected, abs=0.05)
    assert found.similarity == pytest.approx(max(values), abs=1e-4)
    share = voxels / (32, 32, 48)
    corner = finder.target.frame.to_ras([0, 0, 0])
    far = finder.target.frame.to_ras([32, 32, 48])
    axes = finder.target.frame.axes
    relative = corner + axes @ (share * (axes.T @ (far - corner)))
    assert found.relative == pytest.approx(relative)
    assert json.loads(json.dumps(found.to_plain()))["place"] == pytest.approx(found.place)


def voxels_themselves(array, starts, crop, *rest):
    """An embedding that no two places share: the crop's own voxels."""
    crops = [array[0, x : x + 16, y : y + 16, z : z + 16].ravel() for x, y, z in starts]
    return torch.from_numpy(np.stack([crop - crop.mean() for crop in crops]))


def test_in_the_same_volume_with_other_axes_a_place_is_itself(positioner, images, monkeypatch):
    """On places of the coarse sweep, with all weight on the best crop."""
    monkeypatch.setattr("voco3d.positions.finding.SOFTNESS", 0.01)
    monkeypatch.setattr(type(positioner.encoder), "__call__", lambda _, *a: voxels_themselves(*a))
    image = images[0]
    finder = PlaceFinder(positioner, image, sitk.DICOMOrient(image, "SAL"))
    starts = np.array([[0, 8, 16], [16, 8, 24], [16, 16, 0]])
    places = finder.source.frame.to_ras(starts + 8)
    for place, found in zip(places, finder.find(places), strict=True):
        assert found.place == pytest.approx(place, abs=0.1)
        assert found.relative == pytest.approx(place, abs=1e-6)
        assert found.similarity > 0.99


def test_a_place_at_the_border_stays_inside(finder, images):
    corner = place_of(images[0], (-0.4, 21.4, 29.4))
    (found,) = finder.find([corner])
    voxels = finder.target.frame.to_voxels(found.place)
    assert (voxels >= -1e-6).all()
    assert (voxels <= np.array(finder.grid.size) + 1e-6).all()
    with pytest.raises(VoCoError, match="outside the image"):
        finder.find([place_of(images[0], (-3, 0, 0))])


def test_progress_is_told_and_can_stop_it(positioner, images, finder):
    told = []
    finder.find([middle_of(images[0])] * 2, lambda *state: told.append(state))
    assert told == [(1, 2, "finding places"), (2, 2, "finding places")]

    def stop(done, total, what):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        PlaceFinder(positioner, *images, stop)
