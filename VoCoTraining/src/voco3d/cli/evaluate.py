"""``voco evaluate``: predictions against references, in native space."""

import math
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voco3d.cli.commands import Commands
from voco3d.cli.options import add_progress_option
from voco3d.cli.progress import show_progress
from voco3d.errors import VoCoError

if TYPE_CHECKING:
    from voco3d.metrics import Evaluation
    from voco3d.metrics.confidence import Interval
    from voco3d.models import Model

HELP = "Compare predictions with references: Dice, surfaces, volumes; or accuracy and AUC."

DESCRIPTION = (
    "Compare segmentations with references: Dice, distances of the surfaces, volumes. Label maps "
    "(.nii.gz, .nrrd, .mha and others) and Slicer segmentations (.seg.nrrd), on the reference's "
    "own grid. A structure that is in neither of a case's two maps is left out there. One that is "
    "in one of them only counts as Dice and surface Dice 0; its distance is infinite, which is "
    "counted apart from the mean of the finite ones. A CSV file that `voco classify` wrote is "
    "compared with the right categories: accuracy, AUC, confusion matrix."
)


def add_to(commands: Commands) -> None:
    """Add ``voco evaluate`` to the commands."""
    parser = commands.add_parser("evaluate", help=HELP, description=DESCRIPTION)
    _add_inputs(parser)
    _add_leak_options(parser)
    parser.add_argument(
        "--tolerance",
        type=float,
        default=3.0,
        metavar="MM",
        help="of the surface Dice (default: %(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="write cases.csv, summary.csv and evaluation.json there (of categories confusion.csv "
        "and .png too), and print the summary only",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files in FOLDER")
    add_progress_option(parser)
    parser.set_defaults(run=run)


def _add_inputs(parser: ArgumentParser) -> None:
    parser.add_argument(
        "predictions",
        type=Path,
        metavar="PREDICTIONS",
        help="label map, folder of label maps, or CSV file of categories",
    )
    parser.add_argument(
        "references",
        type=Path,
        metavar="REFERENCE",
        help="likewise; in folders, files of the same name but for the ending belong together. For "
        "categories a CSV file with the columns image and category, or a data list (dataset.json), "
        "whose test cases are taken",
    )
    named = parser.add_mutually_exclusive_group()
    named.add_argument(
        "--model",
        metavar="MODEL",
        help="the model whose classes or regions the labels are (name or folder)",
    )
    named.add_argument(
        "--names", type=_names, metavar="NAME,NAME", help="what the labels 1, 2, ... mean"
    )
    parser.add_argument(
        "--labels",
        type=_labels,
        metavar="N,N",
        help="only these labels (with --names: the labels that the names stand for)",
    )
    parser.add_argument(
        "--reference-labels",
        type=_labels,
        metavar="N,N",
        help="with --model or --names: the labels of the structures in the references, in the same "
        "order, where they are others than in the predictions",
    )
    parser.add_argument(
        "--allow-missing",
        action="store_true",
        help="leave out files without a counterpart, instead of refusing them",
    )


def _add_leak_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--images",
        type=Path,
        nargs="+",
        default=[],
        metavar="IMAGE",
        help="with --model: the cases' images (files, DICOM folders, or a folder of them, named as "
        "the cases); warn of those that the model was trained on",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="with --images: refuse unless all are known to be new to the model",
    )


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names) or len({name.casefold() for name in names}) < len(names):
        raise ArgumentTypeError(f"{text!r} has an empty name or one twice")
    return names


def _labels(text: str) -> list[int]:
    try:
        labels = [int(label) for label in text.split(",")]
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} are no whole numbers with commas between") from error
    if min(labels) < 1 or len(set(labels)) < len(labels):
        raise ArgumentTypeError(f"{text!r} has a label below 1 or one twice")
    return labels


def run(arguments: Namespace) -> None:
    """Run ``voco evaluate``."""
    if arguments.images and arguments.model is None:
        raise VoCoError("--images needs --model: whose training images should they be?")
    if arguments.strict and not arguments.images:
        raise VoCoError("--strict needs --images: the images to look for.")

    if arguments.predictions.suffix.casefold() == ".csv":
        from voco3d.cli import evaluate_categories

        evaluate_categories.run(arguments)
        return

    from voco3d.metrics import evaluate, pair, write_evaluation
    from voco3d.metrics.pairing import unpaired
    from voco3d.metrics.tables import check_folder
    from voco3d.models import find_model

    model = None if arguments.model is None else find_model(arguments.model)
    names = _structures(model, arguments.names, arguments.labels)
    if arguments.out is not None:
        check_folder(arguments.out, arguments.overwrite)
    pairing = pair(arguments.predictions, arguments.references, arguments.allow_missing)
    if left_out := unpaired(pairing):
        print(f"left out: {left_out}", file=sys.stderr)
    about: dict[str, Any] = {
        "model": model and model.name,
        "without_prediction": pairing.without_prediction,
        "without_reference": pairing.without_reference,
    }
    if model is not None and arguments.images:
        cases = [matched.case for matched in pairing.pairs]
        about["leaks"] = warn_of_leaks(model, cases, arguments.images, arguments.strict)
    with show_progress(arguments.progress) as progress:
        evaluation = evaluate(
            pairing.pairs,
            names,
            arguments.labels,
            arguments.tolerance,
            progress,
            model.regions if model is not None else None,
            _reference_labels(names, arguments.reference_labels),
        )
        if arguments.out is not None:
            write_evaluation(arguments.out, evaluation, about)
    if arguments.out is None:
        _print_cases(evaluation)
    _print_summary(evaluation)


