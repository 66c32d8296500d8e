from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from torch.utils.data import DataLoader

from voco3d.data import VolumeSettings, find_sources
from voco3d.data.cache import Cache, build_cache, open_cache
from voco3d.errors import VoCoError
from voco3d.geometry import BaseGrid, overlap_shares
from voco3d.pretraining.augmentation import Changes, draw_changes, turned
from voco3d.pretraining.volume_crops import Augmentation, VolumeCrops, cut
from voco3d.training.draws import Draw

GRID = BaseGrid((2, 3, 2), (8, 8, 6))
NONE = Augmentation(0, 0, 0, 0)


@pytest.fixture(scope="module")
def make_cache(tmp_path_factory) -> Callable[..., Cache]:
    """Makes a cache of volumes of noise, stored voxel by voxel: 1 mm, RAS, 0..1000 HU."""

    def make(*sizes: tuple[int, int, int], channels: int = 1, **settings: object) -> Cache:
        folder: Path = tmp_path_factory.mktemp("crops")
        random = np.random.default_rng(5)
        for number, size in enumerate(sizes):
            for channel in range(channels):
                image = sitk.GetImageFromArray(random.uniform(100, 1000, size[::-1]))
                image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
                (folder / "data/imagesTr").mkdir(parents=True, exist_ok=True)
                sitk.WriteImage(image, str(folder / f"data/imagesTr/{number}_{channel:04d}.mha"))
        (folder / "data/dataset.json").write_text('{"file_ending": ".mha"}')
        extent = {"size": None, "spacing": (1, 1, 1)}
        chosen = VolumeSettings(intensity=(0, 1000), foreground=None, **{**extent, **settings})
        build_cache(find_sources(folder / "data", 0), folder / "cache", chosen, count=1)
        return open_cache(folder / "cache")

    return make


@pytest.fixture(scope="module")
def cache(make_cache) -> Cache:
    """Two volumes of exactly the grid's size."""
    return make_cache(GRID.size, GRID.size)


def test_a_sample_has_the_shapes_promised(make_cache):
    cache = make_cache(GRID.size, channels=2)
    sample = VolumeCrops(cache, GRID, 3, Augmentation(), 0)[Draw(0, 0)]
    assert sample["bases"].shape == (12, 2, 8, 8, 6)
    assert sample["crops"].shape == (3, 2, 8, 8, 6)
    assert sample["overlaps"].shape == (3, 12)
    assert {sample[k].dtype for k in ("bases", "crops", "overlaps")} == {torch.float32}
    assert sample["volume"] == 0


@pytest.mark.parametrize("bits", [8, 16])
def test_bases_are_the_volume_in_pieces(make_cache, bits):
    cache = make_cache(GRID.size, bits=bits)
    sample = VolumeCrops(cache, GRID, 1, NONE, 0)[Draw(0, 0)]
    whole = np.zeros((1, *GRID.size), np.float32)
    for base, (x, y, z) in zip(sample["bases"], GRID.starts(), strict=True):
        whole[:, x : x + 8, y : y + 8, z : z + 6] = base
    assert whole == pytest.approx(cache.read(0) * cache.scale)
    assert 0.98 < whole.max() <= 1


def test_crops_come_from_where_their_overlaps_say(cache):
    """The place of each crop is found in the volume by its content alone."""
    sample = VolumeCrops(cache, GRID, 4, NONE, 0)[Draw(7, 1)]
    volume = cache.read(1)[0] * np.float32(cache.scale)
    windows = np.lib.stride_tricks.sliding_window_view(volume, GRID.crop)
    for crop, overlaps in zip(sample["crops"].numpy(), sample["overlaps"], strict=True):
        places = np.argwhere(np.abs(windows - crop[0]).max((3, 4, 5)) < 1e-6)
        assert len(places) == 1
        expected = overlap_shares(GRID.boxes_at(places), GRID.boxes())[0]
        assert overlaps.numpy() == pytest.approx(expected)


def test_a_draw_depends_on_its_number_alone(cache):
    dataset = VolumeCrops(cache, GRID, 2, Augmentation(0.5, 0.5, 0.1, 0.5), 3)
    draws = [Draw(number, number % 2) for number in range(6)]
    alone = [dataset[draw] for draw in reversed(draws)][::-1]
    loader = DataLoader(dataset, batch_size=2, sampler=draws, num_workers=2)
    for at, batch in enumerate(loader):
        for k in ("bases", "crops", "overlaps"):
            assert torch.equal(batch[k], torch.stack([s[k] for s in alone[2 * at : 2 * at + 2]]))
        assert batch["volume"].tolist() == [0, 1]
    assert not torch.equal(alone[0]["crops"], alone[2]["crops"])
    other = VolumeCrops(cache, GRID, 2, Augmentation(0.5, 0.5, 0.1, 0.5), 4)
    assert not torch.equal(alone[0]["crops"], other[draws[0]]["crops"])


def test_augmentation_leaves_places_and_overlaps_alone(cache):
    plain = VolumeCrops(cache, GRID, 4, NONE, 0)[Draw(2, 0)]
    changed = VolumeCrops(cache, GRID, 4, Augmentation(1, 0, 0, 0), 0)[Draw(2, 0)]
    assert torch.equal(plain["overlaps"], changed["overlaps"])
    for k in ("bases", "crops"):
        assert torch.equal(changed[k], plain[k].flip(2, 3, 4))


