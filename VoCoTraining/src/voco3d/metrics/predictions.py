"""Predicted categories as a CSV file, and what belongs to them in a list of right ones."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from voco3d.errors import VoCoError
from voco3d.metrics.classification import Classification, Floats
from voco3d.metrics.pairing import Pairing, case_name, listed, unpaired
from voco3d.metrics.tables import Row, write_rows
from voco3d.writing import write_aside

Value = TypeVar("Value")

IMAGE, CATEGORY, PROBABILITY = "image", "category", "probability of "
"""Columns: the image's path, its (most probable) category, and one column a category."""


@dataclass(frozen=True)
class Predictions:
    """What a model says of images.

    Attributes:
        images: Their paths.
        categories: Names of the categories.
        probabilities: ``(image, category)``.
    """

    images: tuple[str, ...]
    categories: tuple[str, ...]
    probabilities: Floats

    def rows(self) -> list[Row]:
        """A row an image: path, most probable category, probabilities."""
        return [
            {
                IMAGE: image,
                CATEGORY: self.categories[int(values.argmax())],
                **{
                    f"{PROBABILITY}{name}": float(value)
                    for name, value in zip(self.categories, values, strict=True)
                },
            }
            for image, values in zip(self.images, self.probabilities, strict=True)
        ]


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions as CSV.

    Raises:
        VoCoError: If the file cannot be written.
    """
    columns = [IMAGE, CATEGORY, *(f"{PROBABILITY}{name}" for name in predictions.categories)]
    write_aside(path, partial(write_rows, rows=predictions.rows(), columns=columns))


def read_predictions(path: Path) -> Predictions:
    """Read what ``write_predictions`` wrote.

    Raises:
        VoCoError: If the file cannot be read, or is no such file.
    """
    rows = _rows(path, (IMAGE,))
    columns = [name for name in rows[0] if name.startswith(PROBABILITY)]
    if len(columns) < 2:
        raise VoCoError(
            f"{path} has no columns `{PROBABILITY}CATEGORY`: name a file that "
            "`voco classify --out` wrote."
        )
    values = [[_probability(path, row, name) for name in columns] for row in rows]
    return Predictions(
        tuple(row[IMAGE] for row in rows),
        tuple(name.removeprefix(PROBABILITY) for name in columns),
        np.array(values),
    )


def read_categories(path: Path) -> dict[str, str]:
    """Read right categories from a CSV file with the columns image and category.

    Returns:
        Category by case: the image's file name without the ending.

    Raises:
        VoCoError: If the file cannot be read, lacks a column, or has an image twice.
    """
    rows = _rows(path, (IMAGE, CATEGORY))
    return _by_case(path, [row[IMAGE] for row in rows], [row[CATEGORY] for row in rows])


def compare_categories(
    predictions: Predictions, references: Mapping[str, str], source: Path, allow_missing: bool
) -> tuple[Classification, Pairing]:
    """Put together what was predicted and what is right.

    Args:
        predictions: Of all images.
        references: Category by case.
        source: Where the predictions are from, for errors.
        allow_missing: Leave out cases without a counterpart.

    Returns:
        The cases that have both, and which cases lack one.

    Raises:
        VoCoError: If a category is unknown, an image is there twice, or a case has no counterpart
            and that is not allowed; nothing pairs up at all.
    """
    order = _by_case(source, predictions.images, range(len(predictions.images)))
    known = {name.casefold(): index for index, name in enumerate(predictions.categories)}
    cases = [case for case in order if case in references]
    pairing = Pairing(
        (),
        tuple(sorted(references.keys() - order.keys())),
        tuple(sorted(order.keys() - references.keys())),
    )
    if not cases:
        raise VoCoError(
            f"No image in {source} is called like one of the references "
            f"({listed(references)}): name both after the same image files."
        )
    if not allow_missing and (left_out := unpaired(pairing)):
        raise VoCoError(f"{left_out}: add or remove some, or leave these out with --allow-missing.")
    for case in cases:
        if references[case].casefold() not in known:
            raise VoCoError(
                f"The category {references[case]} of {case} is none of those that were predicted: "
                f"{', '.join(predictions.categories)}."
            )
    classification = Classification(
        tuple(cases),
        predictions.categories,
        np.array([known[references[case].casefold()] for case in cases]),
        predictions.probabilities[[order[case] for case in cases]],
    )
    return classification, pairing


def _by_case(path: Path, images: Sequence[str], values: Sequence[Value]) -> dict[str, Value]:
    table: dict[str, Value] = {}
    for image, value in zip(images, values, strict=True):
        case = case_name(Path(image))
        if case in table:
            raise VoCoError(f"{path} has two images called {case}: leave one out, or rename it.")
        table[case] = value
    return table


def _rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
    except OSError as error:
        raise VoCoError(f"{path} cannot be read: {error.strerror}.") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise VoCoError(f"{path} is no CSV file in UTF-8: {error}.") from error
    if not rows or any(row.get(name) is None for row in rows for name in columns):
        raise VoCoError(
            f"{path} must have the columns {' and '.join(columns)}, and a row an image."
        )
    return rows


def _probability(path: Path, row: Mapping[str, str], column: str) -> float:
    try:
        value = float(row[column])
    except (TypeError, ValueError):
        value = math.nan
    if not 0 <= value <= 1:
        raise VoCoError(
            f"{path}: the {column} of {row[IMAGE]} must be from 0 to 1, but it is {row[column]}."
        )
    return value