def _structures(
    model: "Model | None", names: list[str] | None, labels: list[int] | None
) -> dict[int, str] | None:
    """What the labels mean, where it is said."""
    if names is not None:
        if labels is not None and len(labels) != len(names):
            raise VoCoError(
                f"--labels has {len(labels)} labels, but --names has {len(names)} names: give one "
                "for each."
            )
        return dict(zip(labels or range(1, len(names) + 1), names, strict=True))
    if model is None or not model.structures:
        return None
    known = {label: structure.name for label, structure in enumerate(model.structures, start=1)}
    unknown = [label for label in labels or () if label not in known]
    if unknown:
        raise VoCoError(
            f"The model {model.name} has no label {unknown[0]}: choose from 1 to {len(known)}."
        )
    return known


def _reference_labels(
    names: dict[int, str] | None, labels: list[int] | None
) -> dict[int, int] | None:
    """For each label of a prediction, that of the references."""
    if labels is None:
        return None
    if names is None or len(names) != len(labels):
        raise VoCoError(
            f"--reference-labels has {len(labels)} labels, but --model or --names gives "
            f"{len(names or ())} structures: give one for each."
        )
    return dict(zip(names, labels, strict=True))


def warn_of_leaks(
    model: "Model", cases: Sequence[str], images: list[Path], strict: bool
) -> dict[str, Any]:
    """Say which images the model was trained on, and return it for the JSON file.

    Raises:
        VoCoError: If ``strict`` and not all are known to be new to the model.
    """
    from voco3d.metrics.leaks import check_leaks
    from voco3d.metrics.pairing import listed

    check = check_leaks(model, cases, images)
    warnings = []
    if not check.stated:
        warnings.append(f"the model {model.name} does not state what it was trained on")
    if check.unknown:
        warnings.append(f"no image was given for {listed(check.unknown)}")
    if check.trained:
        trained = listed(path.name for path in check.trained)
        warnings.append(
            f"the model {model.name} was trained on {len(check.trained)} of the images ({trained})"
        )
    if strict and not check.clean:
        raise VoCoError(
            f"Refused, since {' and '.join(warnings)}: judge the model on images that it has not "
            "seen, or leave out --strict."
        )
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return {
        "checked": check.stated,
        "trained_on": [path.name for path in check.trained],
        "without_image": list(check.unknown),
    }


def _print_cases(evaluation: "Evaluation") -> None:
    wide = _width(score.case for score in evaluation.scores)
    name = _width(evaluation.structures)
    print(f"{'case':{wide}}  {'structure':{name}}    Dice  HD95 mm  surface Dice   diff. ml")
    for score in evaluation.scores:
        remark = "" if score.presence == "both" else f"  {score.presence}"
        print(
            f"{score.case:{wide}}  {score.structure:{name}}  {score.dice:6.3f}  "
            f"{score.hausdorff95:7.2f}  {score.surface_dice:12.3f}  {score.difference_ml:+9.2f}"
            f"{remark}"
        )
    print()


def _print_summary(evaluation: "Evaluation") -> None:
    summary = evaluation.summary
    name = _width(line.structure for line in summary)
    surface = f"surface Dice {evaluation.tolerance:g} mm"
    print(f"{'structure':{name}}  {'n':>4}  {'Dice':20}  {'HD95 mm':20}  {'infinite':8}  {surface}")
    for line in summary:
        print(
            f"{line.structure:{name}}  {line.n:4}  {interval_text(line.dice, 3):20}  "
            f"{interval_text(line.hausdorff95, 2):20}  {line.missing + line.surplus:8}  "
            f"{interval_text(line.surface_dice, 3)}"
        )
    print("mean [95 % bootstrap interval over the n cases]")


def interval_text(interval: "Interval", digits: int) -> str:
    """A mean with the ends of its interval, for people."""
    if math.isnan(interval.mean):
        return "n/a"
    mean = f"{interval.mean:.{digits}f}"
    if math.isnan(interval.low):
        return mean
    return f"{mean} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"


def _width(names: Iterable[str]) -> int:
    return max(map(len, ("structure", *names)))
