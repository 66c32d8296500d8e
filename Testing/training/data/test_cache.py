import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import blosc2
import numpy as np
import pytest
import SimpleITK as sitk

from Testing.conftest import write_dicom_series
from Testing.training.data.caching import SETTINGS, write_ct, write_cts
from voco3d.data import Source, VolumeSettings, find_sources, read_image, to_volume
from voco3d.data.cache import build_cache, open_cache, source_states
from voco3d.data.cache.making import make_volume
from voco3d.data.cache.sources import sha256
from voco3d.errors import VoCoError


def build(data: Path, folder: Path, settings: VolumeSettings = SETTINGS, **options: object):
    return build_cache(find_sources(data, 0.34), folder, settings, **{"count": 1, **options})


@pytest.fixture
def data(tmp_path):
    return write_cts(tmp_path / "data", 3)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_a_cache_holds_what_was_prepared(data, folder):
    seen = []
    report = build(data, folder, count=2, progress=lambda *state: seen.append(state))
    assert report.cached == ["00", "01", "02"]
    assert seen == [(done, 3, "caching") for done in range(4)]
    cache = open_cache(folder)
    assert cache.settings == SETTINGS
    assert cache.scale == 1 / 255
    assert [volume.name for volume in cache.volumes] == ["00", "01", "02"]
    for index, volume in enumerate(cache.volumes):
        path = data / f"{volume.name}.mha"
        expected = to_volume([read_image(path)], SETTINGS)
        assert np.array_equal(cache.read(index), expected.array)
        assert cache.read(index).dtype == np.uint8
        assert volume.shape == expected.array.shape
        assert volume.spacing == expected.grid.GetSpacing()
        assert volume.origin == expected.grid.GetOrigin()
        assert volume.direction == expected.grid.GetDirection()
        assert volume.sources == (path,)
        assert volume.sha256 == (hashlib.sha256(path.read_bytes()).hexdigest(),)
        assert volume.bytes == (folder / volume.file).stat().st_size
    assert files(folder) == {"index.json", *(volume.file for volume in cache.volumes)}
    assert len(cache.part("validation")) == 1
    assert sorted(cache.part("training") + cache.part("validation")) == [0, 1, 2]


def test_a_window_is_read(data, folder):
    build(data, folder, replace(SETTINGS, size=None, spacing=(0.25, 0.3, 0.4), bits=16))
    cache = open_cache(folder)
    whole = cache.read(1)
    window = (slice(40, 100), slice(3, 70), slice(30, 71))
    assert min(whole.shape[1:]) > 70
    assert whole.dtype == np.uint16
    assert np.array_equal(cache.read(1, window), whole[(slice(None), *window)])


def test_what_is_cached_is_reused(data, folder):
    build(data, folder)
    before = {file: (folder / file).stat().st_mtime_ns for file in files(folder)}
    write_ct(data / "03.mha", 3)
    report = build(data, folder)
    assert (report.cached, report.reused) == (["03"], ["00", "01", "02"])
    for volume in open_cache(folder).volumes[:3]:
        assert (folder / volume.file).stat().st_mtime_ns == before[volume.file]


def test_a_touched_source_is_reused_by_its_hash(data, folder):
    build(data, folder)
    os.utime(data / "01.mha", (1, 1))
    assert source_states(open_cache(folder).volumes)["01"] == "unchanged"
    report = build(data, folder)
    assert (report.cached, sorted(report.reused)) == ([], ["00", "01", "02"])
    assert open_cache(folder).volumes[1].stamps[0][1] == 10**9


def test_moved_data_are_reused_by_name_and_hash(data, folder, tmp_path):
    build(data, folder)
    data.rename(tmp_path / "elsewhere")
    report = build(tmp_path / "elsewhere", folder)
    assert (report.cached, len(report.reused)) == ([], 3)
    assert open_cache(folder).volumes[0].sources == (tmp_path / "elsewhere/00.mha",)


def test_a_changed_source_is_cached_anew(data, folder):
    build(data, folder)
    old = open_cache(folder)
    stamp = (data / "01.mha").stat()
    write_ct(data / "01.mha", 77)
    os.utime(data / "01.mha", (stamp.st_atime, stamp.st_mtime + 1))
    assert source_states(old.volumes) == {"00": "unchanged", "01": "changed", "02": "unchanged"}
    report = build(data, folder)
    assert (report.cached, report.reused) == (["01"], ["00", "02"])
    new = open_cache(folder)
    assert np.array_equal(new.read(1), to_volume([read_image(data / "01.mha")], SETTINGS).array)
    assert old.volumes[1].file not in files(folder)
    assert set(source_states(new.volumes).values()) == {"unchanged"}


def test_a_source_that_is_gone_is_dropped(data, folder):
    build(data, folder)
    (data / "02.mha").unlink()
    assert source_states(open_cache(folder).volumes)["02"] == "gone"
    report = build(data, folder)
    assert report.dropped == ["02"]
    cache = open_cache(folder)
    assert [volume.name for volume in cache.volumes] == ["00", "01"]
    assert files(folder) == {"index.json", *(volume.file for volume in cache.volumes)}


