"""``voco segment`` refuses what it cannot use in one sentence, and leaves nothing."""

import os
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from Testing.training.cli.files import folder_with_notes
from Testing.training.outputs.disk import full_disk, locked_folder, without_rights
from voco3d.networks import NetworkConfig, build_network

ENDINGS = (".seg.nrrd", ".nii.gz", ".nrrd", ".mha")


class Payload:
    """Makes a file when a pickle of it is loaded without care."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch '{self.file}'",)


def written(array: np.ndarray, file: Path, vector: bool = False) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=vector), str(file))
    return file


def truncated(ct: Path, file: Path) -> Path:
    whole = ct.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    return file


def with_bytes(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


def encoder(file: Path) -> Path:
    network = build_network(NetworkConfig("unet", 1, 3, {"filters": [8, 8, 16]}))
    tensors = network.state_dict()
    torch.save({key: tensors[key] for key in network.encoder_keys()}, file)
    return file


def damaged_model(model: Path, folder: Path) -> Path:
    shutil.copytree(model, folder)
    with (folder / "models/model.safetensors").open("r+b") as weights:
        weights.truncate(1000)
    return folder


RAMP = np.arange(8 * 9 * 10).reshape(8, 9, 10)
NOT_A_NUMBER = np.where(RAMP == 300, np.nan, RAMP).astype(np.float32)

BAD_INPUTS = {
    "missing": (lambda t, ct: t / "none.nii.gz", "does not exist"),
    "empty": (lambda t, ct: with_bytes(t / "ct.nii.gz", b""), "not an image that can be read"),
    "foreign": (lambda t, ct: with_bytes(t / "ct.txt", b"CT"), "not an image that can be read"),
    "truncated": (lambda t, ct: truncated(ct, t / "ct.nii.gz"), "truncated or damaged"),
    "2-D": (lambda t, ct: written(RAMP[0].astype(np.int16), t / "ct.nrrd"), "2-D: give a 3-D"),
    "4-D": (
        lambda t, ct: written(np.stack([RAMP, RAMP]).astype(np.int16), t / "ct.nrrd"),
        r"is 4-D \(10 x 9 x 8 x 2\)",
    ),
    "RGB": (
        lambda t, ct: written(np.stack([RAMP] * 3, -1).astype(np.uint8), t / "ct.mha", True),
        "3 components a voxel",
    ),
    "NaN": (lambda t, ct: written(NOT_A_NUMBER, t / "ct.nrrd"), "NaN or infinite"),
    "constant": (
        lambda t, ct: written(np.full((8, 9, 10), -1000, np.int16), t / "ct.nrrd"),
        "same value -1000 everywhere",
    ),
    "no DICOM": (lambda t, ct: folder_with_notes(t / "folder"), "holds no DICOM series"),
    "long name": (lambda t, ct: t / ("a" * 300), "does not exist|too long"),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
@pytest.mark.parametrize("command", ["segment", "info"])
def test_a_bad_input_is_refused_in_one_sentence(
    voco, tmp_path, ct, out, model_folder, command, name
):
    make, sentence = BAD_INPUTS[name]
    arguments = [command, make(tmp_path, ct)]
    if command == "segment":
        arguments += [out / "result.seg.nrrd", "--model", model_folder]
    result = voco(*arguments)
    assert re.search(sentence, result.refusal())
    assert result.out == ""
    assert not list(out.iterdir())


@pytest.mark.parametrize("closed", ["file", "folder"])
def test_an_image_that_may_not_be_read(voco, ct, closed):
    assert voco("info", ct).code == 0  # imports what is needed while that may be read
    with TemporaryDirectory() as folder:
        file = Path(folder) / "ct.nii.gz"
        shutil.copy(ct, file)
        file.chmod(0 if closed == "file" else 0o644)
        Path(folder).chmod(0 if closed == "folder" else 0o755)
        with without_rights():
            refusal = voco("info", file).refusal()
        Path(folder).chmod(0o700)
    assert re.search(r"is closed to you|cannot be opened: Permission denied", refusal)


BAD_MODELS = {
    "unknown": (lambda t, m: "no-such-model", "no model 'no-such-model': give a model folder"),
    "no model": (lambda t, m: folder_with_notes(t / "folder"), "is not a model folder"),
    "empty": (lambda t, m: with_bytes(t / "model.pt", b""), "is empty"),
    "corrupt": (lambda t, m: with_bytes(t / "model.pt", b"PK\3\4 no"), "damaged or no PyTorch"),
    "corrupt safetensors": (
        lambda t, m: with_bytes(t / "model.safetensors", b"\x10" * 40),
        "damaged or no safetensors",
    ),
    "foreign": (lambda t, m: _saved({"weight": torch.zeros(3)}, t / "m.pt"), "of no network that"),
    "an encoder": (lambda t, m: encoder(t / "model.pt"), "encoder without a segmentation head"),
    "cut off": (lambda t, m: damaged_model(m, t / "cut"), "damaged or no safetensors"),
}


def _saved(content: object, file: Path) -> Path:
    torch.save(content, file)
    return file


@pytest.mark.parametrize("name", BAD_MODELS)
def test_a_bad_model_is_refused_in_one_sentence(
    voco, tmp_path, ct, out, model_folder, user_models, name
):
    make, sentence = BAD_MODELS[name]
    result = voco("segment", ct, out / "r.nrrd", "--model", make(tmp_path, model_folder))
    assert re.search(sentence, result.refusal())
    assert result.out == ""
    assert not list(out.iterdir())


@pytest.mark.parametrize("command", ["segment", "add", "info"])
@pytest.mark.parametrize("kind", ["torch", "pickle"])
def test_a_model_that_would_run_code_is_refused(
    voco, tmp_path, ct, out, user_models, command, kind
):
    mark, file = tmp_path / "was here", tmp_path / "model.pt"
    content = {"state_dict": {"weight": torch.zeros(2)}, "callbacks": Payload(mark)}
    if kind == "torch":
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps(Payload(mark)))
    arguments = {
        "segment": ("segment", ct, out / "r.nrrd", "--model", file),
        "add": ("models", "add", file),
        "info": ("models", "info", file),
    }
    refusal = voco(*arguments[command]).refusal()
    assert "can run code" in refusal or "damaged or no PyTorch checkpoint" in refusal
    assert not mark.exists()
    assert not list(out.iterdir())
    assert not user_models.exists()
    os.system(f"touch '{mark}'")  # what the payload would have done does leave a mark
    assert mark.exists()


BAD_OUTPUTS = {
    "no folder": (lambda out: out / "none/r.nrrd", "does not exist: make it first"),
    "not writable": (lambda out: locked_folder(out.parent) / "r.nrrd", "cannot be written to"),
    "ending": (lambda out: out / "r.txt", "no known ending"),
    "no DICOM": (lambda out: out / "r.dcm", "needs a DICOM series as input"),
}


@pytest.mark.parametrize("name", BAD_OUTPUTS)
def test_a_bad_output_is_refused_in_one_sentence(voco, ct, out, model_folder, name):
    make, sentence = BAD_OUTPUTS[name]
    result = voco("segment", ct, make(out), "--model", model_folder)
    assert re.search(sentence, result.refusal())
    assert not list(out.iterdir())


@pytest.mark.parametrize("name", ["r.seg.nrrd", "r.nii.gz", "r.dcm"])
def test_an_existing_output_is_kept_unless_told_otherwise(voco, dicom, out, model_folder, name):
    (out / name).write_bytes(b"an older result")
    segment = ("segment", dicom, out / name, "--model", model_folder, "--progress", "none")
    assert "exists already" in voco(*segment).refusal()
    assert (out / name).read_bytes() == b"an older result"
    assert voco(*segment, "--overwrite").code == 0
    assert (out / name).stat().st_size > 100
    assert list(out.iterdir()) == [out / name]


@pytest.mark.parametrize("name", ["r.seg.nrrd", "r.nii.gz", "r.nrrd", "r.mha", "r.dcm"])
def test_a_full_disk(voco, dicom, out, model_folder, name):
    segment = ("segment", dicom, out / name, "--model", model_folder, "--progress", "none")
    with full_disk():
        result = voco(*segment)
    last = result.err.splitlines()[-1]
    assert re.search(r"^voco: .* cannot be written \(.+\): free some space", last)
    assert len(result.err.splitlines()) == (2 if name == "r.mha" else 1)  # MetaIO's own remark
    assert result.code == 2
    assert not list(out.iterdir())


def test_dicom_without_identifiers(voco, shared_data, out, model_folder):
    result = voco("segment", shared_data / "dicom", out / "r.dcm", "--model", model_folder)
    assert "which a DICOM SEG must refer to: choose another ending" in result.refusal()
    assert not list(out.iterdir())
