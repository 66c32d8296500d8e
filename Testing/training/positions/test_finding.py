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
from Testing.training.positions.voxel_encoder import voxel_positioner
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


@pytest.fixture(scope="module")
def voxel_finder(positions_model, images):
    """A finder for which crops look as different as they are."""
    return PlaceFinder(voxel_positioner(positions_model.folder), *images)


@pytest.mark.parametrize("encoder", ["network", "voxels"])
@torch.no_grad()
def test_against_loops(finder, voxel_finder, images, positions_model, encoder):
    """Every crop on its own, cosines and the weighted mean in plain Python."""
    used = finder if encoder == "network" else voxel_finder

    def embed(volume, start):
        x, y, z = start
        crop = torch.from_numpy(volume.array[:, x : x + 16, y : y + 16, z : z + 16].copy())
        if encoder == "voxels":
            return crop.ravel() - crop.mean()
        return positions_model.network(crop[None])[0]

    def alike(one, start):
        return F.cosine_similarity(one, embed(used.target, start), dim=0).item()

    place = middle_of(images[0]) + np.array([4.0, -3.0, 6.0])
    voxels = used.source.frame.to_voxels(place)
    start = [min(max(round(v - 8), 0), n - 16) for v, n in zip(voxels, (32, 32, 48), strict=True)]
    wanted = embed(used.source, start)
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
    expected = used.target.frame.to_ras(np.clip(reached, 0, (32, 32, 48)))
    (found,) = used.find([place])
    assert found.asked == pytest.approx(place)
    assert found.place == pytest.approx(expected, abs=0.05)
    assert found.similarity == pytest.approx(max(values), abs=1e-4)
    share = voxels / (32, 32, 48)
    corner = used.target.frame.to_ras([0, 0, 0])
    far = used.target.frame.to_ras([32, 32, 48])
    axes = used.target.frame.axes
    relative = corner + axes @ (share * (axes.T @ (far - corner)))
    assert found.relative == pytest.approx(relative)
    assert json.loads(json.dumps(found.to_plain()))["place"] == pytest.approx(found.place)


def test_in_the_same_volume_with_other_axes_a_place_is_itself(positions_model, images, monkeypatch):
    """On places of the coarse sweep, with all weight on the best crop."""
    monkeypatch.setattr("voco3d.positions.finding.SOFTNESS", 0.01)
    image = images[0]
    positioner = voxel_positioner(positions_model.folder)
    finder = PlaceFinder(positioner, image, sitk.DICOMOrient(image, "SAL"))
    starts = np.array([[0, 8, 16], [16, 8, 24], [16, 16, 0]])
    places = finder.source.frame.to_ras(starts + 8)
    for place, found in zip(places, finder.find(places), strict=True):
        assert found.place == pytest.approx(place, abs=0.1)
        assert found.relative == pytest.approx(place, abs=1e-6)
        assert found.similarity > 0.99


def test_places_that_were_found_before_change_nothing(positions_model, images):
    """Crops of the target are embedded once: in any order each place is found as alone."""
    positioner = voxel_positioner(positions_model.folder)
    places = [middle_of(images[0]) + np.array(shift) for shift in ((0, 0, 0), (9, 4, 0), (0, 0, 9))]
    alone = [PlaceFinder(positioner, *images).find([place])[0] for place in places]
    together = PlaceFinder(positioner, *images)
    assert together.find(places[::-1])[::-1] == tuple(alone)
    assert together.find(places) == tuple(alone)


def test_a_place_beside_the_body_stays_in_the_targets_box(positions_model, images):
    source = sitk.ConstantPad(images[0], (9, 9, 9), (9, 9, 9), -1000)
    finder = PlaceFinder(voxel_positioner(positions_model.folder), source, images[1])
    for corner in ((0, 0, 0), (37, 39, 47)):
        place = place_of(source, corner)
        assert (np.abs(finder.source.frame.to_voxels(place) - np.array([16, 16, 24])) > 17).any()
        (found,) = finder.find([place])
        voxels = finder.target.frame.to_voxels(found.place)
        assert (voxels >= -1e-6).all()
        assert (voxels <= np.array(finder.grid.size) + 1e-6).all()


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