def test_a_lost_volume_file_is_made_again(data, folder):
    build(data, folder)
    lost = folder / open_cache(folder).volumes[1].file
    lost.write_bytes(lost.read_bytes()[:100])
    report = build(data, folder)
    assert (report.cached, report.reused) == (["01"], ["00", "02"])
    assert open_cache(folder).read(1).shape == (1, 12, 14, 10)


def test_another_share_moves_volumes_to_the_other_part(data, folder):
    build(data, folder)
    report = build_cache(find_sources(data, 0), folder, SETTINGS, count=1)
    assert len(report.reused) == 3
    assert open_cache(folder).part("validation") == ()


def test_the_same_image_twice_is_cached_once(data, folder):
    (data / "copy.mha").write_bytes((data / "01.mha").read_bytes())
    report = build(data, folder, count=2)
    assert report.skipped == {"copy": "It is the same image as 01."}
    assert [volume.name for volume in open_cache(folder).volumes] == ["00", "01", "02"]


def test_names_that_change_places(data, folder):
    build(data, folder)
    (data / "00.mha").rename(data / "x")
    (data / "01.mha").rename(data / "00.mha")
    (data / "x").rename(data / "01.mha")
    report = build(data, folder)
    assert report.skipped == {}
    cache = open_cache(folder)
    for index in range(3):
        expected = to_volume([read_image(data / f"{index:02d}.mha")], SETTINGS)
        assert np.array_equal(cache.read(index), expected.array)


def test_channels_are_cached_together(data, folder):
    source = Source("case", (data / "00.mha", data / "01.mha"), "training")
    write_ct(data / "01.mha", 0)
    build_cache([source], folder, SETTINGS, count=1)
    cache = open_cache(folder)
    assert cache.volumes[0].shape == (2, 12, 14, 10)
    assert len(cache.volumes[0].sha256) == 2


def test_a_dicom_folder_is_hashed_file_by_file(tmp_path, phantom, folder):
    series = tmp_path / "data/patient"
    write_dicom_series(phantom.image[:, :, 10:20], series)
    content = b"".join(file.read_bytes() for file in sorted(series.iterdir()))
    assert sha256(series) == hashlib.sha256(content).hexdigest()
    build(tmp_path / "data", folder)
    (volume,) = open_cache(folder).volumes
    assert volume.name == "patient"
    assert volume.sha256 == (hashlib.sha256(content).hexdigest(),)
    next(series.iterdir()).unlink()
    assert source_states([volume]) == {"patient": "changed"}


def test_voxels_beside_a_header_count(tmp_path):
    write_ct(tmp_path / "a.mhd", 0)
    before = sha256(tmp_path / "a.mhd")
    raw = tmp_path / "a.raw"
    raw.write_bytes(raw.read_bytes()[:-1] + b"\x55")
    assert sha256(tmp_path / "a.mhd") != before


def test_the_work_of_a_source_is_the_same_in_any_process(data, folder, tmp_path):
    build(data, folder, count=2)
    (tmp_path / "other/volumes").mkdir(parents=True)
    for index, source in enumerate(find_sources(data, 0.34)):
        made = make_volume(source, SETTINGS, tmp_path / "other", None)
        assert made.volume == open_cache(folder).volumes[index]


def test_volume_files_are_plain_b2nd(data, folder):
    build(data, folder)
    array = blosc2.open(str(folder / open_cache(folder).volumes[0].file), mode="r")
    assert (array.shape, array.dtype) == ((1, 12, 14, 10), np.uint8)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_full_volume_takes_little_room(tmp_path, folder, bits):
    """Noise in every voxel hardly compresses: this is the worst that a CT can be."""
    random = np.random.default_rng(0)
    smooth = sitk.GetImageFromArray(random.normal(40, 60, (64, 256, 256)).astype(np.float32))
    (tmp_path / "data").mkdir()
    sitk.WriteImage(sitk.DiscreteGaussian(smooth, 0.5), str(tmp_path / "data/a.mha"))
    build(tmp_path / "data", folder, VolumeSettings(bits=bits))
    (volume,) = open_cache(folder).volumes
    assert volume.shape == (1, 256, 256, 64)
    assert volume.bytes <= bits * 1e6


def test_other_settings_are_refused(data, folder):
    build(data, folder)
    other = replace(SETTINGS, bits=16)
    with pytest.raises(VoCoError, match=r"bits 8 instead of 16.*another folder.*--overwrite"):
        build(data, folder, other)
    assert len(open_cache(folder).volumes) == 3
    report = build(data, folder, other, overwrite=True)
    assert len(report.cached) == 3
    assert open_cache(folder).read(0).dtype == np.uint16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 99}, "format version 99.*--overwrite"),
        ({"format": "other"}, "damaged.*--overwrite"),
    ],
)
def test_another_format_is_refused(data, folder, change, message):
    build(data, folder)
    index = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps({**index, **change}))
    for task in (lambda: open_cache(folder), lambda: build(data, folder)):
        with pytest.raises(VoCoError, match=message):
            task()
    build(data, folder, overwrite=True)
    assert len(open_cache(folder).volumes) == 3


def test_a_folder_of_other_things_is_left_alone(data):
    before = files(data)
    with pytest.raises(VoCoError, match="holds other things"):
        build(data, data)
    assert files(data) == before
    assert not (data / "volumes").exists()


def test_what_is_no_cache_is_refused(tmp_path):
    with pytest.raises(VoCoError, match="voco cache build"):
        open_cache(tmp_path)
