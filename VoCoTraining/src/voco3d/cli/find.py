"""``voco find``: the same place, or the same box, in another image."""

from argparse import Namespace
from functools import partial
from itertools import product
from pathlib import Path

from voco3d.cli.commands import Commands
from voco3d.cli.options import add_device_option, add_progress_option
from voco3d.cli.positions import parse_place
from voco3d.cli.progress import show_progress
from voco3d.data.images import read_image
from voco3d.errors import VoCoError

HELP = "Find a place or a box of one image in another, of the same patient or of another one."


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
        metavar="X,Y,Z",
        help="a place in SOURCE in RAS mm; may be given again (write --at=X,Y,Z where X is "
        "negative)",
    )
    parser.add_argument(
        "--box",
        action="append",
        metavar="X,Y,Z,W,D,H",
        help="a box in SOURCE: its centre in RAS mm, and its sides from left to right, front to "
        "back and along the body in mm; may be given again",
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
    places = [parse_place("--at", text) for text in arguments.at or ()]
    boxes = [parse_box(text) for text in arguments.box or ()]
    if not places and not boxes:
        raise VoCoError("Say what is to be found: a place with --at, or a box with --box.")

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
        found = finder.find(places, progress) if places else ()
        found += finder.find_boxes(boxes, progress) if boxes else ()
    for one in found:
        print(
            f"{'' if one.box is None else 'box around '}{_text(one.asked)} -> {_text(one.place)} "
            f"(similarity {one.similarity:.2f}; same share of the body: {_text(one.relative)})"
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


def parse_box(text: str) -> list[tuple[float, ...]]:
    """``x,y,z,w,d,h``, a centre and three sides in mm, as the eight corners of a box.

    Raises:
        VoCoError: If it is something else, or a side is not longer than 0.
    """
    try:
        x, y, z, width, depth, height = map(float, text.split(","))
    except ValueError:
        raise VoCoError(
            "--box is written as x,y,z,w,d,h in mm, a centre (RAS) and three sides, for example "
            f"--box=-12.5,40,7,30,30,20, not {text!r}."
        ) from None
    if not all(side > 0 for side in (width, depth, height)):
        raise VoCoError(f"The sides of a --box must be longer than 0 mm, but it is {text!r}.")
    sides = ((x, width), (y, depth), (z, height))
    return list(product(*((middle - side / 2, middle + side / 2) for middle, side in sides)))


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _text(place: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.1f}" for value in place)
