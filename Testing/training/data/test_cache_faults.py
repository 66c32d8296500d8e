"""What goes wrong while a cache is built, for real."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.training.data.caching import SETTINGS, write_ct, write_cts
from Testing.training.outputs.disk import full_disk
from voco3d.data import find_sources
from voco3d.data.cache import build_cache, open_cache
from voco3d.data.cache.workers import workers
from voco3d.errors import VoCoError


@pytest.fixture
def data(tmp_path):
    return write_cts(tmp_path / "data", 3)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def build(data: Path, folder: Path, **options: object):
    return build_cache(find_sources(data), folder, SETTINGS, **{"count": 1, **options})


def volumes(folder: Path) -> list[str]:
    return [volume.name for volume in open_cache(folder).volumes]


def test_broken_sources_are_skipped_and_reported(data, folder):
    whole = (data / "00.mha").read_bytes()
    (data / "truncated.mha").write_bytes(whole[: len(whole) // 2])
    (data / "empty.nii.gz").touch()
    (data / "noise.nrrd").write_bytes(os.urandom(1200))
    image = sitk.Cast(sitk.ReadImage(str(data / "00.mha")), sitk.sitkFloat32)
    image[5, 5, 5] = float("nan")
    sitk.WriteImage(image, str(data / "nan.mha"))
    sitk.WriteImage(sitk.Image((8, 8, 8), sitk.sitkInt16) - 1000, str(data / "constant.mha"))
    air = sitk.GetImageFromArray(np.random.default_rng(0).normal(-1000, 20, (8, 8, 8)))
    sitk.WriteImage(air, str(data / "air.mha"))
    sitk.WriteImage(image[:, :, 3], str(data / "flat.mha"))
    report = build(data, folder)
    assert report.cached == ["00", "01", "02"] == volumes(folder)
    expected = {
        "truncated": "truncated",
        "empty": "empty, damaged",
        "noise": "empty, damaged",
        "nan": "NaN",
        "constant": "same value",
        "air": "nothing but air",
        "flat": "2-D",
    }
    assert report.skipped.keys() == expected.keys()
    for name, reason in expected.items():
        assert reason in report.skipped[name]
    assert sorted(build(data, folder).skipped) == sorted(expected)


def test_a_listed_image_that_is_not_there_is_skipped(data, folder):
    entries = [{"image": f"{name}.mha"} for name in ("00", "01", "nothing")]
    (data / "dataset.json").write_text(json.dumps({"training": entries}))
    report = build(data, folder)
    assert list(report.skipped) == ["nothing"]
    assert volumes(folder) == ["00", "01"]


def test_a_source_that_broke_leaves_the_cache(data, folder):
    build(data, folder)
    (data / "01.mha").write_bytes(b"")
    report = build(data, folder)
    assert list(report.skipped) == ["01"]
    assert volumes(folder) == ["00", "02"]


def start(data: Path, folder: Path) -> "subprocess.Popen[str]":
    command = ["-m", "voco3d.cli", "cache", "build", data, folder, "--workers", "2"]
    options = ["--size", "12", "14", "10", "--progress", "json"]
    return subprocess.Popen(
        [sys.executable, *map(str, command), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def children(pid: int) -> list[int]:
    return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_killed_build_goes_on(tmp_path, folder, number, code):
    data = write_cts(tmp_path / "data", 120)
    process = start(data, folder)
    done = 0
    while done < 5:
        line = process.stderr.readline()
        assert line, "the build ended too early"
        done = json.loads(line)["done"]
    workers = children(process.pid)
    assert workers
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == code
    assert not (folder / "index.json").read_text().count("sha256")
    survived = volumes(folder)
    assert 5 <= len(survived) < 120
    for index in range(len(survived)):
        assert open_cache(folder).read(index).shape == (1, 12, 14, 10)
    deadline = time.monotonic() + 10
    while any(map(is_running, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_running, workers))
    report = build(data, folder)
    assert report.reused == survived
    assert len(report.cached) == 120 - len(survived)
    cache = open_cache(folder)
    assert len(cache.volumes) == 120
    assert {file.name for file in folder.iterdir()} == {"index.json", "volumes"}
    stored = {f"volumes/{file.name}" for file in (folder / "volumes").iterdir()}
    assert stored == {volume.file for volume in cache.volumes}


def test_a_line_that_was_cut_off_in_the_journal_is_dropped(data, folder):
    build(data, folder)
    content = json.loads((folder / "index.json").read_text())
    lines = [json.dumps(entry) for entry in content.pop("volumes")]
    (folder / "index.json").write_text(json.dumps({**content, "volumes": []}))
    (folder / "journal.jsonl").write_text("\n".join(lines)[:-20])
    assert volumes(folder) == ["00", "01"]
    report = build(data, folder)
    assert (report.reused, report.cached) == (["00", "01"], ["02"])
    assert not (folder / "journal.jsonl").exists()


@pytest.mark.parametrize("room", [600, 100])
def test_a_full_disk_stops_and_leaves_the_index(data, folder, room):
    build(data, folder)
    before = (folder / "index.json").read_bytes()
    write_ct(data / "03.mha", 3)
    with pytest.raises(VoCoError, match="free some space"), full_disk(room):
        build(data, folder)
    assert (folder / "index.json").read_bytes() == before
    assert volumes(folder) == ["00", "01", "02"]
    assert build(data, folder).cached == ["03"]


def test_a_disk_that_is_full_in_the_workers(data, folder):
    with pytest.raises(VoCoError, match=r"volumes/.*free some space"), full_disk(900):
        build(data, folder / "new", count=2)
    assert volumes(folder / "new") == []
    assert not list((folder / "new/volumes").iterdir())


def test_a_disk_that_fills_up_keeps_what_is_cached(data, folder):
    """The journal is what no longer fits, after the first volumes."""
    write_cts(data, 8)
    with pytest.raises(VoCoError, match=r"journal.*free some space"), full_disk(2600):
        build(data, folder)
    kept = volumes(folder)
    assert 2 <= len(kept) < 8
    report = build(data, folder)
    assert report.reused == kept
    assert len(volumes(folder)) == 8


def test_a_build_is_cancelled_by_its_progress(tmp_path, folder):
    data = write_cts(tmp_path / "data", 40)

    class EnoughError(Exception):
        pass

    def progress(done: int, total: int, what: str) -> None:
        if done == 3:
            raise EnoughError

    with pytest.raises(EnoughError):
        build(data, folder, progress=progress)
    assert volumes(folder) == ["00", "01", "02"]
    assert build(data, folder).reused == ["00", "01", "02"]


def test_a_worker_that_is_killed_is_said():
    with pytest.raises(VoCoError, match="fewer --workers"), workers(2) as executor:
        executor.submit(os._exit, 1).result()


def test_a_damaged_volume_is_said(data, folder):
    build(data, folder)
    file = folder / open_cache(folder).volumes[0].file
    for content in (b"", file.read_bytes()[:200], os.urandom(500)):
        file.write_bytes(content)
        with pytest.raises(VoCoError, match="missing or damaged"):
            open_cache(folder).read(0)
    file.unlink()
    with pytest.raises(VoCoError, match="missing or damaged"):
        open_cache(folder).read(0)


def test_a_damaged_index_is_said(data, folder):
    build(data, folder)
    for content in ("{", "[]", '{"format": "voco3d cache", "version": 1}'):
        (folder / "index.json").write_text(content)
        with pytest.raises(VoCoError, match="damaged.*--overwrite"):
            open_cache(folder)
