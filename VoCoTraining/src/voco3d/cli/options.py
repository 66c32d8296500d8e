"""Options that several commands share."""

from argparse import ArgumentParser
from typing import get_args

from voco3d.cli.progress import Style


def add_progress_option(parser: ArgumentParser) -> None:
    """Add ``--progress``."""
    parser.add_argument(
        "--progress",
        choices=get_args(Style),
        default="bar",
        help="progress on standard error: a bar, JSON lines or none (default: %(default)s)",
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
