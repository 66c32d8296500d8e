"""The command line as a user sees it: what it prints, what it writes, how it refuses."""

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from tempfile import TemporaryDirectory

import highdicom as hd
import numpy as np
import pytest
import SimpleITK as sitk
import torch

import voco3d
from Testing.conftest import small_model, write_dicom_series
from Testing.training.models.position_model import position_model
from Testing.training.models.region_model import channels_of, region_model
from Testing.training.outputs.disk import full_disk, locked_folder, without_rights
from voco3d.cli import main
from voco3d.cli.main import build_parser
from voco3d.networks import NetworkConfig, build_network
from voco3d.phantom import Phantom, make_phantom

ENDINGS = (".seg.nrrd", ".nii.gz", ".nrrd", ".mha")
NAMES = ["brainstem", "right parotid gland"]


@pytest.fixture(scope="session")
def ct(tmp_path_factory: pytest.TempPathFactory, phantom: Phantom) -> Path:
    file = tmp_path_factory.mktemp("ct") / "ct.nii.gz"
    sitk.WriteImage(phantom.image, str(file))
    return file


@pytest.fixture(scope="session")
def dicom(tmp_path_factory: pytest.TempPathFactory, phantom: Phantom) -> Path:
    folder = tmp_path_factory.mktemp("dicom")
    write_dicom_series(phantom.image[:, :, :12], folder)
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output folder with nothing in it."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def user_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOCO_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    def refusal(self) -> str:
        """What was said to the user when a command was refused."""
        assert self.code == 2
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("voco: "), self.err
        return self.err


