"""Crops of an open image: where they are cut, and what is said of them."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
import torch.nn.functional as F

from Testing.training.models.position_model import POSITIONS, position_model
from Testing.training.positions.pictures import middle_of, noise, place_of
from voco3d.data import VolumeSettings, to_volume
from voco3d.errors import VoCoError
from voco3d.geometry import BaseGrid
from voco3d.positions import Positioner
from voco3d.positions.frame import Frame

GRID = POSITIONS.grid


def cut(volume, start):
    x, y, z = start
    return torch.from_numpy(volume.array[:, x : x + 16, y : y + 16, z : z + 16].copy())


@torch.no_grad()
def plain_prediction(network, volume, start, bases=None):
    """The cosine of a crop with each base, one at a time; 0 where it is negative."""
    crop = network(cut(volume, start)[None])[0]
    if bases is None:
        bases = [network(cut(volume, base)[None])[0] for base in volume.grid.starts()]
    return [max(0.0, F.cosine_similarity(crop, base, dim=0).item()) for base in bases]


def counted_shares(start):
    """Overlaps by counting voxels."""
    owner = np.full(GRID.size, -1)
    for number, (x, y, z) in enumerate(GRID.starts()):
        owner[x : x + 16, y : y + 16, z : z + 16] = number
    x, y, z = start
    inside = owner[x : x + 16, y : y + 16, z : z + 16]
    return [(inside == number).mean() for number in range(GRID.n)]


def test_overlaps_and_predictions_against_loops(opened, positions_model):
    random = np.random.default_rng(3)
    for start in random.integers((17, 17, 1), size=(6, 3)):
        (found,) = opened.locate(opened.centres_of(start[None]))
        assert found.overlaps == pytest.approx(counted_shares(start))
        expected = plain_prediction(positions_model.network, opened, start)
        assert found.predicted == pytest.approx(expected, abs=1e-5)
        assert found.centre == pytest.approx(opened.frame.to_ras(start + 8))


def test_the_volume_is_the_one_that_the_model_was_trained_on(opened):
    image = noise(oblique=True)
    volume = to_volume([image], POSITIONS.volume)
    np.testing.assert_array_equal(opened.array, volume.array.astype(np.float32) / 255)
    frame = Frame.of(volume.grid)
    np.testing.assert_allclose(opened.frame.corner, frame.corner)
    np.testing.assert_allclose(opened.frame.axes, frame.axes)


@pytest.mark.parametrize("oblique", [False, True])
def test_a_bright_voxel_is_found_in_the_middle_of_a_crop_there(positioner, oblique):
    image = noise((32, 32, 32), (2.0, 2.0, 2.0), oblique=oblique, low=0, high=20)
    index = (13, 17, 12)
    image[index] = 2000
    volume = positioner.open(image)
    brightest = np.unravel_index(volume.array[0].argmax(), volume.array[0].shape)
    np.testing.assert_allclose(volume.frame.to_voxels(place_of(image, index)) // 1, brightest)
    start = volume.starts_at(place_of(image, index)[None])[0]
    offset = np.array(brightest) - start
    free = (start > 0) & (start < np.subtract(GRID.size, GRID.crop))
    assert free[:2].all()
    assert (abs(offset - 7.5)[free] <= 1.5).all()


def test_the_same_patient_with_other_axes_gives_the_same(positioner):
    image = noise(oblique=True)
    centre = middle_of(image) + np.array([3, -2, 1])
    (expected,) = positioner.open(image).locate([centre])
    for axes in ("RAS", "LPI", "SAR"):
        (found,) = positioner.open(sitk.DICOMOrient(image, axes)).locate([centre])
        assert found.centre == pytest.approx(expected.centre)
        assert found.overlaps == pytest.approx(expected.overlaps)
        assert found.predicted == pytest.approx(expected.predicted, abs=0.02)


def test_a_crop_over_the_border_is_moved_inside(opened):
    corners = opened.frame.to_ras([[0, 0, 0], [32, 32, 16], [0, 32, 8]])
    found = opened.locate(corners)
    centres = opened.frame.to_ras([[8, 8, 8], [24, 24, 8], [8, 24, 8]])
    for crop, corner, centre in zip(found, corners, centres, strict=True):
        assert crop.asked == pytest.approx(corner)
        assert crop.centre == pytest.approx(centre)
        assert max(crop.overlaps) == 1
    assert [crop.overlaps.index(1) for crop in found] == [0, 3, 1]


@pytest.mark.parametrize("wrong", [[9999, 0, 0], [0, np.nan, 0], [1, 2], "here", [[1, 2], [3, 4]]])
def test_no_place_or_one_outside_the_image_is_refused(opened, wrong):
    with pytest.raises(VoCoError, match=r"outside the image|three finite numbers"):
        opened.locate(wrong)


def test_the_images_outermost_corner_is_inside_and_a_voxel_beyond_is_not(opened):
    image = noise(oblique=True)
    opened.locate([place_of(image, (-0.5, -0.5, -0.5))])
    with pytest.raises(VoCoError, match="outside"):
        opened.locate([place_of(image, (-1.5, 5, 5))])


def test_many_crops_are_as_each_alone_and_come_in_batches(opened, positioner, monkeypatch):
    centres = opened.centres_of(np.random.default_rng(0).integers((17, 17, 1), size=(20, 3)))
    each = [opened.locate([centre])[0] for centre in centres]
    sizes, embed = [], positioner.encoder._embed.forward
    monkeypatch.setattr(
        positioner.encoder._embed, "forward", lambda c: (sizes.append(len(c)), embed(c))[1]
    )
    told = []
    together = opened.locate(centres, lambda *state: told.append(state))
    assert sizes == [16, 4]
    assert told == [(16, 20, "embedding crops"), (20, 20, "embedding crops")]
    for one, other in zip(each, together, strict=True):
        assert one.predicted == pytest.approx(other.predicted, abs=1e-5)


def test_bases_are_embedded_once(positioner, monkeypatch):
    sizes, embed = [], positioner.encoder._embed.forward
    monkeypatch.setattr(
        positioner.encoder._embed, "forward", lambda c: (sizes.append(len(c)), embed(c))[1]
    )
    volume = positioner.open(noise())
    volume.locate_random(2)
    volume.locate_random(3)
    assert sizes == [4, 2, 3]


@torch.no_grad()
def test_what_is_said_of_the_bases(opened, positions_model):
    bases = opened.bases
    embedded = [positions_model.network(cut(opened, s)[None])[0] for s in GRID.starts()]
    pairs = []
    for i, one in enumerate(embedded):
        for j, other in enumerate(embedded):
            cosine = F.cosine_similarity(one, other, dim=0).item()
            assert bases.similarity[i][j] == pytest.approx(cosine, abs=1e-5)
            pairs += [abs(cosine)] if i != j else []
    assert bases.regularisation == pytest.approx(sum(pairs) / len(pairs), abs=1e-5)
    assert (bases.source, bases.counts, bases.voxels) == ("own", GRID.counts, GRID.crop)
    assert bases.size == pytest.approx(16 * opened.frame.spacing)
    for k, (x, y, z) in enumerate(GRID.starts()):
        assert bases.centres[k] == pytest.approx(opened.frame.to_ras([x + 8, y + 8, z + 8]))
    corner = np.array(bases.centres[0]) + 0.5 * np.array(bases.size) @ np.array(bases.axes)
    np.testing.assert_allclose(corner, opened.frame.to_ras([16, 16, 16]))


def test_reference_bases_are_the_models(positioner, positions_model):
    volume = positioner.open(noise(), reference=True)
    start = np.array([5, 9, 0])
    (found,) = volume.locate(volume.centres_of(start[None]))
    expected = plain_prediction(positions_model.network, volume, start, positions_model.bases)
    assert found.predicted == pytest.approx(expected, abs=1e-5)
    assert volume.bases.source == "reference"
    one, other = positions_model.bases[:2]
    cosine = F.cosine_similarity(one, other, dim=0).item()
    assert volume.bases.similarity[0][1] == pytest.approx(cosine, abs=1e-5)


def test_random_crops_are_the_same_for_the_same_seed(opened):
    assert opened.locate_random(3, seed=4) == opened.locate_random(3, seed=4)
    assert opened.locate_random(3, seed=4) != opened.locate_random(3, seed=5)
    with pytest.raises(VoCoError, match="1 random crop or more"):
        opened.locate_random(0)


def test_a_callback_can_stop_the_work(opened):
    def stop(done, total, what):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        opened.locate_random(20, progress=stop)


def with_spacing(folder, spacing, counts=(2, 2, 1)):
    settings = VolumeSettings(size=None, spacing=spacing)
    positions = replace(POSITIONS, volume=settings, grid=BaseGrid(counts, (16, 16, 16)))
    position_model(folder, positions=positions)
    return Positioner(folder, "cpu")


def test_a_volume_smaller_than_the_grid_is_padded_on_both_sides(tmp_path):
    image = noise((10, 20, 16), (2.0, 2.0, 2.0), oblique=True)
    volume = with_spacing(tmp_path / "m", (2.0, 2.0, 2.0)).open(image)
    assert volume.array.shape == (1, 32, 32, 16)
    assert volume.notes == ()
    inside = np.argwhere(volume.array[0] > 0)
    shape = np.array(sitk.DICOMOrient(image, "RAS").GetSize())
    before = (np.array(GRID.size) - shape) // 2
    np.testing.assert_array_equal(inside.min(0) - before, 0)
    np.testing.assert_array_equal(inside.max(0) - before, shape - 1)
    np.testing.assert_allclose(volume.frame.to_ras(before + shape / 2), middle_of(image), atol=1e-6)


def test_of_a_larger_volume_the_middle_is_covered_and_that_is_said(tmp_path):
    image = noise((40, 32, 16), (2.0, 2.0, 2.0))
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    volume = with_spacing(tmp_path / "m", (2.0, 2.0, 2.0)).open(image)
    assert volume.array.shape == (1, 32, 32, 16)
    assert "middle 80%" in volume.notes[0]
    np.testing.assert_allclose(volume.frame.to_ras([16, 16, 8]), middle_of(image), atol=1e-6)
    raw = np.clip((sitk.GetArrayFromImage(image).transpose(2, 1, 0)[4:36] + 175) / 425, 0, 1)
    np.testing.assert_allclose(volume.array[0], raw, atol=1 / 255)


def test_another_grid_keeps_the_crops_and_spreads_the_body_over_it(positioner):
    volume = positioner.open(noise(), counts=(3, 1, 2))
    assert volume.grid == BaseGrid((3, 1, 2), (16, 16, 16))
    assert volume.array.shape == (1, 48, 16, 32)
    assert "trained with 2 x 2 x 1 bases, not 3 x 1 x 2" in volume.notes[0]
    (found,) = volume.locate([middle_of(noise())])
    assert len(found.overlaps) == 6
    assert sum(found.overlaps) == pytest.approx(1)
