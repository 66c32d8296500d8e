"""``voco cache``: prepare the volumes that pre-training reads."""

import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from functools import partial
from pathlib import Path

from voco3d.cli.commands import Commands
from voco3d.cli.options import add_intensity_option, add_progress_option
from voco3d.cli.progress import show_progress
from voco3d.cli.stopping import cleaning_up
from voco3d.errors import VoCoError

HELP = "Make and describe training caches."


def add_to(commands: Commands) -> None:
    """Add ``voco cache`` to the commands."""
    parser = commands.add_parser("cache", help=HELP, description=HELP)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    build = actions.add_parser(
        "build",
        help="prepare every volume of a data set once",
        description="Prepare every volume of a data set once: RAS, cut to the body, one "
        "interpolation, intensity window. Run it again to go on after a stop, or when the data "
        "have changed.",
    )
    _add_build_options(build)
    build.set_defaults(run=run_build)
    info = actions.add_parser(
        "info",
        help="describe a cache",
        description="Say what a cache holds, how it was made, and which sources have changed.",
    )
    info.add_argument("cache", type=Path, metavar="CACHE", help="folder of the cache")
    info.set_defaults(run=run_info)


def _add_build_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "data",
        type=Path,
        metavar="DATA",
        help="folder of CTs, Decathlon dataset.json, or nnU-Net raw folder",
    )
    parser.add_argument("cache", type=Path, metavar="CACHE", help="folder for the cache")
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument(
        "--size",
        type=int,
        nargs=3,
        metavar=("X", "Y", "Z"),
        help="voxels of every volume (default: 256 256 64)",
    )
    extent.add_argument(
        "--spacing",
        type=float,
        nargs=3,
        metavar=("X", "Y", "Z"),
        help="voxel size in mm, instead of one size for all",
    )
    add_intensity_option(parser)
    parser.add_argument(
        "--foreground",
        type=_share_or_none,
        default=0.3,
        metavar="SHARE",
        help="cut to the box of voxels above this share of the window, or none (default: 0.3)",
    )
    parser.add_argument(
        "--bits", type=int, default=8, choices=(8, 16), help="a voxel (default: %(default)s)"
    )
    parser.add_argument(
        "--validation",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="held out where the data name no validation volumes (default: %(default)s)",
    )
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one a core)")
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of a dask scheduler, whose workers see data and cache under the same paths",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a cache of other settings"
    )
    add_progress_option(parser)


def _share_or_none(text: str) -> float | None:
    if text.lower() == "none":
        return None
    try:
        return float(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is neither a number nor none") from error


def run_build(arguments: Namespace) -> None:
    """Run ``voco cache build``."""
    from voco3d.data.cache import build_cache, open_cache, remove_unfinished
    from voco3d.data.lists import find_sources
    from voco3d.data.volume import VolumeSettings

    started = time.monotonic()
    if arguments.workers is not None and arguments.workers < 1:
        raise VoCoError(f"--workers must be 1 or more, but it is {arguments.workers}.")
    spacing = None if arguments.spacing is None else tuple(arguments.spacing)
    settings = VolumeSettings(
        intensity=tuple(arguments.intensity),
        foreground=arguments.foreground,
        size=tuple(arguments.size or (256, 256, 64)) if spacing is None else None,
        spacing=spacing,
        bits=arguments.bits,
    )
    sources = find_sources(arguments.data, arguments.validation)
    unfinished = partial(remove_unfinished, arguments.cache)
    with cleaning_up(unfinished), show_progress(arguments.progress) as progress:
        report = build_cache(
            sources,
            arguments.cache,
            settings,
            count=arguments.workers,
            scheduler=arguments.scheduler,
            overwrite=arguments.overwrite,
            progress=progress,
        )
    for name, reason in report.skipped.items():
        print(f"skipped {name}: {reason}")
    for name in report.dropped:
        print(f"dropped {name}: it is no longer among the data")
    cache = open_cache(arguments.cache)
    megabytes = sum(volume.bytes for volume in cache.volumes) / 1e6
    print(
        f"{arguments.cache}: {len(report.cached)} cached, {len(report.reused)} reused, "
        f"{len(report.skipped)} skipped, {len(report.dropped)} dropped; "
        f"{len(cache.part('training'))} training, {len(cache.part('validation'))} validation; "
        f"{megabytes:.1f} MB, {time.monotonic() - started:.1f} s"
    )
    if not cache.volumes:
        raise VoCoError(f"No volume of {arguments.data} could be cached: see the reasons above.")


def run_info(arguments: Namespace) -> None:
    """Run ``voco cache info``."""
    from voco3d.data.cache import open_cache, source_states

    cache = open_cache(arguments.cache)
    for name, value in cache.settings.to_json().items():
        shown = " ".join(map(str, value)) if isinstance(value, list) else value
        if value is not None or name == "foreground":
            print(f"{name:12} {shown}")
    megabytes = sum(volume.bytes for volume in cache.volumes) / 1e6
    print(f"{'training':12} {len(cache.part('training'))} volumes")
    print(f"{'validation':12} {len(cache.part('validation'))} volumes")
    print(f"{'stored':12} {megabytes:.1f} MB")
    states = source_states(cache.volumes)
    for state in ("changed", "gone"):
        for name in (name for name, found in states.items() if found == state):
            print(f"{state:12} {name}")