@pytest.fixture
def voco(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Runs a command in this process; what C++ code prints counts too."""

    def run(*arguments: str | Path) -> Result:
        code = main([str(argument) for argument in arguments])
        sys.stdout.flush()
        return Result(code, *capfd.readouterr())

    return run


def voxels(file: Path) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(file)))


# segment


@pytest.mark.parametrize("ending", ENDINGS)
def test_segment_writes_a_result_on_the_grid_of_the_image(voco, ct, out, model_folder, ending):
    file = out / f"result{ending}"
    result = voco("segment", ct, file, "--model", model_folder)
    assert result.code == 0
    assert re.fullmatch(rf"{file}: {', '.join(NAMES)}; \d+\.\d s\n", result.out)
    assert "placing on the image" in result.err
    assert set(np.unique(voxels(file))) == {0, 1, 2}
    image, labels = sitk.ReadImage(str(ct)), sitk.ReadImage(str(file))
    for get in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(labels, get)() == pytest.approx(getattr(image, get)(), abs=1e-5)
    assert list(out.iterdir()) == [file]


def test_segment_gives_what_the_python_function_gives(voco, ct, out, model_folder):
    voco("segment", ct, out / "result.nrrd", "--model", model_folder)
    expected = voco3d.segment(sitk.ReadImage(str(ct)), model_folder)
    assert np.array_equal(voxels(out / "result.nrrd"), sitk.GetArrayFromImage(expected))


def test_segment_a_dicom_folder(voco, dicom, out, model_folder):
    for ending in (".dcm", ".nrrd"):
        arguments = ("segment", dicom, out / f"result{ending}", "--model", model_folder)
        result = voco(*arguments, "--progress", "none")
        assert (result.code, result.err) == (0, "")
    segmentation = hd.seg.segread(out / "result.dcm")
    assert list(segmentation.segment_numbers) == [1, 2]
    labels = sitk.ReadImage(str(out / "result.nrrd"))
    array = np.zeros_like(sitk.GetArrayViewFromImage(labels))
    for frame, mask in zip(
        segmentation.PerFrameFunctionalGroupsSequence, segmentation.pixel_array, strict=True
    ):
        place = [float(v) for v in frame.PlanePositionSequence[0].ImagePositionPatient]
        number = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        array[labels.TransformPhysicalPointToIndex(place)[2]][mask > 0] = number
    assert np.array_equal(array, sitk.GetArrayViewFromImage(labels))


def test_segment_some_classes(voco, ct, out, model_folder):
    voco("segment", ct, out / "all.nrrd", "--model", model_folder)
    file = out / "some.seg.nrrd"
    result = voco("segment", ct, file, "--model", model_folder, "--classes", " Right parotid gland")
    assert result.code == 0
    everything = voxels(out / "all.nrrd")
    assert np.array_equal(voxels(file), np.where(everything == 2, 2, 0))
    header = sitk.ReadImage(str(file))
    names = [header.GetMetaData(k) for k in header.GetMetaDataKeys() if k.endswith("_Name")]
    assert names == ["right parotid gland"]


@pytest.mark.parametrize("classes", ["brainstem,spleen", "spleen", ""])
def test_segment_unknown_classes(voco, ct, out, model_folder, classes):
    result = voco("segment", ct, out / "r.nrrd", "--model", model_folder, "--classes", classes)
    assert "choose from brainstem, right parotid gland" in result.refusal()
    assert ("'spleen'" in result.err) == ("spleen" in classes)
    assert not list(out.iterdir())


def test_segment_overlap_decides_on_the_number_of_windows(voco, ct, out, model_folder):
    def windows(overlap: str) -> int:
        result = voco(
            "segment", ct, out / "r.nrrd", "--model", model_folder,
            "--overlap", overlap, "--progress", "json", "--overwrite",
        )  # fmt: skip
        assert result.code == 0
        lines = map(json.loads, result.err.splitlines())
        return next(line["total"] for line in lines if line["what"] == "segmenting")

    assert windows("0") < windows("0.5")


@pytest.mark.parametrize("overlap", ["1", "-0.1", "nan"])
def test_segment_overlap_out_of_range(voco, ct, out, model_folder, overlap):
    result = voco("segment", ct, out / "r.nrrd", "--model", model_folder, f"--overlap={overlap}",
                  "--progress", "none")  # fmt: skip
    assert "overlap must be from 0 to below 1" in result.refusal()
    assert not list(out.iterdir())


def test_progress_as_json_lines(voco, ct, out, model_folder):
    result = voco("segment", ct, out / "r.nrrd", "--model", model_folder, "--progress", "json")
    lines = [json.loads(line) for line in result.err.splitlines()]
    steps = ("segmenting", lines[0]["total"]), ("placing on the image", 1 + len(NAMES))
    assert steps[0][1] > 2
    assert [(line["what"], line["done"], line["total"]) for line in lines] == [
        (what, done, total) for what, total in steps for done in range(total + 1)
    ]


def test_progress_none_and_bar(voco, ct, out, model_folder):
    arguments = ("segment", ct, out / "r.nrrd", "--model", model_folder, "--overwrite")
    assert voco(*arguments, "--progress", "none").err == ""
    assert re.search(r"placing on the image .*\d+/\d+", voco(*arguments).err)


def test_segment_on_a_device_that_is_not_there(voco, ct, out, model_folder):
    device = "mps" if torch.cuda.is_available() else "cuda"
    result = voco("segment", ct, out / "r.nrrd", "--model", model_folder, "--device", device)
    assert f"no usable {device} device: choose auto or cpu" in result.refusal()
    assert not list(out.iterdir())


def test_segment_one_of_several_series(voco, phantom, tmp_path, out, model_folder):
    image = phantom.image[:, :, :12]
    first = write_dicom_series(image, tmp_path / "both/a")
    second = write_dicom_series(sitk.Flip(image, (True, False, False)), tmp_path / "both/b")
    folder = tmp_path / "all"
    folder.mkdir()
    for file in (tmp_path / "both").rglob("*.dcm"):
        shutil.copy(file, folder / f"{file.parent.name}{file.name}")
    segment = ("segment", folder, "--model", model_folder, "--progress", "none")

    refusal = voco(*segment, out / "r.nrrd").refusal()
    assert "several DICOM series: choose with --series" in refusal
    assert first in refusal
    assert second in refusal
    assert (
        "no series 1.2.3: choose one of"
        in voco(*segment, out / "r.nrrd", "--series", "1.2.3").refusal()
    )
    assert not list(out.iterdir())

    for name, uid in (("one", first), ("two", second)):
        assert voco(*segment, out / f"{name}.nrrd", "--series", uid).code == 0
    expected = voco3d.segment(image, model_folder)
    assert np.array_equal(voxels(out / "one.nrrd"), sitk.GetArrayFromImage(expected))
    assert not np.array_equal(voxels(out / "two.nrrd"), sitk.GetArrayFromImage(expected))


def test_segment_does_not_replace_its_input(voco, phantom, tmp_path, model_folder):
    file = tmp_path / "ct.nrrd"
    sitk.WriteImage(phantom.image, str(file))
    before = file.read_bytes()
    link = tmp_path / "link.nrrd"
    link.symlink_to(file)
    for output in (file, link):
        result = voco("segment", file, output, "--model", model_folder, "--overwrite")
        assert "is the input" in result.refusal()
    assert file.read_bytes() == before


# Several channels


@pytest.fixture(scope="session")
def tumor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tumor"
    region_model(folder)
    return folder


@pytest.fixture(scope="session")
def channels(tmp_path_factory: pytest.TempPathFactory, phantom: Phantom) -> list[Path]:
    folder = tmp_path_factory.mktemp("channels")
    files = [folder / "flair.nii.gz", folder / "t1.nii.gz"]
    for channel, file in zip(channels_of(phantom.image), files, strict=True):
        sitk.WriteImage(channel, str(file))
    return files


def test_segment_several_channels(voco, channels, out, tumor):
    file = out / "result.nrrd"
    result = voco("segment", *channels, file, "--model", tumor)
    assert result.code == 0
    assert "whole tumor, tumor core, enhancing tumor" in result.out
    expected = voco3d.segment([sitk.ReadImage(str(channel)) for channel in channels], tumor)
    assert np.array_equal(voxels(file), sitk.GetArrayFromImage(expected))
    assert set(np.unique(voxels(file))) == {0, 1, 2, 4}


def test_segment_another_number_of_channels(voco, channels, ct, out, tumor, model_folder):
    refusal = voco("segment", channels[0], out / "r.nrrd", "--model", tumor).refusal()
    assert "takes 2 images, one a channel (flair, t1), but 1 was given" in refusal
    refusal = voco("segment", ct, ct, out / "r.nrrd", "--model", model_folder).refusal()
    assert "takes one image, but 2 were given" in refusal
    assert not list(out.iterdir())


def test_segment_does_not_replace_any_channel(voco, channels, tumor):
    before = channels[1].read_bytes()
    result = voco("segment", *channels, channels[1], "--model", tumor, "--overwrite")
    assert "is the input" in result.refusal()
    assert channels[1].read_bytes() == before


def test_a_series_is_chosen_for_one_input_only(voco, channels, out, tumor):
    result = voco("segment", *channels, out / "r.nrrd", "--model", tumor, "--series", "1.2")
    assert "give one input" in result.refusal()


def test_a_model_of_channels_and_regions_is_described(voco, tumor):
    printed = voco("models", "info", tumor).out
    for line in (
        "spacing      the image's own",
        "intensity    z-score of each channel's voxels that are not 0",
        "channel 1    flair",
        "channel 2    t1",
        "region 1     whole tumor: ",
    ):
        assert line in printed


# Bad input


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


def folder_with_notes(folder: Path) -> Path:
    folder.mkdir()
    (folder / "notes.txt").write_text("no image in here")
    return folder


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


# Help


def parsers(
    parser: ArgumentParser, *names: str
) -> Iterator[tuple[tuple[str, ...], ArgumentParser]]:
    yield names, parser
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for name, sub in action.choices.items():
                yield from parsers(sub, *names, name)


COMMANDS = {" ".join(names): parser for names, parser in parsers(build_parser())}


def test_all_commands_are_there():
    assert set(COMMANDS) == {
        "", "segment", "models", "models list", "models info", "models add", "info", "phantom",
        "cache", "cache build", "cache info", "pretrain", "evaluate", "data", "data check",
        "data stack", "finetune", "compare", "classify", "positions", "find",
    }  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help(capsys, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as exit_:
        main([*command.split(), "--help"])
    assert exit_.value.code == 0
    text, err = capsys.readouterr()
    assert err == ""
    assert text.startswith(f"usage: voco {command}".rstrip())
    for noise in ("<class", "None", "%(", "SUPPRESS", "lambda", "Namespace"):
        assert noise not in text.replace("{'none': None}", "")
    for action in COMMANDS[command]._actions:
        for option in action.option_strings:
            assert option in text
        if not isinstance(action, _SubParsersAction):
            assert action.help
            assert action.help.split(" (")[0].split()[0] in text
    if command:
        assert COMMANDS[command].description


def test_every_option_is_there():
    options = {o for action in COMMANDS["segment"]._actions for o in action.option_strings}
    asked = {"--model", "--device", "--overlap", "--classes", "--progress", "--series"}
    assert asked | {"--overwrite"} <= options
    options = {o for action in COMMANDS["phantom"]._actions for o in action.option_strings}
    assert {"--region", "--seed", "--count", "--spacing"} <= options


def test_version(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out == f"voco3d {voco3d.__version__}\n"


def test_no_command_at_all(capsys):
    with pytest.raises(SystemExit) as exit_:
        main([])
    assert exit_.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_the_installed_command_is_this_one():
    (command,) = entry_points(group="console_scripts", name="voco")
    assert command.load() is main


# models


SWIN = NetworkConfig("swin_unetr", 1, 21, {"feature_size": 12})


def checkpoint(file: Path, wanted: str = "", dropped: str = "-") -> dict[str, torch.Tensor]:
    """A checkpoint as the authors wrap it; returns its tensors by the network's own keys."""
    torch.manual_seed(0)
    network = build_network(SWIN)
    tensors = {
        key: tensor
        for key, tensor in network.state_dict().items()
        if key.startswith(wanted or ("swinViT", "encoder", "decoder", "out")) and dropped not in key
    }
    theirs = {
        "module.backbone." + key.replace("swinViT", "swin_vit"): tensor
        for key, tensor in tensors.items()
    }
    torch.save({"epoch": 7, "state_dict": theirs}, file)
    return tensors


def test_add_list_describe_and_use_a_model(voco, tmp_path, ct, out, user_models):
    tensors = checkpoint(tmp_path / "release.pt")
    result = voco("models", "add", tmp_path / "release.pt", "--name", "trunk", "--spacing", "6")
    assert (result.code, result.err) == (0, "")
    fates = dict(line.split()[1::-1] for line in result.out.splitlines() if "in the file" in line)
    assert fates == dict.fromkeys(tensors, "loaded")
    assert "(in the file: module.backbone.swin_vit.patch_embed.proj.weight)" in result.out
    assert "100.0 % of the parameters loaded" in result.out
    assert f"{user_models / 'trunk'}: " in result.out
    assert [folder.name for folder in user_models.iterdir()] == ["trunk"]

    listed = voco("models", "list")
    assert listed.code == 0
    assert re.search(r"^trunk +20 ", listed.out, re.MULTILINE)

    described = voco("models", "info", "trunk")
    assert described.code == 0
    assert "swin_unetr {'feature_size': 12}" in described.out
    assert "6 x 6 x 6 mm" in described.out
    assert re.search(r"label 2 +right kidney: Kidney \(SCT 64033007\), Right", described.out)

    file = user_models / "trunk/configs/metadata.json"
    metadata = json.loads(file.read_text())
    assert metadata["voco"]["window"] == [96, 96, 96]
    metadata["voco"]["window"] = [64, 64, 64]  # a third of the time
    file.write_text(json.dumps(metadata))
    result = voco("segment", ct, out / "r.seg.nrrd", "--model", "trunk", "--progress", "none")
    assert result.code == 0
    header = sitk.ReadImage(str(out / "r.seg.nrrd"))
    assert header.GetMetaData("Segment0_Name") == "spleen"
    assert header.GetMetaData("Segment19_Name") == "lung cancer"

    assert "exists already" in voco("models", "add", tmp_path / "release.pt", "--name", "trunk").err
    assert (
        voco("models", "add", tmp_path / "release.pt", "--name", "trunk", "--overwrite").code == 0
    )
    assert "1.5 x 1.5 x 1.5 mm" in voco("models", "info", "trunk").out


def test_an_encoder_can_be_added_but_does_not_segment(voco, tmp_path, ct, out, user_models):
    tensors = checkpoint(tmp_path / "ssl_head.pt", wanted=("swinViT", "encoder"))
    result = voco("models", "add", tmp_path / "ssl_head.pt")
    assert result.code == 0
    lines = result.out.splitlines()
    assert sum(line.startswith("loaded ") for line in lines) == len(tensors)
    assert any(line.startswith("missing ") and "decoder1." in line for line in lines)
    assert "Encoder" in voco("models", "list").out
    result = voco("segment", ct, out / "r.nrrd", "--model", "ssl_head")
    assert "is an encoder without a segmentation head: fine-tune it first" in result.refusal()
    assert not list(out.iterdir())


def test_a_partial_encoder_is_added_only_on_request(voco, tmp_path, user_models):
    checkpoint(tmp_path / "part.pt", dropped="encoder3.")
    refusal = voco("models", "add", tmp_path / "part.pt").refusal()
    assert "encoder3." in refusal
    assert not user_models.exists()
    result = voco("models", "add", tmp_path / "part.pt", "--allow-partial")
    assert result.code == 0
    assert re.search(r"^missing +encoder3\.", result.out, re.MULTILINE)
    assert (user_models / "part").is_dir()


def test_the_first_layer_is_inflated_on_request(voco, tmp_path, ct, out, user_models):
    checkpoint(tmp_path / "release.pt")
    result = voco("models", "add", tmp_path / "release.pt", "--in-channels", "4")
    assert result.code == 0
    inflated = re.findall(r"^inflated +(\S+)", result.out, re.MULTILINE)
    assert "swinViT.patch_embed.proj.weight" in inflated
    assert len(inflated) == 3
    result = voco("segment", ct, out / "r.nrrd", "--model", "release")
    assert "takes 4 images, one a channel, but 1 was given" in result.refusal()


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--spacing=0", "must be three positive lengths"),
        ("--spacing=-1.5", "must be three positive lengths"),
        ("--spacing=nan", "must be three positive lengths"),
        ("--in-channels=0", "must be a whole number from 1 up"),
        ("--classes=a,b", "2 classes, but its network gives 20"),
        ("--name=../elsewhere", "cannot be a model's name"),
        ("--name=", "cannot be a model's name"),
        ("--name=.hidden", "cannot be a model's name"),
    ],
)
def test_bad_options_of_add(voco, tmp_path, user_models, option, sentence):
    checkpoint(tmp_path / "release.pt")
    result = voco("models", "add", tmp_path / "release.pt", option)
    assert re.search(sentence, result.refusal())
    assert [file.name for file in tmp_path.iterdir()] == ["release.pt"]


