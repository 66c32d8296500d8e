"""An evaluation as files: a row a case and structure, a row a structure, and all of it as JSON."""

import csv
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import voco3d
from voco3d.errors import VoCoError
from voco3d.metrics.confidence import LEVEL, RESAMPLES, SEED, Interval
from voco3d.metrics.evaluation import Evaluation
from voco3d.metrics.scores import Score
from voco3d.metrics.summary import Summary
from voco3d.writing import check_writable, write_aside, write_json

CASES, SUMMARY, JSON = "cases.csv", "summary.csv", "evaluation.json"

CONFIDENCE = {
    "level": LEVEL,
    "method": "percentile bootstrap over cases",
    "resamples": RESAMPLES,
    "seed": SEED,
}
"""How the intervals were made, for the JSON file."""

Row = dict[str, Any]


def check_folder(
    folder: Path, overwrite: bool, names: Sequence[str] = (CASES, SUMMARY, JSON)
) -> None:
    """Refuse, before any work, a folder that an evaluation could not be written into.

    Args:
        folder: The folder.
        overwrite: Whether files that are there may be replaced.
        names: Of the files that will be written.

    Raises:
        VoCoError: If it cannot be made or written to, or holds an evaluation already that is not
            to be replaced.
    """
    if not folder.exists():
        check_writable(folder, overwrite=False)
    elif not folder.is_dir():
        raise VoCoError(f"{folder} is a file: name a folder.")
    else:
        for name in names:
            check_writable(folder / name, overwrite)


def make_folder(folder: Path) -> None:
    """Make a folder where it is absent.

    Raises:
        VoCoError: If it cannot be made.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise VoCoError(f"{folder} cannot be made: {error.strerror}.") from error


def write_evaluation(folder: Path, evaluation: Evaluation, about: Mapping[str, Any]) -> None:
    """Write ``cases.csv``, ``summary.csv`` and ``evaluation.json`` into a folder.

    Numbers that are not there (NaN) are empty in CSV and null in JSON. An infinite distance is
    "inf" in CSV; JSON has no such number, so there it is null and ``presence`` says why.

    Args:
        folder: Made where it is absent.
        evaluation: What is written.
        about: More to say in the JSON file: model, what was left out.

    Raises:
        VoCoError: If a file cannot be written.
    """
    make_folder(folder)
    cases = [case_row(score) for score in evaluation.scores]
    summary = [summary_row(line) for line in evaluation.summary]
    content = {
        "voco3d": voco3d.__version__,
        **about,
        "tolerance_mm": evaluation.tolerance,
        "confidence": CONFIDENCE,
        "summary": [finite(row) for row in summary],
        "cases": [finite(row) for row in cases],
    }
    write_aside(folder / CASES, partial(write_rows, rows=cases, columns=CASE_COLUMNS))
    write_aside(folder / SUMMARY, partial(write_rows, rows=summary, columns=list(summary[0])))
    write_aside(folder / JSON, partial(write_json, values=content))


CASE_COLUMNS = [
    "case",
    "structure",
    "presence",
    "dice",
    "hausdorff95_mm",
    "surface_dice",
    "predicted_ml",
    "reference_ml",
    "difference_ml",
]


def case_row(score: Score) -> Row:
    """One structure of one case, by ``CASE_COLUMNS``."""
    values = (
        score.case,
        score.structure,
        score.presence,
        score.dice,
        score.hausdorff95,
        score.surface_dice,
        score.predicted_ml,
        score.reference_ml,
        score.difference_ml,
    )
    return dict(zip(CASE_COLUMNS, values, strict=True))


def summary_row(line: Summary) -> Row:
    """One structure over the cases: means, the ends of their intervals and counts."""
    return {
        "structure": line.structure,
        "n": line.n,
        "missing_in_prediction": line.missing,
        "not_in_reference": line.surplus,
        **interval_columns("dice", line.dice),
        **interval_columns("hausdorff95_mm", line.hausdorff95),
        "hausdorff95_finite_n": line.hausdorff95.n,
        **interval_columns("surface_dice", line.surface_dice),
        **interval_columns("difference_ml", line.difference_ml),
    }


def interval_columns(name: str, interval: Interval) -> Row:
    """A mean and the ends of its interval, as three columns."""
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}


def finite(row: Row) -> Row:
    """The row as JSON can hold it: null for numbers that are not there, or infinite."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
    }


def write_rows(path: Path, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Write rows as CSV.

    Raises:
        OSError: If the file cannot be written.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for row in rows:
            writer.writerow({key: _text(value) for key, value in row.items()})


def _text(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return "" if math.isnan(value) else f"{value:.6g}"
