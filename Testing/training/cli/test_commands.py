"""What all commands share: help, version, and no command at all."""

from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from importlib.metadata import entry_points

import pytest

import voco3d
from voco3d.cli import main
from voco3d.cli.main import build_parser


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