def test_an_intensity_window_the_wrong_way_round(voco, tmp_path, user_models):
    checkpoint(tmp_path / "release.pt")
    result = voco("models", "add", tmp_path / "release.pt", "--intensity", "250", "-175")
    assert "HU window" in result.refusal()


def test_a_full_disk_leaves_no_model(voco, tmp_path, user_models):
    checkpoint(tmp_path / "release.pt")
    with full_disk(200_000):
        result = voco("models", "add", tmp_path / "release.pt")
    assert "cannot be written" in result.refusal()
    assert not list(user_models.iterdir())


def test_a_damaged_model_does_not_hide_the_others(voco, user_models):
    small_model(user_models / "good")
    small_model(user_models / "bad")
    (user_models / "bad/configs/metadata.json").write_text("{}")
    result = voco("models", "list")
    assert (result.code, result.err) == (0, "")
    assert re.search(r"^bad +- +- +- +cannot be used: .*metadata.json", result.out, re.MULTILINE)
    assert re.search(r"^good +2 ", result.out, re.MULTILINE)


def test_names_and_licences_are_not_cut_off(voco, tmp_path, user_models):
    name = "a-model-with-quite-a-long-name-" + "x" * 60
    small_model(user_models / name)
    assert name in voco("models", "list").out


def test_a_model_that_predicts_positions(voco, ct, out, user_models):
    position_model(user_models / "positions")
    small_model(user_models / "good")
    listed = voco("models", "list")
    assert re.search(r"^positions +0 +4 bases +\S.*Encoder for position", listed.out, re.MULTILINE)
    assert re.search(r"^good +2 +- ", listed.out, re.MULTILINE)
    described = voco("models", "info", "positions")
    assert (described.code, described.err) == (0, "")
    for line in (
        "positions    recipe paper, 6 channels",
        "positions    bases 2 x 2 x 1 of 16 x 16 x 16 voxels",
        "positions    volumes -175 to 250 HU, cut to the body (> 0.3), 32 x 32 x 16 voxels, 8 bits",
        "- top-1 base: 0.71",
    ):
        assert line in described.out.splitlines()
    result = voco("segment", ct, out / "r.nrrd", "--model", "positions")
    assert "is an encoder without a segmentation head: fine-tune it first" in result.refusal()
    assert not list(out.iterdir())


