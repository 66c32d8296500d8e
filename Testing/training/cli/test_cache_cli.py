import json

import pytest
import SimpleITK as sitk

from Testing.training.data.caching import write_ct, write_cts
from voco3d.cli import main
from voco3d.data import VolumeSettings
from voco3d.data.cache import open_cache


@pytest.fixture
def data(tmp_path):
    return write_cts(tmp_path / "data", 3)


@pytest.fixture
def voco(tmp_path, capsys):
    """Runs `voco cache` and returns the exit code, what was printed, and what went wrong."""

    def run(action, *arguments):
        options = ("--workers", "1", "--progress", "none") if action == "build" else ()
        code = main(["cache", action, *map(str, arguments), *options])
        printed = capsys.readouterr()
        return code, printed.out.splitlines(), printed.err

    return run


SIZE = ("--size", "12", "14", "10")


def test_build_prints_what_it_did(voco, data, tmp_path):
    cache = tmp_path / "cache"
    (data / "broken.mha").write_bytes(b"nothing")
    code, lines, err = voco("build", data, cache, *SIZE)
    assert (code, err) == (0, "")
    assert lines[0].startswith("skipped broken: ")
    assert "empty, damaged" in lines[0]
    assert lines[1].startswith(f"{cache}: 3 cached, 0 reused, 1 skipped, 0 dropped; ")
    assert "2 training, 1 validation; 0.0 MB, " in lines[1]
    (data / "broken.mha").unlink()
    (data / "00.mha").unlink()
    code, lines, _ = voco("build", data, cache, *SIZE)
    assert lines[0] == "dropped 00: it is no longer among the data"
    assert "0 cached, 2 reused, 0 skipped, 1 dropped" in lines[1]


def test_every_option_arrives(voco, data, tmp_path):
    options = ("--spacing", "4", "3.5", "5", "--intensity", "-900", "400", "--foreground", "none")
    code, _, _ = voco("build", data, tmp_path / "c", *options, "--bits", "16", "--validation", "0")
    assert code == 0
    cache = open_cache(tmp_path / "c")
    assert cache.settings == VolumeSettings((-900, 400), None, None, (4, 3.5, 5), 16)
    assert cache.part("validation") == ()
    voco("build", data, tmp_path / "d", "--foreground", "0.5", *SIZE)
    expected = VolumeSettings(foreground=0.5, size=(12, 14, 10))
    assert open_cache(tmp_path / "d").settings == expected


def test_the_usual_size_is_that_of_the_usual_grid(voco, tmp_path):
    voco("build", write_cts(tmp_path / "one", 1), tmp_path / "c")
    assert open_cache(tmp_path / "c").settings == VolumeSettings()
    assert open_cache(tmp_path / "c").volumes[0].shape == (1, 256, 256, 64)


def test_info_says_what_it_was_made_with_and_what_changed(voco, data, tmp_path):
    voco("build", data, tmp_path / "c", *SIZE)
    code, lines, _ = voco("info", tmp_path / "c")
    assert code == 0
    assert lines == [
        "intensity    -175.0 250.0",
        "foreground   0.3",
        "size         12 14 10",
        "bits         8",
        "training     2 volumes",
        "validation   1 volumes",
        "stored       0.0 MB",
    ]
    write_ct(data / "01.mha", 50)
    (data / "02.mha").unlink()
    _, lines, _ = voco("info", tmp_path / "c")
    assert lines[-2:] == ["changed      01", "gone         02"]


def test_other_settings_need_overwrite(voco, data, tmp_path):
    voco("build", data, tmp_path / "c", *SIZE)
    code, lines, err = voco("build", data, tmp_path / "c", *SIZE, "--bits", "16")
    assert (code, lines) == (2, [])
    assert err.startswith("voco: ")
    assert "--overwrite" in err
    assert voco("build", data, tmp_path / "c", *SIZE, "--bits", "16", "--overwrite")[0] == 0


def test_nothing_that_can_be_cached(voco, tmp_path):
    (tmp_path / "data").mkdir()
    sitk.WriteImage(sitk.Image((5, 5, 5), sitk.sitkInt16), str(tmp_path / "data/a.mha"))
    code, lines, err = voco("build", tmp_path / "data", tmp_path / "c")
    assert code == 2
    assert lines[0].startswith("skipped a: ")
    assert "No volume" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data", "c", "--workers", "0"], "--workers must be 1 or more"),
        (["data", "c", "--validation", "1.5"], "held out"),
        (["data", "c", "--size", "0", "5", "5"], "size"),
        (["data", "c", "--intensity", "5", "-5"], "window"),
        (["missing", "c"], "does not exist"),
        (["empty", "c"], "holds no image"),
        (["data", "data"], "holds other things"),
        (["data", "data/00.mha"], "cannot be made"),
    ],
)
def test_mistakes_are_one_sentence(data, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert main(["cache", "build", *arguments, "--progress", "none"]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--foreground", "much"],
        ["--bits", "12"],
        ["--size", "64", "64"],
        [*SIZE, "--spacing", "1", "1", "1"],
    ],
)
def test_arguments_that_cannot_be_read(data, tmp_path, arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["cache", "build", str(data), str(tmp_path / "c"), *arguments])
    assert stopped.value.code == 2
    assert not (tmp_path / "c").exists()


def test_progress_counts_every_volume(data, tmp_path, capsys):
    command = ["cache", "build", str(data), str(tmp_path / "c"), *SIZE]
    assert main([*command, "--workers", "1", "--progress", "json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert lines == [{"done": n, "total": 3, "what": "caching"} for n in range(4)]


def test_info_of_what_is_no_cache(voco, tmp_path):
    code, _, err = voco("info", tmp_path)
    assert code == 2
    assert "voco cache build" in err
