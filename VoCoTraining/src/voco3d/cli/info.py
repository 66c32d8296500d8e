"""``voco info``: what an image is, before it is segmented."""

import os
from argparse import Namespace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from voco3d.cli.commands import Commands
from voco3d.cli.options import add_device_option, add_progress_option
from voco3d.cli.progress import show_progress
from voco3d.data.images import read_image, series_files, series_in

HELP = "Describe an image: size, spacing, orientation, range of values."


def add_to(commands: Commands) -> None:
    """Add ``voco info`` to the commands."""
    parser = commands.add_parser(
        "info", help=HELP, description=HELP + " Names of patients are not shown."
    )
    parser.add_argument(
        "input", type=Path, metavar="INPUT", help="3-D image file, or folder with DICOM series"
    )
    parser.add_argument("--series", metavar="UID", help="which series of a DICOM folder")
    parser.add_argument(
        "--check",
        action="store_true",
        help="ask a position model whether the image shows what it knows, and lies as it says",
    )
    parser.add_argument(
        "--model",
        default="headneck-voco",
        help="model that --check asks; it must have reference bases (default: %(default)s)",
    )
    add_device_option(parser)
    add_progress_option(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> None:
    """Run ``voco info``."""
    if os.path.isdir(arguments.input):
        series = series_in(arguments.input)
        for uid in series:
            count = len(series_files(arguments.input, uid))
            print(f"series       {uid or 'without a UID'}, {count} files")
        if len(series) > 1 and arguments.series is None:
            print("Choose one with --series UID to see its image.")
            return
    image = read_image(arguments.input, arguments.series)
    for line in describe(image):
        print(line)
    if arguments.check:
        _check(image, arguments)


def _check(image: sitk.Image, arguments: Namespace) -> None:
    from voco3d.positions import Positioner, check_volume

    positioner = Positioner(arguments.model, arguments.device)
    with show_progress(arguments.progress) as progress:
        check = check_volume(positioner, image, progress)
    for name, sentence in zip(("check", "", ""), check.sentences, strict=False):
        print(f"{name:12} {sentence}")


def describe(image: sitk.Image) -> list[str]:
    """Size, spacing, place, orientation and intensities of an image, a line each."""
    size, spacing, direction = image.GetSize(), image.GetSpacing(), image.GetDirection()
    extent = [n * s for n, s in zip(size, spacing, strict=True)]
    voxels = sitk.GetArrayViewFromImage(image)
    axes = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(direction)
    oblique = not np.allclose(np.abs(direction).round(), np.abs(direction), atol=1e-3)
    return [
        f"size         {' x '.join(map(str, size))} voxels",
        f"spacing      {' x '.join(f'{s:.4g}' for s in spacing)} mm",
        f"extent       {' x '.join(f'{e:.0f}' for e in extent)} mm",
        f"origin       {', '.join(f'{o:.4g}' for o in image.GetOrigin())} mm (LPS)",
        f"orientation  {axes}{', oblique' if oblique else ''}: the axes point to these sides",
        f"type         {image.GetPixelIDTypeAsString()}",
        f"values       {voxels.min():.6g} to {voxels.max():.6g}, mean {voxels.mean():.1f}",
    ]
