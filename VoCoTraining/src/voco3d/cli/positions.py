"""``voco positions``: where crops lie, as a network sees it."""

import re
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from voco3d.cli.commands import Commands
from voco3d.cli.options import add_device_option, add_progress_option
from voco3d.cli.progress import show_progress
from voco3d.errors import VoCoError

if TYPE_CHECKING:
    from voco3d.positions import CropPosition, PositionReport

HELP = "Show where a network thinks that crops of an image lie, and where they do lie."
RANDOM = 8
"""Crops where none are asked for."""


def add_to(commands: Commands) -> None:
    """Add ``voco positions`` to the commands."""
    parser = commands.add_parser(
        "positions",
        help=HELP,
        description=HELP + " The image is cut into base crops; for each crop the overlaps with "
        "them are predicted, as in VoCo's pre-training. All places are RAS mm.",
    )
    parser.add_argument(
        "inputs",
        type=Path,
        nargs="+",
        metavar="INPUT",
        help="3-D image file, or folder with a DICOM series; for a model of several channels one "
        "each, in the order that `voco models info` shows, on one grid",
    )
    parser.add_argument(
        "--model",
        required=True,
        help="model name (see `voco models list`), model folder or checkpoint file; without a "
        "projector the pooled features of its encoder are compared",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for results")
    parser.add_argument(
        "--grid", metavar="4x4x1", help="bases along x, y and z (default: the model's)"
    )
    parser.add_argument(
        "--crop",
        action="append",
        metavar="X,Y,Z",
        help="centre of a crop in RAS mm; may be given again (write --crop=X,Y,Z where X is "
        "negative)",
    )
    parser.add_argument(
        "--crops", type=int, metavar="N", help=f"so many random crops (default: {RANDOM})"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the random crops (default: %(default)s)"
    )
    parser.add_argument(
        "--reference",
        action="store_true",
        help="compare with the model's reference bases instead of the image's own",
    )
    parser.add_argument(
        "--step",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="distance of the crops of the error map, as a share of a crop (default: %(default)s)",
    )
    parser.add_argument("--series", metavar="UID", help="which series of a DICOM folder")
    add_device_option(parser)
    add_progress_option(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace earlier results")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> None:
    """Run ``voco positions``."""
    if arguments.crop is not None and arguments.crops is not None:
        raise VoCoError("Give places (--crop) or a number of random crops (--crops), not both.")
    if arguments.series is not None and len(arguments.inputs) > 1:
        raise VoCoError("--series chooses among one folder's series: give one input with it.")
    counts = None if arguments.grid is None else parse_grid(arguments.grid)
    centres = [parse_place("--crop", text) for text in arguments.crop or ()]

    from voco3d.data import read_image
    from voco3d.figures.positions import pictures
    from voco3d.metrics.tables import check_folder
    from voco3d.positions import Positioner
    from voco3d.positions.sweep import check_step
    from voco3d.positions.writing import FILES, write_positions

    check_step(arguments.step)
    check_folder(arguments.out, arguments.overwrite, FILES)
    positioner = Positioner(arguments.model, arguments.device)
    positioner.model.check_channels(len(arguments.inputs))
    images = [read_image(path, arguments.series) for path in arguments.inputs]
    with show_progress(arguments.progress) as progress:
        volume = positioner.open(
            images, counts=counts, reference=arguments.reference, progress=progress
        )
        if centres:
            crops = volume.locate(centres, progress)
        else:
            count = RANDOM if arguments.crops is None else arguments.crops
            crops = volume.locate_random(count, arguments.seed, progress)
        sweep = volume.sweep(arguments.step, progress)
        report = volume.report(crops)
        write_positions(arguments.out, report, sweep, pictures(volume, crops, sweep, progress))
    print_report(report, arguments.out)


def parse_grid(text: str) -> tuple[int, int, int]:
    """``4x4x1`` as three counts.

    Raises:
        VoCoError: If it is something else.
    """
    if not (found := re.fullmatch(r"(\d+)[x,](\d+)[x,](\d+)", text.strip())):
        raise VoCoError(f"--grid is written as 4x4x1 (bases along x, y and z), not {text!r}.")
    x, y, z = map(int, found.groups())
    return (x, y, z)


def parse_place(option: str, text: str) -> tuple[float, float, float]:
    """``x,y,z`` as a place in mm.

    Raises:
        VoCoError: If it is something else.
    """
    try:
        x, y, z = map(float, text.split(","))
    except ValueError:
        raise VoCoError(
            f"{option} is written as x,y,z in RAS mm, for example {option}=-12.5,40,7, not "
            f"{text!r}."
        ) from None
    return (x, y, z)


def print_report(report: "PositionReport", folder: Path) -> None:
    """The crops, a line each, and what they say together."""
    from voco3d.positions.summary import summarise

    for note in report.notes:
        print(note)
    for number, crop in enumerate(report.crops, start=1):
        print(f"crop {number:<4} {_line(crop)}")
    summary = summarise(report.crops)
    print(
        f"top-1 {summary['top1']:.2f} (chance {summary['chance']:.2f}), overlap error "
        f"{summary['overlap_error']:.3f}, L_pred {summary['loss']:.3f}, median distance "
        f"{summary['median_distance_mm']:.0f} mm over {summary['crops']} crops; L_reg "
        f"{report.bases.regularisation:.3f} ({report.bases.source} bases)"
    )
    print(f"{folder}: written")


def _line(crop: "CropPosition") -> str:
    true = max(range(len(crop.overlaps)), key=crop.overlaps.__getitem__) + 1
    verdict = f"base {crop.chosen}" + ("" if crop.right else f" instead of {true}")
    off = "no place predicted" if crop.distance is None else f"{crop.distance:.0f} mm off"
    centre = ", ".join(f"{value:.0f}" for value in crop.centre)
    return f"at {centre}: {verdict}, {off}, L_pred {crop.loss:.3f}"