def test_damaged_positions_do_not_hide_the_others(voco, user_models):
    position_model(user_models / "bad")
    small_model(user_models / "good")
    file = user_models / "bad/configs/metadata.json"
    file.write_text(file.read_text().replace('"recipe"', '"cook"'))
    result = voco("models", "list")
    assert (result.code, result.err) == (0, "")
    assert re.search(r"^bad +- +- +- +cannot be used: .*metadata.json", result.out, re.MULTILINE)
    assert re.search(r"^good +2 ", result.out, re.MULTILINE)


# phantom


def test_phantom_makes_a_data_set(voco, tmp_path):
    make = ("phantom", tmp_path / "set", "--size", "24", "--spacing", "9.5", "--count", "2")
    result = voco(*make, "--seed", "5")
    assert (result.code, result.err) == (0, "")
    dataset = json.loads((tmp_path / "set/dataset.json").read_text())
    assert dataset["training"] == [
        {"image": f"images/headneck_{n}.nii.gz", "label": f"labels/headneck_{n}.nii.gz"}
        for n in ("0005", "0006")
    ]
    assert dataset["labels"]["0"] == "background"
    assert set(dataset["labels"].values()) >= {"brainstem", "mandible", "right parotid gland"}
    files = [Path(line) for line in result.out.splitlines()]
    assert set(files) == {file for file in (tmp_path / "set").rglob("*") if file.is_file()}
    for entry in dataset["training"]:
        image, labels = (
            sitk.ReadImage(str(tmp_path / "set" / entry[kind])) for kind in ("image", "label")
        )
        assert image.GetSize() == labels.GetSize() == (24, 24, 24)
        assert image.GetSpacing() == labels.GetSpacing() == pytest.approx((9.5, 9.5, 9.5))
        found = {str(label) for label in np.unique(sitk.GetArrayViewFromImage(labels))}
        assert found <= set(dataset["labels"])
    for seed, entry in zip((5, 6), dataset["training"], strict=True):
        expected = make_phantom("headneck", seed, (24, 24, 24), 9.5)
        image, labels = (voxels(tmp_path / "set" / entry[kind]) for kind in ("image", "label"))
        assert np.array_equal(image, sitk.GetArrayFromImage(expected.image))
        assert np.array_equal(labels, sitk.GetArrayFromImage(expected.labels))


