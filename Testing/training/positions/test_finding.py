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


def corners_of(centre, axes):
    """The corners of a box from its centre and its sides ``(3, 3)``, one a row, RAS mm."""
    return np.array([centre + np.array(signs) @ axes / 2 for signs in product((-1, 1), repeat=3)])


def test_a_box_moves_as_its_centre_and_its_parts_do(positions_model, images):
    """Against the parts found one by one; the box is turned, and some parts lie outside."""
    finder = PlaceFinder(voxel_positioner(positions_model.folder), *images)
    centre = place_of(images[0], (1, 10, 15))
    x, y, z = np.array([[30.0, 9.0, 0], [-6.0, 20.0, 0], [0, 0, 16.0]])
    moves, alike = [], []
    for signs in [(0, 0, 0), *product((-1, 1), repeat=3)]:
        part = centre + sum(sign * side / 4 for sign, side in zip(signs, (x, y, z), strict=True))
        try:
            (found,) = finder.find([part])
        except VoCoError:
            continue
        moves.append(np.subtract(found.place, part))
        alike.append(found.similarity)
    assert 1 < len(moves) < 9
    corners = corners_of(centre, np.array([x, y, z]))
    (found,) = finder.find_boxes([corners])
    assert found.asked == pytest.approx(centre)
    assert found.place == pytest.approx(centre + np.median(moves, axis=0), abs=1e-4)
    assert found.similarity == pytest.approx(np.mean(alike), abs=1e-5)
    assert found.relative == finder.find([centre])[0].relative
    assert np.allclose(found.box, corners + np.subtract(found.place, found.asked))
    assert json.loads(json.dumps(found.to_plain()))["box"] == pytest.approx(np.array(found.box))


def test_in_the_same_volume_with_other_axes_a_box_is_itself(positions_model, images, monkeypatch):
    monkeypatch.setattr("voco3d.positions.finding.SOFTNESS", 0.01)
    positioner = voxel_positioner(positions_model.folder)
    finder = PlaceFinder(positioner, images[0], sitk.DICOMOrient(images[0], "SAL"))
    frame = finder.source.frame
    corners = frame.to_ras(list(product((0, 32), (0, 32), (8, 40))))
    (found,) = finder.find_boxes([corners])
    assert np.allclose(found.box, corners, atol=0.1)


def test_a_box_that_is_none_is_refused(finder, images):
    corners = corners_of(middle_of(images[0]), np.eye(3))
    for wrong in ([corners[:7]], corners, [[*corners[:7], (0, 0, np.inf)]], [["a"]]):
        with pytest.raises(VoCoError, match="eight corners"):
            finder.find_boxes(wrong)
    with pytest.raises(VoCoError, match="outside the image"):
        finder.find_boxes([corners, corners + 999])
    assert finder.find_boxes(np.empty((0, 8, 3))) == ()


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
    told.clear()
    box = corners_of(middle_of(images[0]), 9 * np.eye(3))
    finder.find_boxes([box] * 2, lambda *state: told.append(state))
    assert told == [(1, 2, "finding boxes"), (2, 2, "finding boxes")]

    def stop(done, total, what):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        PlaceFinder(positioner, *images, stop)
