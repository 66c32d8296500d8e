"""``voco phantom``: synthetic CTs with exact labels, as a data set."""

from argparse import Namespace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import get_args

import SimpleITK as sitk

from voco3d.cli.commands import Commands
from voco3d.cli.stopping import cleaning_up
from voco3d.errors import VoCoError
from voco3d.phantom import Region, make_phantom
from voco3d.writing import check_writable, discard, write_aside, write_image, write_json

HELP = "Make synthetic CTs with exact labels."


def add_to(commands: Commands) -> None:
    """Add ``voco phantom`` to the commands."""
    parser = commands.add_parser(
        "phantom",
        help=HELP,
        description=HELP + " They are written as a data set: images, labels and dataset.json. The "
        "same seed gives the same patient at any spacing.",
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the data set")
    parser.add_argument(
        "--region",
        choices=get_args(Region),
        default="headneck",
        help="which part of the body (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="first seed (default: 0)")
    parser.add_argument(
        "--count", type=int, default=1, help="how many, with seeds counting up (default: 1)"
    )
    parser.add_argument(
        "--spacing", type=float, metavar="MM", help="voxel size (default: by region)"
    )
    parser.add_argument(
        "--size", type=int, default=128, metavar="N", help="voxels along each side (default: 128)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> None:
    """Run ``voco phantom``."""
    if arguments.count < 1:
        raise VoCoError(f"--count must be 1 or more, but it is {arguments.count}.")
    seeds = range(arguments.seed, arguments.seed + arguments.count)
    phantoms = (
        make_phantom(arguments.region, seed, (arguments.size,) * 3, arguments.spacing)
        for seed in seeds
    )
    first = next(phantoms)  # refuses bad options before a folder is made
    out: Path = arguments.out
    entries = [
        {kind: f"{kind}s/{arguments.region}_{seed:04d}.nii.gz" for kind in ("image", "label")}
        for seed in seeds
    ]
    _make_folders(out)
    for file in ("dataset.json", *(file for entry in entries for file in entry.values())):
        check_writable(out / file, arguments.overwrite)
    for entry, phantom in zip(entries, chain([first], phantoms), strict=True):
        _write(out / entry["image"], phantom.image)
        _write(out / entry["label"], phantom.labels)
    names = dict(enumerate(("background", *first.names)))
    dataset = {
        "name": f"synthetic {arguments.region} CT",
        "modality": {"0": "CT"},
        "labels": {str(label): name for label, name in names.items()},
        "training": entries,
    }
    write_aside(out / "dataset.json", partial(write_json, values=dataset))
    print(out / "dataset.json")


def _make_folders(out: Path) -> None:
    try:
        for folder in ("images", "labels"):
            (out / folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VoCoError(f"The folder {out} cannot be made: {error.strerror}.") from error


def _write(path: Path, image: sitk.Image) -> None:
    with cleaning_up(partial(discard, path)):
        write_aside(path, partial(write_image, image=image))
    print(path, flush=True)
