"""``voco evaluate`` for a file of predicted categories."""

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from voco3d.cli.evaluate import interval_text, warn_of_leaks
from voco3d.errors import VoCoError

if TYPE_CHECKING:
    from voco3d.metrics.classification import Classification
CORNER = "is / was called"
"""Where the names of the rows and columns of a confusion matrix meet."""


def run(arguments: Namespace) -> None:
    """Compare a CSV file of predictions with the right categories."""
    from voco3d.metrics.classification_tables import FILES, write_classification
    from voco3d.metrics.pairing import unpaired
    from voco3d.metrics.predictions import compare_categories, read_predictions
    from voco3d.metrics.tables import check_folder
    from voco3d.models import find_model

    if arguments.names is not None or arguments.labels is not None:
        raise VoCoError("--names and --labels are for label maps: leave them out.")
    if arguments.out is not None:
        check_folder(arguments.out, arguments.overwrite, FILES)
    model = None if arguments.model is None else find_model(arguments.model)
    predictions = read_predictions(arguments.predictions)
    references = _references(arguments.references)
    found, pairing = compare_categories(
        predictions, references, arguments.predictions, arguments.allow_missing
    )
    if left_out := unpaired(pairing):
        print(f"left out: {left_out}", file=sys.stderr)
    about: dict[str, object] = {
        "model": model and model.name,
        "without_prediction": pairing.without_prediction,
        "without_reference": pairing.without_reference,
    }
    if model is not None and arguments.images:
        about["leaks"] = warn_of_leaks(model, found.cases, arguments.images, arguments.strict)
    if arguments.out is not None:
        write_classification(arguments.out, found, about)
    _print(found)


def _references(path: Path) -> dict[str, str]:
    """Category by case, from a CSV file or from the test cases of a data list."""
    if path.suffix.casefold() == ".csv":
        from voco3d.metrics.predictions import read_categories

        return read_categories(path)

    from voco3d.finetuning.data_list import read_data_list

    data = read_data_list(path)
    cases = {
        case.name: data.categories[case.category]
        for case in data.cases["test"]
        if case.category is not None
    }
    if not cases:
        raise VoCoError(
            f"{path} lists no test case with a class: add some, or give a CSV file with the "
            "columns image and category."
        )
    return cases


def _print(found: "Classification") -> None:
    from voco3d.metrics.classification_tables import summary_figures

    figures = summary_figures(found)
    wide = max(map(len, figures))
    for name, interval in figures.items():
        print(f"{name:{wide}}  {interval_text(interval, 3)}")
    print(f"value [95 % bootstrap interval over the {len(found.cases)} cases]")
    if found.without_auc:
        print(f"no AUC, as there is nothing to tell apart: {', '.join(found.without_auc)}")
    print()
    names = found.categories
    rows = [names, *found.confusion.tolist()]
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(names))]
    wide = max(map(len, (CORNER, *names)))
    for name, row in zip((CORNER, *names), rows, strict=True):
        cells = (f"{value:>{width}}" for value, width in zip(row, widths, strict=True))
        print(f"{name:{wide}}  {'  '.join(cells)}")