def test_phantom_is_the_same_for_the_same_seed(voco, tmp_path):
    for folder, seed in (("a", 6), ("b", 6), ("c", 7)):
        voco("phantom", tmp_path / folder, "--size", "20", "--spacing", "12", "--seed", seed)
    image = "images/headneck_0006.nii.gz"
    assert np.array_equal(voxels(tmp_path / "a" / image), voxels(tmp_path / "b" / image))
    assert not (tmp_path / "c" / image).exists()


def test_phantom_of_the_trunk(voco, tmp_path):
    voco("phantom", tmp_path, "--region", "trunk", "--size", "24", "--spacing", "18")
    labels = json.loads((tmp_path / "dataset.json").read_text())["labels"]
    assert len(labels) > 12
    assert set(np.unique(voxels(tmp_path / "labels/trunk_0000.nii.gz"))) <= set(map(int, labels))


def test_phantom_keeps_what_is_there(voco, tmp_path):
    make = ("phantom", tmp_path, "--size", "16", "--spacing", "15")
    assert voco(*make, "--seed", "3").code == 0
    before = {file: file.read_bytes() for file in tmp_path.rglob("*.*")}
    (tmp_path / "dataset.json").unlink()
    refusal = voco(*make, "--seed", "2", "--count", "3").refusal()
    assert re.search(r"headneck_0003.nii.gz exists already: .* --overwrite", refusal)
    assert set(tmp_path.rglob("*.*")) == set(before) - {tmp_path / "dataset.json"}
    assert voco(*make, "--seed", "2", "--count", "3", "--overwrite").code == 0
    assert len(list(tmp_path.rglob("*.nii.gz"))) == 6


