"""Options in YAML files and on the command line."""

import re
from collections.abc import Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonargparse import (  # type: ignore[attr-defined]
    ActionConfigFile,
    ArgumentError,
    ArgumentParser,
    Namespace,
)

from voco3d.errors import VoCoError
from voco3d.pretraining.config import PretrainConfig
from voco3d.writing import write_aside

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


def config_parser() -> ArgumentParser:
    """A parser of all options of ``PretrainConfig`` and of the cache, ``--data``."""
    parser = ArgumentParser(
        prog="voco pretrain",
        exit_on_error=False,
        allow_abbrev=False,
        print_config="--print-config",
    )
    parser.add_argument(
        "--config", action=_ConfigFile, help="YAML file, or name of a shipped configuration"
    )
    parser.add_argument("--data", type=Path | None, help="training cache (voco cache build)")
    parser.add_class_arguments(PretrainConfig)
    return parser


def parse(parser: ArgumentParser, arguments: Sequence[str]) -> tuple[Namespace, PretrainConfig]:
    """Parse arguments; return all of them, and the options of the run.

    Raises:
        VoCoError: If an option is unknown or its value has the wrong type.
    """
    try:
        parsed = parser.parse_args(list(arguments))
    except ArgumentError as error:
        raise VoCoError(_sentence(str(error))) from error
    keys = PretrainConfig.__dataclass_fields__
    options = parser.instantiate(parsed)
    return parsed, PretrainConfig(**{key: options[key] for key in keys})


def read_config(path: Path) -> tuple[Path, PretrainConfig]:
    """Read the cache's folder and the options from a run's ``config.yaml``.

    Raises:
        VoCoError: If the file is not there, holds something else, or names no cache.
    """
    if not path.is_file():
        raise VoCoError(f"{path.parent} is not a run: it has no {path.name}.")
    parsed, config = parse(config_parser(), ["--config", str(path)])
    if parsed.data is None:
        raise VoCoError(f"{path} does not say which cache to train on: add a line `data: CACHE`.")
    return parsed.data, config


def write_config(path: Path, data: Path, config: PretrainConfig) -> None:
    """Write what ``read_config`` reads."""
    parser = config_parser()
    options = parser.parse_object({"data": str(data.absolute()), **config.to_plain()})
    write_aside(path, partial(_write, text=parser.dump(options, skip_unset=False)))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _sentence(message: str) -> str:
    """A message of the parser's in one sentence."""
    text = re.sub(r"<class '(.+?)'>|typing\.(Literal)", r"\1\2", " ".join(message.split()))
    text = re.sub(r'^Parser key "(.+?)": ', r"The option \1 is wrong: ", text).rstrip(".")
    return f"{text[0].upper()}{text[1:]} (`voco pretrain --help` lists all options)."