def test_each_crop_is_changed_alone(cache):
    augmentation = Augmentation(0.5, 0.5, 0.1, 0.5)
    plain = VolumeCrops(cache, GRID, 4, NONE, 0)[Draw(2, 0)]["bases"]
    changed = VolumeCrops(cache, GRID, 4, augmentation, 0)[Draw(2, 0)]["bases"]
    kinds = set()
    for one, other in zip(plain, changed, strict=True):
        found = [
            (flips, turns)
            for flips in np.ndindex(2, 2, 2)
            for turns in range(4)
            if np.ptp(other.numpy() - turned(one.numpy(), np.array(flips, bool), turns)) < 1e-5
        ]
        assert found
        kinds.add(found[0])
    assert len(kinds) > 4


@pytest.mark.parametrize("flips", list(np.ndindex(2, 2, 2)))
@pytest.mark.parametrize("turns", range(4))
def test_a_marked_crop_is_flipped_then_turned_from_x_to_y(flips, turns):
    crop = np.zeros((1, 5, 5, 4), np.uint8)
    crop[0, 3, 1, 2] = 9
    x, y, z = (
        n - 1 - at if flip else at for at, n, flip in zip((3, 1, 2), (5, 5, 4), flips, strict=True)
    )
    for _ in range(turns):
        x, y = 4 - y, x
    out = turned(crop, np.array(flips, bool), turns)
    assert np.argwhere(out[0]).tolist() == [[x, y, z]]
    axes = [1 + axis for axis, flip in enumerate(flips) if flip]
    assert np.array_equal(out, np.rot90(np.flip(crop, axes), turns, (1, 2)))


def test_cut_does_what_the_changes_say(cache):
    volume = cache.read(0)
    random = np.random.default_rng(1)
    starts = random.integers(np.subtract(GRID.size, GRID.crop) + 1, size=(20, 3))
    changes = draw_changes(Augmentation(0.5, 0.5, 0.2, 0.5), 20, GRID.crop, random)
    crops = cut(volume, starts, GRID.crop, changes, 1 / 255).numpy()
    for i, (x, y, z) in enumerate(starts):
        part = volume[:, x : x + 8, y : y + 8, z : z + 6] / 255
        part = np.flip(part, 1 + np.flatnonzero(changes.flips[i]))
        part = np.rot90(part, changes.turns[i], (1, 2)) + changes.shifts[i]
        assert crops[i] == pytest.approx(part, abs=1e-6)
    assert len(np.unique(changes.turns)) == 4
    assert 0 < (changes.shifts == 0).sum() < 20


def test_probabilities_are_what_they_say():
    augmentation = Augmentation(0.2, 0.3, 0.1, 0.4)
    changes = draw_changes(augmentation, 20000, (8, 8, 6), np.random.default_rng(0))
    assert changes.flips.mean(0) == pytest.approx([0.2] * 3, abs=0.02)
    turns = np.bincount(changes.turns, minlength=4) / 20000
    assert turns == pytest.approx([0.7, 0.1, 0.1, 0.1], abs=0.02)
    shifted = changes.shifts[changes.shifts != 0]
    assert len(shifted) / 20000 == pytest.approx(0.4, abs=0.02)
    assert (shifted.min(), shifted.max()) == pytest.approx((-0.1, 0.1), abs=0.005)
    assert shifted.mean() == pytest.approx(0, abs=0.005)


def test_crops_with_unequal_sides_are_not_turned():
    changes = draw_changes(Augmentation(rotate=1), 50, (8, 6, 6), np.random.default_rng(0))
    assert not changes.turns.any()


def test_a_large_volume_gives_random_windows(make_cache):
    cache = make_cache((20, 30, 14))
    dataset = VolumeCrops(cache, GRID, 1, NONE, 0)
    volume = cache.read(0)[0] * np.float32(cache.scale)
    windows = np.lib.stride_tricks.sliding_window_view(volume, GRID.crop)
    places = {windows[at].tobytes(): at for at in np.ndindex(windows.shape[:3])}
    seen = []
    for number in range(60):
        bases = dataset[Draw(number, 0)]["bases"].numpy()
        found = [places[base.tobytes()] for base in bases]
        assert np.array_equal(np.subtract(found, found[0]), GRID.starts())
        seen.append(found[0])
    assert np.min(seen, axis=0).tolist() == [0, 0, 0]
    assert np.max(seen, axis=0).tolist() == [4, 6, 2]
    assert dataset.padded == ()


def test_a_small_volume_is_padded_on_both_sides(make_cache):
    cache = make_cache((11, 40, 12))
    dataset = VolumeCrops(cache, GRID, 1, NONE, 0)
    bases = dataset[Draw(0, 0)]["bases"].numpy()
    whole = np.zeros(GRID.size, np.float32)
    for base, (x, y, z) in zip(bases, GRID.starts(), strict=True):
        whole[x : x + 8, y : y + 8, z : z + 6] = base[0]
    assert not whole[:2].any()
    assert not whole[13:].any()
    assert (whole[2:13] > 0).all()
    assert dataset.padded == ("0",)


@pytest.mark.parametrize("name", ["flip", "rotate", "shift_probability"])
def test_wrong_augmentation_is_refused(name):
    for value in (-0.1, 1.1, float("nan")):
        with pytest.raises(VoCoError, match=name):
            Augmentation(**{name: value})
    with pytest.raises(VoCoError, match="shift"):
        Augmentation(shift=-1)


def test_no_crops_are_refused(cache):
    with pytest.raises(VoCoError, match="1 random crop"):
        VolumeCrops(cache, GRID, 0, NONE, 0)


def test_no_change_is_no_change(cache):
    volume, still = cache.read(0), np.zeros(1, np.int64)
    changes = Changes(np.zeros((1, 3), bool), still, still.astype(np.float32))
    crop = cut(volume, np.zeros((1, 3), int), GRID.crop, changes, 0.5).numpy()
    assert np.array_equal(crop[0], volume[:, :8, :8, :6] * np.float32(0.5))