@pytest.mark.parametrize(
    "options", [["--spacing", "0"], ["--spacing", "nan"], ["--size", "0"], ["--count", "0"],
                ["--seed", "-1"]]
)  # fmt: skip
def test_bad_options_of_phantom(voco, tmp_path, options):
    voco("phantom", tmp_path / "set", "--size", "16", *options).refusal()
    assert not list(tmp_path.iterdir())


def test_phantom_in_a_place_that_is_no_folder(voco, tmp_path):
    (tmp_path / "file").write_text("no folder")
    refusal = voco("phantom", tmp_path / "file", "--size", "16", "--spacing", "15").refusal()
    assert "cannot be made" in refusal
    folder = locked_folder(tmp_path) / "set"
    assert "cannot be made" in voco("phantom", folder, "--size", "16", "--spacing", "15").refusal()


def test_phantom_on_a_full_disk(voco, tmp_path):
    with full_disk():
        result = voco("phantom", tmp_path, "--size", "16", "--spacing", "15")
    assert "cannot be written" in result.refusal()
    assert not list(tmp_path.rglob("*.*"))


# info


def test_info_of_a_file(voco, tmp_path, phantom):
    image = sitk.DICOMOrient(phantom.image, "RAI")[:, :, :20]
    sitk.WriteImage(image, str(tmp_path / "ct.nrrd"))
    result = voco("info", tmp_path / "ct.nrrd")
    assert (result.code, result.err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in result.out.splitlines())
    assert lines["size"] == "40 x 44 x 20 voxels"
    assert lines["spacing"] == "6 x 6 x 6 mm"
    assert lines["extent"] == "240 x 264 x 120 mm"
    assert lines["orientation"].startswith("RAI:")
    assert lines["type"] == "16-bit signed integer"
    values = sitk.GetArrayFromImage(image)
    assert lines["values"].startswith(f"{values.min()} to {values.max()}, mean {values.mean():.1f}")


