"""``voco segment``: one image in, one segmentation out."""

import os
import time
from argparse import Namespace
from pathlib import Path

from voco3d.cli.commands import Commands
from voco3d.cli.options import add_device_option, add_progress_option
from voco3d.cli.progress import show_progress
from voco3d.cli.stopping import cleaning_up
from voco3d.data.images import choose_series, read_image, series_files
from voco3d.errors import VoCoError

HELP = "Segment an image: a file, a DICOM folder, or several of them, one a channel."


def add_to(commands: Commands) -> None:
    """Add ``voco segment`` to the commands."""
    parser = commands.add_parser(
        "segment", help=HELP, description=HELP + " The result lies on the input's own grid."
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
        "output",
        type=Path,
        metavar="OUTPUT",
        help="Slicer segmentation (.seg.nrrd), label map (.nii.gz, .nrrd, .mha), or DICOM SEG "
        "(.dcm, for DICOM input)",
    )
    parser.add_argument(
        "--model",
        default="headneck-oar",
        help="model name (see `voco models list`), model folder or checkpoint file "
        "(default: %(default)s)",
    )
    parser.add_argument("--series", metavar="UID", help="which series of a DICOM folder")
    add_device_option(parser)
    parser.add_argument(
        "--overlap",
        type=float,
        metavar="SHARE",
        help="overlap of neighbouring windows, 0 to below 1 (default: the model's)",
    )
    parser.add_argument(
        "--classes",
        metavar="NAME,NAME",
        help="only these structures (default: all)",
    )
    add_progress_option(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> None:
    """Run ``voco segment``."""
    started = time.monotonic()
    first: Path = arguments.inputs[0]
    if arguments.series is not None and len(arguments.inputs) > 1:
        raise VoCoError("--series chooses among one folder's series: give one input with it.")
    source: tuple[str, ...] = ()
    if os.path.isdir(first):
        source = series_files(first, choose_series(first, arguments.series))

    from voco3d.inference import Segmenter
    from voco3d.models.structures import choose
    from voco3d.outputs.target import Target

    if any(_same_file(file, arguments.output) for file in arguments.inputs):
        raise VoCoError(f"The output {arguments.output} is the input: choose another name.")
    target = Target(arguments.output, arguments.overwrite, source)
    classes = None
    if arguments.classes is not None:
        classes = [name.strip() for name in arguments.classes.split(",")]
    segmenter = Segmenter(arguments.model, arguments.device)
    structures = choose(segmenter.model.structures, classes)
    segmenter.check_channels(len(arguments.inputs))
    images = [read_image(file, arguments.series) for file in arguments.inputs]
    with cleaning_up(target.discard), show_progress(arguments.progress) as progress:
        labels = segmenter(images, overlap=arguments.overlap, classes=classes, progress=progress)
        target.write(labels, structures, segmenter.model)
    seconds = time.monotonic() - started
    print(f"{arguments.output}: {', '.join(s.name for s in structures.values())}; {seconds:.1f} s")


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
