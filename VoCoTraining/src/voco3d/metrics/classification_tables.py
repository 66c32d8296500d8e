"""An evaluated classification as files: a row a case, a row a figure, confusion matrix, JSON."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import voco3d
from voco3d.metrics.classification import Classification
from voco3d.metrics.confidence import Interval
from voco3d.metrics.predictions import PROBABILITY
from voco3d.metrics.tables import (
    CASES,
    CONFIDENCE,
    JSON,
    SUMMARY,
    Row,
    finite,
    interval_columns,
    make_folder,
    write_rows,
)
from voco3d.writing import write_aside, write_json

CONFUSION, PICTURE = "confusion.csv", "confusion.png"
FILES = (CASES, SUMMARY, CONFUSION, PICTURE, JSON)


def write_classification(
    folder: Path, classification: Classification, about: Mapping[str, Any]
) -> None:
    """Write ``FILES`` into a folder.

    A figure that is not there, such as the AUC of a category without a case, is empty in CSV and
    null in JSON.

    Args:
        folder: Made where it is absent.
        classification: What is written.
        about: More to say in the JSON file.

    Raises:
        VoCoError: If a file cannot be written.
    """
    from voco3d.figures.confusion import draw_confusion
    from voco3d.figures.style import to_png

    make_folder(folder)
    cases, summary = case_rows(classification), summary_rows(classification)
    confusion = confusion_rows(classification)
    picture = to_png(draw_confusion(classification.confusion, classification.categories))
    content = {
        "voco3d": voco3d.__version__,
        **about,
        "categories": classification.categories,
        "without_auc": classification.without_auc,
        "confidence": CONFIDENCE,
        "summary": [finite(row) for row in summary],
        "confusion": classification.confusion.tolist(),
        "cases": [finite(row) for row in cases],
    }
    for name, rows in ((CASES, cases), (SUMMARY, summary), (CONFUSION, confusion)):
        write_aside(folder / name, partial(write_rows, rows=rows, columns=list(rows[0])))
    write_aside(folder / PICTURE, partial(_write_bytes, content=picture))
    write_aside(folder / JSON, partial(write_json, values=content))


def case_rows(classification: Classification) -> list[Row]:
    """A row a case: what it is, what it was taken for, and each category's probability."""
    names = classification.categories
    return [
        {
            "case": case,
            "reference": names[reference],
            "predicted": names[predicted],
            **{
                f"{PROBABILITY}{name}": float(value)
                for name, value in zip(names, probabilities, strict=True)
            },
        }
        for case, reference, predicted, probabilities in zip(
            classification.cases,
            classification.reference,
            classification.predicted,
            classification.probabilities,
            strict=True,
        )
    ]


def summary_figures(classification: Classification) -> dict[str, Interval]:
    """All figures by name."""
    return {
        "accuracy": classification.accuracy,
        "balanced accuracy": classification.balanced_accuracy,
        "mean AUC": classification.macro_auc,
        **{
            f"AUC of {name}": area
            for name, area in zip(classification.categories, classification.aucs, strict=True)
        },
    }


def summary_rows(classification: Classification) -> list[Row]:
    """A row a figure: value, ends of its interval, and how many cases it is of."""
    return [
        {"figure": name, **interval_columns("value", interval), "n": interval.n}
        for name, interval in summary_figures(classification).items()
    ]


def confusion_rows(classification: Classification) -> list[Row]:
    """A row a category: how many of its cases were taken for which."""
    names = classification.categories
    return [
        {"reference": name, **dict(zip(names, map(int, counts), strict=True))}
        for name, counts in zip(names, classification.confusion, strict=True)
    ]


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)