def test_info_of_an_oblique_image(voco, tmp_path, phantom):
    turn = sitk.Euler3DTransform()
    turn.SetRotation(0.2, 0, 0.1)
    image = sitk.Image(phantom.image)
    image.SetDirection(turn.GetMatrix())
    sitk.WriteImage(image, str(tmp_path / "ct.nrrd"))
    assert "LPS, oblique" in voco("info", tmp_path / "ct.nrrd").out


def test_info_of_dicom_names_no_patient(voco, tmp_path, phantom):
    first = write_dicom_series(phantom.image[:, :, :5], tmp_path / "a")
    result = voco("info", tmp_path / "a")
    assert (result.code, result.err) == (0, "")
    assert f"{first}, 5 files" in result.out
    assert "40 x 44 x 5 voxels" in result.out
    assert "phantom" not in result.out.replace(str(tmp_path), "").casefold()

    second = write_dicom_series(phantom.image[:, :, :3], tmp_path / "b")
    for file in (tmp_path / "b").iterdir():
        file.rename(tmp_path / "a" / f"b{file.name}")
    result = voco("info", tmp_path / "a")
    assert (result.code, result.err) == (0, "")
    assert f"{first}, 5 files" in result.out
    assert f"{second}, 3 files" in result.out
    assert "voxels" not in result.out
    assert "--series" in result.out
    assert "40 x 44 x 3 voxels" in voco("info", tmp_path / "a", "--series", second).out


# As a process of its own


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "voco3d.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_a_process_segments(dicom, out, model_folder):
    result = run("segment", dicom, out / "r.dcm", "--model", model_folder, "--progress", "json")
    assert result.returncode == 0
    assert result.stdout.startswith(f"{out / 'r.dcm'}: ")
    assert all(json.loads(line) for line in result.stderr.splitlines())
    assert list(hd.seg.segread(out / "r.dcm").segment_numbers) == [1, 2]


def test_a_process_refuses(tmp_path, out, model_folder):
    folder = folder_with_notes(tmp_path / "folder")
    result = run("segment", folder, out / "r.nrrd", "--model", model_folder)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"voco: {folder} holds no DICOM series: give a folder with DICOM files.\n"
    )
    assert not list(out.iterdir())


def test_help_is_quick_since_it_imports_no_torch():
    code = (
        "import sys; from voco3d.cli import main\n"
        "try: main(['--help'])\n"
        "finally: print(sorted({'torch', 'monai', 'highdicom'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert result.stdout.endswith("\n[]\n")
