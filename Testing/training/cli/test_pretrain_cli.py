"""``voco pretrain`` as a user sees it."""

from pathlib import Path

import pytest
import torch

from Testing.training.pretraining.tiny_cache import CONFIG, changed, write_cache
from voco3d.cli import main
from voco3d.pretraining.config_file import write_config


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return write_cache(tmp_path_factory.mktemp("data") / "cache")


@pytest.fixture(scope="module")
def options(cache, tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("options") / "tiny.yaml"
    write_config(file, cache, changed("optimisation", steps=3))
    return file


def test_it_trains_reports_and_is_finished(options, cache, tmp_path, capsys):
    run = str(tmp_path / "run")
    arguments = ["--config", str(options), "--data", str(cache), "--out", run, "--seed", "5"]
    assert main(["pretrain", *arguments]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{run}/model"
    assert "seed: 5" in Path(run, "config.yaml").read_text()
    assert main(["pretrain", "--resume", run]) == 0
    assert "is finished: all 3 steps are done." in capsys.readouterr().out
    assert main(["pretrain", "report", run]) == 0
    assert Path(capsys.readouterr().out.strip()).is_file()
    assert main(["pretrain", "export", run, str(tmp_path / "theirs.pt")]) == 2
    assert "only a swin_unetr" in capsys.readouterr().err


def test_a_swin_unetr_is_exported_for_the_authors_code(cache, options, tmp_path, capsys):
    run, file = tmp_path / "run", tmp_path / "theirs.pt"
    swin = ["--network.name", "swin_unetr", "--network.args", "{feature_size: 12}"]
    crops = ["--crops.counts", "[1, 1, 1]", "--crops.size", "[64, 32, 32]"]
    cache = write_cache(tmp_path / "cache", shape=(1, 64, 32, 32), training=2)
    data = ["--config", str(options), "--data", str(cache), "--out", str(run)]
    brief = ["--optimisation.steps", "1", "--optimisation.warmup", "0", "--crops.random", "1"]
    assert main(["pretrain", *data, *swin, *crops, *brief]) == 0
    assert main(["pretrain", "export", str(run), str(file)]) == 0
    keys = torch.load(file, weights_only=True).keys()
    assert "swinViT.patch_embed.proj.weight" in keys
    assert main(["pretrain", "export", str(run), str(file)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_print_config_shows_all_options_as_a_configuration(capsys, tmp_path):
    with pytest.raises(SystemExit) as left:
        main(["pretrain", "--config", "pretrain-unet", "--seed", "9", "--print-config"])
    assert left.value.code == 0
    (tmp_path / "again.yaml").write_text(capsys.readouterr().out)
    with pytest.raises(SystemExit):
        main(["pretrain", "--config", str(tmp_path / "again.yaml"), "--print-config"])
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "again.yaml").read_text()
    for line in ("seed: 9", "  name: unet", "  momentum: 0.9", "  probe_every: 500"):
        assert line in printed.splitlines()


def test_help_lists_every_option(capsys):
    with pytest.raises(SystemExit) as left:
        main(["pretrain", "--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    for group, values in CONFIG.to_plain().items():
        for option in values if isinstance(values, dict) else ():
            assert f"--{group}.{option}" in said
    for option in ("--config", "--data", "--out", "--resume", "--print-config", "--seed"):
        assert option in said


def test_voco_lists_the_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "pretrain" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "run"], "Say --data"),
        (["--data", "cache"], "Say --out"),
        (["--data", "nowhere", "--out", "run"], "nowhere is not a training cache"),
        (["--resume", "nowhere"], "nowhere is not a run"),
        (["--resume", "nowhere", "--seed", "3"], "--resume nowhere` and nothing else"),
        (["--finish", "nowhere"], "nowhere is not a run"),
        (["--finish", "nowhere", "--seed", "3"], "--finish nowhere` and nothing else"),
        (["--resume", "one", "--finish", "two"], "A run keeps its options"),
        (["--resume=nowhere", "--seed=3"], "--resume nowhere` and nothing else"),
        (["--recipe", "vococo", "--data", "{cache}", "--out", "run"], "no recipe 'vococo'"),
        (["--network.name", "net", "--data", "{cache}", "--out", "run"], "no network 'net'"),
        (["--nonsense"], "nonsense"),
        (["--optimisation.steps", "x"], "optimisation.steps"),
        (["export", "nowhere", "theirs.pt"], "There is no model 'nowhere'"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    arguments, message, cache, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(["pretrain", *(argument.format(cache=cache) for argument in arguments)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("voco: ")
    assert message in said.err
    assert said.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_other_commands_still_refuse_what_they_do_not_know(capsys):
    with pytest.raises(SystemExit) as left:
        main(["models", "list", "--nonsense"])
    assert left.value.code == 2
    assert "unrecognized arguments: --nonsense" in capsys.readouterr().err
