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


def add_finish_option(parser: "jsonargparse.ArgumentParser") -> None:
    """Add ``--finish``."""
    parser.add_argument(
        "--finish",
        type=Path | None,
        metavar="FOLDER",
        help="make the model of what this stopped run has trained so far",
    )


def check_run_options(command: str, options: Any, arguments: Sequence[str]) -> None:
    """Refuse a run from before beside other options, and a new one without data or folder.

    Raises:
        VoCoError: If it is so.
    """
    before = {"--resume": options.resume, "--finish": options.get("finish")}
    said = {flag: folder for flag, folder in before.items() if folder is not None}
    if not said:
        for name in ("data", "out"):
            if options[name] is None:
                raise VoCoError(f"Say --{name}, or go on with --resume FOLDER.")
    for flag, folder in said.items():
        if len(arguments) > 1 + (flag in arguments):
            raise VoCoError(
                f"A run keeps its options: say `{command} {flag} {folder}` and nothing else."
            )
