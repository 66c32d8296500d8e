"""``voco compare`` as a user sees it."""

from pathlib import Path

import pytest

from Testing.training.compare.small_table import config_of, write_cases
from voco3d.cli import main
from voco3d.compare.config_file import COMPARISON, read_config, write_config


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_cases(tmp_path_factory.mktemp("data") / "cases")


@pytest.fixture(scope="module")
def options(data, tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("options") / "tiny.yaml"
    write_config(file, data, config_of(labels=[1]))
    return file


def test_it_compares_goes_on_and_writes_the_table_anew(options, data, tmp_path, capsys):
    out = str(tmp_path / "table")
    assert main(["compare", "table", out]) == 2
    assert "is not a run" in capsys.readouterr().err
    assert main(["compare", "--config", str(options), "--data", str(data), "--out", out]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "none-1-0 (0 of 1 runs are finished)"
    assert said[-1] == f"{out}/table.md"
    for arguments in (["--resume", out], ["table", out]):
        assert main(["compare", *arguments]) == 0
        assert capsys.readouterr().out == f"{out}/table.md\n"
    longer = ["--finetune.optimisation.steps", "3", "--data", str(data), "--out", out]
    assert main(["compare", "--config", str(options), *longer]) == 2
    assert "holds a comparison with other options (finetune.optimisation.steps)" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "cases"], "Say --out"),
        (["--data", "nowhere", "--out", "table"], "nowhere"),
        (["--resume", "nowhere"], "nowhere is not a"),
        (["--resume", "nowhere", "--seeds", "3"], "--resume nowhere` and nothing else"),
        (["--resume=nowhere", "--seeds=3"], "--resume nowhere` and nothing else"),
        (["--data", "{data}", "--out", "table", "--labels", "[9]"], "asks for 9 labelled cases"),
        (["--data", "{data}", "--out", "table", "--labels", "[some]"], "labels"),
        (
            ["--data", "{data}", "--out", "table", "--initialisations", "{{voco: nowhere}}"],
            "There is no model",
        ),
        (["--data", "{data}", "--out", "table", "--seeds", "0"], "seeds must be 1 or more"),
        (["--nonsense"], "nonsense"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    arguments, message, data, options, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    configured = [] if "--resume" in arguments else ["--config", str(options)]
    given = [argument.format(data=data) for argument in arguments]
    assert main(["compare", *configured, *given]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("voco: ")
    assert message in said.err
    assert said.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_options_come_back_as_they_were_written(tmp_path):
    config = config_of(
        initialisations={"none": None, "voco": "/models/voco"}, labels=[3, "all"], seeds=4
    )
    write_config(tmp_path / "config.yaml", tmp_path / "dataset.json", config)
    assert read_config(tmp_path / "config.yaml") == (tmp_path / "dataset.json", config)


def test_the_shipped_demonstration_can_be_read():
    _, config = COMPARISON.parse(COMPARISON.parser(), ["--config", "compare-demo"])
    assert config.baseline == "none"
    assert config.labels == [2, 8]
