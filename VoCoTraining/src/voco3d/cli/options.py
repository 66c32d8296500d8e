"""Options that several commands share."""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from voco3d.cli.progress import Style
from voco3d.errors import VoCoError

if TYPE_CHECKING:
    import jsonargparse


def add_progress_option(parser: ArgumentParser) -> None:
    """Add ``--progress``."""
    parser.add_argument(
        "--progress",
        choices=get_args(Style),
        default="bar",
        help="progress on standard error: a bar, JSON lines or none (default: %(default)s)",
    )


def add_device_option(parser: ArgumentParser) -> None:
    """Add ``--device``."""
    parser.add_argument(
        "--device",
        default="auto",
        choices=("auto", "cpu", "cuda", "mps"),
        help="where to compute (default: the best there is)",
    )


def add_intensity_option(parser: ArgumentParser) -> None:
    """Add ``--intensity LOW HIGH``, in HU."""
    parser.add_argument(
        "--intensity",
        type=float,
        nargs=2,
        default=(-175.0, 250.0),
        metavar=("LOW", "HIGH"),
        help="HU window that is mapped to 0..1 (default: -175 250)",
    )


def add_run_options(parser: "jsonargparse.ArgumentParser", what: str = "run") -> None:
    """Add ``--out`` and ``--resume``."""
    parser.add_argument("--out", type=Path | None, help=f"folder for the {what}")
    parser.add_argument(
        "--resume", type=Path | None, metavar="FOLDER", help=f"go on with this {what}"
    )


def check_run_options(command: str, options: Any, arguments: Sequence[str]) -> None:
    """Refuse ``--resume`` beside other options, and a new run without ``--data`` or ``--out``.

    Raises:
        VoCoError: If it is so.
    """
    if options.resume is None:
        for name in ("data", "out"):
            if options[name] is None:
                raise VoCoError(f"Say --{name}, or go on with --resume FOLDER.")
    elif len(arguments) > 1 + ("--resume" in arguments):
        raise VoCoError(
            f"What is resumed keeps its options: say `{command} --resume {options.resume}` alone."
        )
