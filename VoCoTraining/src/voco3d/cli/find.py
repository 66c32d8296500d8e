"""``voco find``: the same place in another image."""

from argparse import Namespace
from functools import partial
from pathlib import Path

from voco3d.cli.commands import Commands
from voco3d.cli.options import add_device_option, add_progress_option
from voco3d.cli.positions import parse_place
from voco3d.cli.progress import show_progress
from voco3d.data.images import read_image
from voco3d.errors import VoCoError

HELP = "Find the place of one image in another, of the same patient or of another one."


def add_to(commands: Commands) -> None:
    """Add ``voco find`` to the commands."""
    parser = commands.add_parser(
        "find",
        help=HELP,
        description=HELP + " A network compares a crop around the place with crops all over the "
        "other image. All places are RAS mm.",
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="image with the place")
    parser.add_argument("target", type=Path, metavar="TARGET", help="image that is searched")
    parser.add_argument(
        "--at",
        action="append",
        required=True,
        metavar="X,Y,Z",
        help="the place in SOURCE in RAS mm; may be given again (write --at=X,Y,Z where X is "
        "negative)",
    )
    parser.add_argument(
        "--model",
        default="headneck-voco",
        help="model name (see `voco models list`), model folder or checkpoint file "
        "(default: %(default)s)",
    )
    parser.add_argument("--out", type=Path, metavar="JSON", help="write the places there")
    parser.add_argument(
        "--figure",
        type=Path,
        metavar="PNG",
        help="draw the places there: three cuts through each, in both images",
    )
    add_device_option(parser)
    add_progress_option(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> None:
    """Run ``voco find``."""
    asked = [parse_place("--at", text) for text in arguments.at]

    from voco3d.positions import PlaceFinder, Positioner
    from voco3d.writing import check_writable, write_aside, write_json

    if arguments.figure is not None and arguments.figure.suffix.lower() != ".png":
        raise VoCoError(
            f"--figure draws a PNG: name a file that ends in .png, not {arguments.figure}."
        )
    for path in (arguments.out, arguments.figure):
        if path is not None:
            check_writable(path, arguments.overwrite)
    positioner = Positioner(arguments.model, arguments.device)
    source, target = (read_image(path) for path in (arguments.source, arguments.target))
    with show_progress(arguments.progress) as progress:
        finder = PlaceFinder(positioner, source, target, progress)
        found = finder.find(asked, progress)
    for one in found:
        print(
            f"{_text(one.asked)} -> {_text(one.place)} (similarity {one.similarity:.2f}; same "
            f"share of the body: {_text(one.relative)})"
        )
    if arguments.out is not None:
        content = {
            "model": positioner.model.name,
            "embedding": positioner.encoder.embedding,
            "places": [one.to_plain() for one in found],
        }
        write_aside(arguments.out, partial(write_json, values=content))
    if arguments.figure is not None:
        from voco3d.figures.places import draw_places
        from voco3d.figures.style import to_png

        picture = to_png(draw_places(finder, found))
        write_aside(arguments.figure, partial(_write_bytes, data=picture))


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _text(place: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.1f}" for value in place)
