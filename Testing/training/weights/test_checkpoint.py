"""Reading checkpoint files: wrappers, prefixes and spellings, and files that are refused."""

import argparse
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from voco3d.errors import VoCoError
from voco3d.weights import read_tensors

TENSORS = {"swinViT.a.weight": torch.arange(6.0).view(2, 3), "out.bias": torch.ones(2)}


def assert_equal(tensors, expected):
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[key], expected[key]) for key in expected)


@pytest.mark.parametrize("old_format", [False, True])
def test_reads_both_formats_of_torch_save(tmp_path, old_format):
    path = tmp_path / "weights.pth"
    torch.save(TENSORS, path, _use_new_zipfile_serialization=not old_format)
    checkpoint = read_tensors(path)
    assert_equal(checkpoint.tensors, TENSORS)
    assert checkpoint.renamed == ()


def test_reads_safetensors_and_renames_there_too(tmp_path):
    save_file(
        {f"module.{key}": value for key, value in TENSORS.items()}, tmp_path / "a.safetensors"
    )
    checkpoint = read_tensors(str(tmp_path / "a.safetensors"))
    assert_equal(checkpoint.tensors, TENSORS)
    assert ("module.out.bias", "out.bias") in checkpoint.renamed


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tensors: {"state_dict": tensors, "epoch": 3, "best_dice": np.float64(0.8)},
        lambda tensors: {"network_weights": tensors, "loss": np.float32(1)},
        lambda tensors: {"net": tensors, "step": torch.tensor(5)},
        lambda tensors: {"student": tensors, "teacher": {"out.bias": torch.zeros(2)}},
        lambda tensors: {"net": {"state_dict": tensors}, "optimizer": {"state": {}}},
        lambda tensors: {"state_dict": {"student": tensors}},
        lambda tensors: {**tensors, "epoch": 7},
    ],
)
def test_opens_wrappers(tmp_path, wrap):
    torch.save(wrap(TENSORS), tmp_path / "a.pt")
    assert_equal(read_tensors(tmp_path / "a.pt").tensors, TENSORS)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("module.out.bias", "out.bias"),
        ("backbone.out.bias", "out.bias"),
        ("student.out.bias", "out.bias"),
        ("module.student.backbone.module.out.bias", "out.bias"),
        ("module.swin_vit.a.weight", "swinViT.a.weight"),
        ("swin_vit.a.weight", "swinViT.a.weight"),
        ("network.backbone._orig_mod.out.bias", "out.bias"),
        ("network.projector.norm1.running_mean", "projector.norm1.running_mean"),
        ("student.proj_head.layer3.0.bias", "projector.linear3.bias"),
        ("module.student.layer1.0.weight", "projector.linear1.weight"),
    ],
)
def test_renames_and_says_so(tmp_path, name, key):
    torch.save({name: torch.ones(1), "kept.module.weight": torch.ones(1)}, tmp_path / "a.pt")
    checkpoint = read_tensors(tmp_path / "a.pt")
    assert checkpoint.tensors.keys() == {key, "kept.module.weight"}
    assert checkpoint.renamed == ((name, key),)


def test_parameters_come_back_as_plain_tensors(tmp_path):
    torch.save({"out.bias": torch.nn.Parameter(torch.ones(2))}, tmp_path / "a.pt")
    assert not read_tensors(tmp_path / "a.pt").tensors["out.bias"].requires_grad


def test_two_tensors_for_one_key_are_refused(tmp_path):
    torch.save({"module.out.bias": torch.ones(1), "out.bias": torch.zeros(1)}, tmp_path / "a.pt")
    with pytest.raises(VoCoError, match=r"several tensors for out\.bias"):
        read_tensors(tmp_path / "a.pt")


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("format", ["zip", "old", "pickle"])
def test_a_pickle_that_would_run_code_is_refused_and_not_run(tmp_path, format, wrapped):
    target, path = tmp_path / "executed", tmp_path / "evil.pt"
    content = {"state_dict": {"x": Payload(target)}} if wrapped else Payload(target)
    if format == "pickle":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=format == "zip")
    with pytest.raises(VoCoError, match=rf"was refused.*{os.mkdir.__module__}\.mkdir"):
        read_tensors(path)
    assert not target.exists()

    pickle.loads(pickle.dumps(content))
    assert target.exists(), "the payload does nothing, so the test proves nothing"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("ending", [".pt", ".safetensors", ".bin"])
