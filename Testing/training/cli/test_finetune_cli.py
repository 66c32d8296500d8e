"""``voco finetune`` as a user sees it."""

import json
import shutil
from pathlib import Path

import pytest
import SimpleITK as sitk

from Testing.training.finetuning.small_run import CONFIG, changed
from Testing.training.finetuning.tiny_cases import write_cases
from voco3d.cli import main
from voco3d.finetuning.config_file import FINETUNING


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_cases(tmp_path_factory.mktemp("data"), training=2, test=1)


@pytest.fixture(scope="module")
def options(data, tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("options") / "tiny.yaml"
    FINETUNING.write(file, data, changed("optimisation", steps=2, warmup=0))
    return file


def test_it_trains_and_is_finished_and_starts_another(options, data, tmp_path, capsys):
    run, second = str(tmp_path / "run"), str(tmp_path / "second")
    arguments = ["--config", str(options), "--data", str(data), "--seed", "5"]
    assert main(["finetune", *arguments, "--out", run]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{run}/model"]
    assert "seed: 5" in Path(run, "config.yaml").read_text()
    assert main(["finetune", "--resume", run]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{run} is finished after 2 steps.",
        f"{run}/model",
    ]
    assert main(["finetune", *arguments, "--out", second, "--init", f"{run}/model"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == f"{second}/model"
    assert "100" in said[0]
    assert main(["finetune", *arguments, "--out", run]) == 2
    assert "holds a run already" in capsys.readouterr().err


def test_print_config_shows_all_options_as_a_configuration(capsys, tmp_path):
    with pytest.raises(SystemExit) as left:
        main(["finetune", "--config", "finetune-btcv", "--seed", "9", "--print-config"])
    assert left.value.code == 0
    (tmp_path / "again.yaml").write_text(capsys.readouterr().out)
    with pytest.raises(SystemExit):
        main(["finetune", "--config", str(tmp_path / "again.yaml"), "--print-config"])
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "again.yaml").read_text()
    for line in ("seed: 9", "  name: swin_unetr", "  crop_foreground: true"):
        assert line in printed.splitlines()


def test_help_lists_every_option(capsys):
    with pytest.raises(SystemExit) as left:
        main(["finetune", "--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    for group, values in CONFIG.to_plain().items():
        for option in values if isinstance(values, dict) else ():
            if group != "network" or option == "name":
                assert f"--{group}.{option}" in said
    for option in ("config", "data", "out", "resume", "print-config", "seed", "init", "store"):
        assert f"--{option}" in said


def test_voco_lists_the_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "finetune" in capsys.readouterr().out


def refused(capsys, *arguments: str) -> str:
    """What a command says that ends with exit code 2: one sentence."""
    assert main(["finetune", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    line = said.err.splitlines()[-1]
    assert line.startswith("voco: ")
    assert "Traceback" not in said.err
    return line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Say --data"),
        (["--out", "run"], "Say --data"),
        (["--data", "dataset.json"], "Say --out"),
        (["--data", "nowhere.json", "--out", "run"], "nowhere.json cannot be read"),
        (["--data", "{data}", "--out", "run"], "Say which network to train"),
        (["--resume", "nowhere"], "nowhere is not a run"),
        (["--resume", "nowhere", "--seed", "3"], "--resume nowhere` and nothing else"),
        (["--finish", "nowhere"], "nowhere is not a run"),
        (["--finish", "nowhere", "--seed", "3"], "--finish nowhere` and nothing else"),
        (["--resume", "one", "--finish", "two"], "A run keeps its options"),
        (["--resume=nowhere", "--seed=3"], "--resume nowhere` and nothing else"),
        (["--network.name", "net", "--data", "{data}", "--out", "run"], "no network 'net'"),
        (["--init", "none", "--data", "{data}", "--out", "run"], "no model or checkpoint none"),
        (["--nonsense"], "nonsense"),
        (["--optimisation.steps", "x"], "optimisation.steps"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, message, data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert message in refused(capsys, *(argument.format(data=data) for argument in arguments))
    assert not list(tmp_path.iterdir())


def other_value(folder: Path, content) -> None:
    del content["labels"]["3"]


def other_grid(folder: Path, content) -> None:
    path = str(folder / content["training"][0]["label"])
    image = sitk.ReadImage(path)
    image.SetOrigin((0.0, 0.0, 0.0))
    sitk.WriteImage(image, path)


def class_without_case(folder: Path, content) -> None:
    content["labels"]["4"] = "heart"


def no_training(folder: Path, content) -> None:
    content["training"] = []


def no_validation(folder: Path, content) -> None:
    content["validation"] = []


def same_patient(folder: Path, content) -> None:
    content["test"][0]["patient"] = content["training"][0]["patient"]


def same_image(folder: Path, content) -> None:
    shutil.copy(folder / content["training"][0]["image"], folder / content["test"][0]["image"])


def missing_image(folder: Path, content) -> None:
    (folder / content["training"][1]["image"]).unlink()


def two_channels(folder: Path, content) -> None:
    content["training"][1]["image"] = [content["training"][1]["image"]] * 2


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (other_value, "holds the label 3, which .* does not name"),
        (other_grid, "grid"),
        (class_without_case, "No training case of .* has a voxel of heart"),
        (no_training, "lists no labelled training case"),
        (no_validation, "lists no labelled validation case"),
        (same_patient, "patient 0 in training and in test"),
        (same_image, "are the same image"),
        (missing_image, "cannot be read|does not exist"),
        (two_channels, "has 1 channels, but .* has 2"),
    ],
)
def test_a_mistake_in_the_data_is_one_sentence(mistake, message, data, options, tmp_path, capsys):
    import re

    folder = tmp_path / "data"
    shutil.copytree(data.parent, folder)
    content = json.loads(data.read_text())
    mistake(folder, content)
    (folder / "dataset.json").write_text(json.dumps(content))
    run = tmp_path / "run"
    arguments = ["--config", str(options), "--data", str(folder), "--out", str(run)]
    assert re.search(message, refused(capsys, *arguments))
    assert not (run / "config.yaml").exists()
    assert not list(run.glob("cases/.*"))
