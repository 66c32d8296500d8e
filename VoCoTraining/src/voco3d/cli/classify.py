"""``voco classify``: to which category each of some images belongs."""

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from voco3d.cli.commands import Commands
from voco3d.cli.options import add_device_option, add_progress_option
from voco3d.cli.progress import show_progress
from voco3d.data.images import read_image
from voco3d.errors import VoCoError

if TYPE_CHECKING:
    from voco3d.metrics.predictions import Predictions

HELP = "Say to which category each image belongs."


def add_to(commands: Commands) -> None:
    """Add ``voco classify`` to the commands."""
    parser = commands.add_parser(
        "classify",
        help=HELP,
        description=HELP + " The model is one that `voco finetune` made with task: classification.",
    )
    parser.add_argument(
        "images",
        type=Path,
        nargs="+",
        metavar="IMAGE",
        help="3-D image files, or folders with one DICOM series each; for a model of several "
        "channels first all channels of one case, in the order that `voco models info` shows, then "
        "those of the next",
    )
    parser.add_argument(
        "--model",
        required=True,
        help="model name (see `voco models list`) or model folder",
    )
    parser.add_argument(
        "--out", type=Path, metavar="CSV", help="write categories and probabilities there"
    )
    parser.add_argument("--json", action="store_true", help="print as JSON")
    add_device_option(parser)
    add_progress_option(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace an existing CSV file")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> None:
    """Run ``voco classify``."""
    import numpy as np

    from voco3d.inference import ImageClassifier
    from voco3d.metrics.predictions import Predictions, write_predictions
    from voco3d.writing import check_writable

    if arguments.out is not None:
        check_writable(arguments.out, arguments.overwrite)
    classifier = ImageClassifier(arguments.model, arguments.device)
    channels = classifier.model.network.in_channels
    images: list[Path] = arguments.images
    if len(images) % channels:
        raise VoCoError(
            f"The model {classifier.model.name} takes {channels} images a case, one a channel, but "
            f"{len(images)} were given."
        )
    cases = [images[first : first + channels] for first in range(0, len(images), channels)]
    found = []
    with show_progress(arguments.progress) as progress:
        for done, case in enumerate(cases):
            progress(done, len(cases), f"classifying {case[0].name}")
            found.append(classifier([read_image(path) for path in case]))
        progress(len(cases), len(cases), "classified")
    predictions = Predictions(
        tuple(str(case[0]) for case in cases), classifier.model.categories, np.array(found)
    )
    if arguments.out is not None:
        write_predictions(arguments.out, predictions)
    if arguments.json:
        print(json.dumps(_as_json(predictions), indent=2, ensure_ascii=False))
    else:
        _print(predictions)


def _as_json(predictions: "Predictions") -> list[dict[str, object]]:
    return [
        {
            "image": image,
            "category": predictions.categories[int(values.argmax())],
            "probabilities": dict(zip(predictions.categories, values.tolist(), strict=True)),
        }
        for image, values in zip(predictions.images, predictions.probabilities, strict=True)
    ]


def _print(predictions: "Predictions") -> None:
    for image, values in zip(predictions.images, predictions.probabilities, strict=True):
        order = (-values).argsort(kind="stable")
        shares = ", ".join(f"{predictions.categories[i]} {values[i]:.3f}" for i in order)
        print(f"{image}: {shares}")