def test_a_plain_pickle_never_runs_code(tmp_path, protocol, ending):
    target, path = tmp_path / "executed", tmp_path / f"evil{ending}"
    path.write_bytes(pickle.dumps(Payload(target), protocol=protocol))
    with pytest.raises(VoCoError):
        read_tensors(path)
    assert not target.exists()


def test_other_python_objects_are_refused_by_name(tmp_path):
    torch.save({"state_dict": TENSORS, "args": argparse.Namespace(lr=1)}, tmp_path / "a.pt")
    with pytest.raises(VoCoError, match=r"holds argparse\.Namespace.*save the state dict alone"):
        read_tensors(tmp_path / "a.pt")


def torch_bytes(folder):
    torch.save({"weight": torch.arange(5000.0)}, folder / "whole.pt")
    return (folder / "whole.pt").read_bytes()


def safetensors_bytes(folder):
    save_file({"weight": torch.arange(5000.0)}, folder / "whole.safetensors")
    return (folder / "whole.safetensors").read_bytes()


@pytest.mark.parametrize("share", [0.001, 0.03, 0.5, 0.99])
@pytest.mark.parametrize(
    ("ending", "whole"), [(".pt", torch_bytes), (".safetensors", safetensors_bytes)]
)
def test_a_truncated_file_is_refused(tmp_path, ending, whole, share):
    content = whole(tmp_path)
    path = tmp_path / f"a{ending}"
    path.write_bytes(content[: max(1, int(share * len(content)))])
    with pytest.raises(VoCoError, match=r"is damaged or no .*download or copy it again"):
        read_tensors(path)


def corrupt_pickle(folder):
    content = bytearray(torch_bytes(folder))
    place = content.find(b"weight")
    content[place - 10 : place + 10] = bytes(20)
    return bytes(content)


def corrupt_safetensors(folder):
    content = bytearray(safetensors_bytes(folder))
    content[10:20] = b"\xff" * 10
    return bytes(content)


def plain_zip(folder):
    with zipfile.ZipFile(folder / "a.zip", "w") as file:
        file.writestr("folder/readme.txt", "hello")
    return (folder / "a.zip").read_bytes()


PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(200))


@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
@pytest.mark.parametrize(
    "content",
    [
        corrupt_pickle,
        corrupt_safetensors,
        plain_zip,
        lambda folder: PNG,
        lambda folder: b"hello world, this is a text\n" * 20,
        lambda folder: bytes(1000),
        lambda folder: b"\n",
    ],
    ids=["corrupt_pickle", "corrupt_safetensors", "zip", "png", "text", "zeros", "newline"],
)
def test_a_damaged_or_foreign_file_is_refused(tmp_path, content, ending):
    path = tmp_path / f"a{ending}"
    path.write_bytes(content(tmp_path))
    with pytest.raises(VoCoError, match="is damaged or no"):
        read_tensors(path)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"epoch": 3},
        {"state_dict": {}},
        {"state_dict": {"epoch": 3}},
        [torch.ones(2)],
        torch.ones(2),
        {0: torch.ones(2)},
        "hello",
    ],
)
def test_a_file_without_tensors_by_name_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(VoCoError, match="holds no tensors by name"):
        read_tensors(tmp_path / "a.pt")


@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
def test_missing_empty_and_folder(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    with pytest.raises(VoCoError, match="does not exist"):
        read_tensors(path)
    path.touch()
    with pytest.raises(VoCoError, match="is empty"):
        read_tensors(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(VoCoError, match="is a folder"):
        read_tensors(path)


@pytest.mark.parametrize("content", [PNG, b"hello"])
def test_the_message_is_one_line(tmp_path, content):
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(VoCoError) as error:
        read_tensors(tmp_path / "a.pt")
    assert "\n" not in str(error.value)
