"""Options in YAML files and on the command line."""

import re
from collections.abc import Sequence
from dataclasses import asdict, fields
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from jsonargparse import (  # type: ignore[attr-defined]
    ActionConfigFile,
    ArgumentError,
    ArgumentParser,
    Namespace,
)

from voco3d.errors import VoCoError
from voco3d.training.options import plain
from voco3d.writing import write_aside


class _Options(Protocol):
    """A dataclass of options."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


Config = TypeVar("Config", bound=_Options)

SHIPPED = files("voco3d") / "configs"


class _ConfigFile(ActionConfigFile):
    """Takes a file, or the name of a configuration that comes with the package."""

    def __call__(self, parser: Any, cfg: Any, values: Any, option_string: Any = None) -> None:
        super().__call__(parser, cfg, str(find_config(values)), option_string)  # type: ignore[no-untyped-call]


def find_config(name: str) -> Path:
    """The file of this name or, failing that, the shipped configuration of this name.

    Raises:
        VoCoError: If there is neither.
    """
    shipped = {path.stem: path for path in sorted(Path(str(SHIPPED)).glob("*.yaml"))}
    if Path(name).is_file():
        return Path(name)
    if name.removesuffix(".yaml") in shipped:
        return shipped[name.removesuffix(".yaml")]
    raise VoCoError(
        f"There is no configuration {name}: name a file or one of {', '.join(shipped)}."
    )


class ConfigFile(Generic[Config]):
    """The options of a command, in YAML and as flags.

    Args:
        command: The command, for example "voco pretrain".
        config: Dataclass of all options.
        data: What the option ``--data`` takes, for people.
    """

    def __init__(self, command: str, config: type[Config], data: str) -> None:
        self.command, self.config, self.data = command, config, data

    def parser(self) -> ArgumentParser:
        """A parser of all options, and of ``--data``."""
        parser = ArgumentParser(
            prog=self.command,
            exit_on_error=False,
            allow_abbrev=False,
            print_config="--print-config",
        )
        parser.add_argument(
            "--config", action=_ConfigFile, help="YAML file, or name of a shipped configuration"
        )
        parser.add_argument("--data", type=Path | None, help=self.data)
        parser.add_class_arguments(self.config)
        return parser

    def parse(self, parser: ArgumentParser, arguments: Sequence[str]) -> tuple[Namespace, Config]:
        """Parse arguments; return all of them, and the options of the run.

        Raises:
            VoCoError: If an option is unknown or its value has the wrong type.
        """
        try:
            parsed = parser.parse_args(list(arguments))
        except ArgumentError as error:
            raise VoCoError(self._sentence(str(error))) from error
        options = parser.instantiate(parsed)
        return parsed, self.config(
            **{field.name: options[field.name] for field in fields(self.config)}
        )

    def read(self, path: Path) -> tuple[Path, Config]:
        """Read the data's path and the options from a run's ``config.yaml``.

        Raises:
            VoCoError: If the file is not there, holds something else, or names no data.
        """
        if not path.is_file():
            raise VoCoError(f"{path.parent} is not a run: it has no {path.name}.")
        parsed, config = self.parse(self.parser(), ["--config", str(path)])
        if parsed.data is None:
            raise VoCoError(f"{path} does not say what to train on: add a line `data: PATH`.")
        return parsed.data, config

    def write(self, path: Path, data: Path, config: Config) -> None:
        """Write what ``read`` reads."""
        parser = self.parser()
        options = parser.parse_object({"data": str(data.absolute()), **plain(asdict(config))})
        write_aside(path, partial(_write, text=parser.dump(options, skip_unset=False)))

    def _sentence(self, message: str) -> str:
        """A message of the parser's in one sentence."""
        text = re.sub(r"<class '(.+?)'>|typing\.(Literal)", r"\1\2", " ".join(message.split()))
        text = re.sub(r'^Parser key "(.+?)": ', r"The option \1 is wrong: ", text).rstrip(".")
        return f"{text[0].upper()}{text[1:]} (`{self.command} --help` lists all options)."


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
