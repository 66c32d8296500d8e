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

Row = dict[str, Any]


def check_folder(folder: Path, overwrite: bool) -> None:
    """Refuse, before any work, a folder that an evaluation could not be written into.

    Raises:
        VoCoError: If it cannot be made or written to, or holds an evaluation already that is not
            to be replaced.
    """
    if not folder.exists():
        check_writable(folder, overwrite=False)
    elif not folder.is_dir():
        raise VoCoError(f"{folder} is a file: name a folder.")
    else:
        for name in (CASES, SUMMARY, JSON):
            check_writable(folder / name, overwrite)


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
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise VoCoError(f"{folder} cannot be made: {error.strerror}.") from error
    cases = [case_row(score) for score in evaluation.scores]
    summary = [summary_row(line) for line in evaluation.summary]
    content = {
        "voco3d": voco3d.__version__,
        **about,
        "tolerance_mm": evaluation.tolerance,
        "confidence": {
            "level": LEVEL,
            "method": "percentile bootstrap over cases",
            "resamples": RESAMPLES,
            "seed": SEED,
        },
        "summary": [_finite(row) for row in summary],
        "cases": [_finite(row) for row in cases],
    }
    write_aside(folder / CASES, partial(_write_csv, rows=cases, columns=CASE_COLUMNS))
    write_aside(folder / SUMMARY, partial(_write_csv, rows=summary, columns=list(summary[0])))
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
        **_columns("dice", line.dice),
        **_columns("hausdorff95_mm", line.hausdorff95),
        "hausdorff95_finite_n": line.hausdorff95.n,
        **_columns("surface_dice", line.surface_dice),
        **_columns("difference_ml", line.difference_ml),
    }


def _columns(name: str, interval: Interval) -> Row:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _finite(row: Row) -> Row:
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
    }


def _write_csv(path: Path, rows: Sequence[Row], columns: Sequence[str]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for row in rows:
            writer.writerow({key: _text(value) for key, value in row.items()})


def _text(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return "" if math.isnan(value) else f"{value:.6g}"
