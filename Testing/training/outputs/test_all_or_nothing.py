"""A result is there whole or not at all, and no older one is lost."""

from pathlib import Path

import pytest

from Testing.conftest import STRUCTURES
from Testing.training.outputs.dicom_series import Series
from Testing.training.outputs.disk import full_disk, locked_folder
from Testing.training.outputs.structures import ENDINGS, by_label
from voco3d import writing
from voco3d.errors import VoCoError
from voco3d.outputs.target import Target


def source_of(ending: str, series: Series) -> tuple[str, ...]:
    return series.files if ending == ".dcm" else ()


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_leaves_nothing(out, short_series, model, ending):
    target = Target(out / f"result{ending}", source=source_of(ending, short_series))
    refusal = pytest.raises(VoCoError, match=r"result.* cannot be written \(.+\): free some space")
    with refusal, full_disk():
        target.write(short_series.noise(), by_label(*STRUCTURES), model)
    assert not list(out.iterdir())


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_leaves_the_older_result(out, short_series, model, ending):
    file = out / f"result{ending}"
    file.write_bytes(b"an older result")
    target = Target(file, overwrite=True, source=source_of(ending, short_series))
    assert file.read_bytes() == b"an older result"  # a target alone changes nothing
    with pytest.raises(VoCoError, match="cannot be written"), full_disk():
        target.write(short_series.noise(), by_label(*STRUCTURES), model)
    assert file.read_bytes() == b"an older result"
    assert list(out.iterdir()) == [file]
    target.write(short_series.noise(), by_label(*STRUCTURES), model)
    assert file.stat().st_size > 100
    assert list(out.iterdir()) == [file]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_what_was_begun_is_removed_whatever_happens(out, error):
    def write(part: Path) -> None:
        part.write_bytes(b"half")
        raise error

    with pytest.raises(error):
        writing.write_aside(out / "result.nrrd", write)
    assert not list(out.iterdir())


def test_a_folder_that_cannot_be_written_to(tmp_path):
    folder = locked_folder(tmp_path)
    with pytest.raises(VoCoError, match=rf"output folder {folder} cannot be written to: \w+"):
        Target(folder / "result.nrrd")


def test_a_name_that_is_too_long(out):
    with pytest.raises(VoCoError, match="cannot be written to: File name too long"):
        Target(out / f"{'a' * 300}.nrrd")


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(VoCoError, match=r"folder .*/none does not exist: make it first"):
        Target(tmp_path / "none/result.nrrd")
    assert not list(tmp_path.iterdir())


def test_an_output_that_is_a_folder(out):
    (out / "result.nrrd").mkdir()
    with pytest.raises(VoCoError, match="is a folder"):
        Target(out / "result.nrrd", overwrite=True)


def test_an_existing_output(out):
    (out / "result.nrrd").write_bytes(b"an older result")
    with pytest.raises(VoCoError, match=r"exists already: .*--overwrite"):
        Target(out / "result.nrrd")
    assert (out / "result.nrrd").read_bytes() == b"an older result"
    assert len(list(out.iterdir())) == 1


@pytest.mark.parametrize("name", ["result", "result.txt", "result.nii", "result.seg", ".nrrd"])
def test_an_unknown_ending(out, name):
    with pytest.raises(VoCoError, match=r"no known ending: use one of \.seg\.nrrd, \.nii\.gz"):
        Target(out / name)
    assert not list(out.iterdir())
