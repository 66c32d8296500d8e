"""``voco models``: the models that are there, what they are, and how to add one."""

import re
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from voco3d.cli.commands import Commands
from voco3d.cli.options import add_intensity_option
from voco3d.errors import VoCoError

if TYPE_CHECKING:
    from voco3d.data import Preprocessing

NAME = r"[^\W_][\w.-]*"
"""Of a model: also a folder's name."""

HELP = "List, describe and add models."


def add_to(commands: Commands) -> None:
    """Add ``voco models`` to the commands."""
    parser = commands.add_parser("models", help=HELP, description=HELP)
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    names = actions.add_parser("list", help="list the models", description="List the models.")
    names.set_defaults(run=_list)
    about = actions.add_parser(
        "info",
        help="describe a model",
        description="Describe a model: classes, training data, results.",
    )
    about.add_argument("model", metavar="MODEL", help="name, model folder or checkpoint file")
    about.set_defaults(run=_info)
    _add_add(actions)


def _add_add(actions: Commands) -> None:
    parser = actions.add_parser(
        "add",
        help="make a model of a checkpoint file",
        description="Make a model folder of a checkpoint file (the authors' VoComni and SSL heads, "
        "or any SwinUNETR-V2 or DynUNet) and report what became of every tensor. The file is read "
        "without running code from it.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help=".pt, .pth or .safetensors")
    parser.add_argument("--name", help="the model's name (default: the file's)")
    parser.add_argument(
        "--classes",
        metavar="NAME,NAME",
        help="names of the classes besides background, in label order",
    )
    parser.add_argument(
        "--spacing",
        type=float,
        default=1.5,
        metavar="MM",
        help="voxel size that the network was trained at (default: %(default)s)",
    )
    add_intensity_option(parser)
    parser.add_argument(
        "--in-channels",
        type=int,
        metavar="N",
        help="inflate the first layer from 1 to this many input channels",
    )
    parser.add_argument(
        "--allow-partial",
        action="store_true",
        help="accept a checkpoint that lacks parts of the encoder: they stay random",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a model of this name")
    parser.set_defaults(run=_add)


def _list(_: Namespace) -> None:
    from voco3d.models import model_folders, read_model

    rows = [("name", "classes", "positions", "licence", "what")]
    for name, folder in model_folders().items():
        try:
            model = read_model(folder)
        except VoCoError as error:
            rows.append((name, "-", "-", "-", f"cannot be used: {error}"))
            continue
        classes = str(len(model.structures or model.categories))
        bases = f"{model.positions.grid.n} bases" if model.positions else "-"
        rows.append((name, classes, bases, model.card.licence, model.card.task))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(map(str.ljust, row, widths)).rstrip())


def _info(arguments: Namespace) -> None:
    from voco3d.models import find_model
    from voco3d.models.folder import readme

    model = find_model(arguments.model)
    print(readme(model))
    print(f"network      {model.network.name} {dict(model.network.args)}")
    for line in _preprocessing(model.preprocessing):
        print(line)
    print(f"window       {' x '.join(map(str, model.window))} voxels, overlap {model.overlap:g}")
    print(f"weights      {model.weights}")
    for line in model.positions.lines() if model.positions else ():
        print(f"positions    {line}")
    for number, channel in enumerate(model.channels, start=1):
        print(f"channel {number:<4} {channel}")
    for number, category in enumerate(model.categories, start=1):
        print(f"category {number:<3} {category}")
    what = "label" if model.regions is None else "region"
    for number, s in enumerate(model.structures, start=1):
        side = f", {s.modifier.meaning} ({s.modifier.value})" if s.modifier else ""
        print(
            f"{what} {number:<{12 - len(what)}}{s.name}: {s.type.meaning} "
            f"({s.type.scheme} {s.type.value}){side}"
        )


def _preprocessing(preprocessing: "Preprocessing") -> list[str]:
    if preprocessing.size is not None:
        sides = f"size         {' x '.join(map(str, preprocessing.size))} voxels"
    elif preprocessing.spacing is not None:
        sides = f"spacing      {' x '.join(f'{s:g}' for s in preprocessing.spacing)} mm"
    else:
        sides = "spacing      the image's own"
    if preprocessing.intensity is not None:
        low, high = preprocessing.intensity
        return [sides, f"intensity    {low:g} to {high:g} HU"]
    return [sides, "intensity    z-score of each channel's voxels that are not 0"]


def _add(arguments: Namespace) -> None:
    from voco3d.data import Preprocessing
    from voco3d.models import model_from_checkpoint, user_folder, write_model

    if arguments.name is not None and not re.fullmatch(NAME, arguments.name):
        raise VoCoError(
            f"{arguments.name!r} cannot be a model's name: use letters, digits, dots, dashes and "
            "underscores, with a letter or digit first."
        )
    classes = None
    if arguments.classes is not None:
        classes = [name.strip() for name in arguments.classes.split(",")]
    model = model_from_checkpoint(
        arguments.file,
        name=arguments.name,
        classes=classes,
        in_channels=arguments.in_channels,
        preprocessing=Preprocessing((arguments.spacing,) * 3, tuple(arguments.intensity)),
    )
    network, report = model.load(
        allow_partial=arguments.allow_partial,
        inflate_channels=arguments.in_channels is not None,
    )
    for line in report.lines():
        print(line)
    print(report.summary())
    folder = user_folder() / model.name
    write_model(folder, model, network, overwrite=arguments.overwrite)
    print(f"{folder}: {model.card.task}")
    print(f"Licence of the weights: {model.card.licence}.")
