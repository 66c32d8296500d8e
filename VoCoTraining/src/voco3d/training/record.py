"""The rows that a run writes down: CSV files that survive a kill and can be resumed."""

import csv
import math
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from voco3d.errors import VoCoError
from voco3d.writing import write_aside

Row = Mapping[str, float]
"""Values by column; ``step`` is one of them, NaN means that there is no value."""


def keep_rows(path: Path, columns: Iterable[str], step: int) -> None:
    """Make a record ready for the rows after ``step``: later ones are dropped.

    A run that is resumed repeats the steps after its last checkpoint; their rows would otherwise
    be there twice. An absent record is begun.

    Raises:
        VoCoError: If the record cannot be written.
    """
    kept = [row for row in read_rows(path) if row["step"] <= step]
    names = list(columns)

    def write(part: Path) -> None:
        with part.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(names)
            file.writelines(_line(row, names) for row in kept)

    write_aside(path, write)


def append_row(path: Path, row: Row) -> None:
    """Append a row, with its values in the order of its columns, to a record.

    Raises:
        VoCoError: If it cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8", newline="") as file:
            file.write(_line(row, row))
    except OSError as error:
        raise VoCoError(
            f"{path} cannot be written ({error.strerror}): free some space and resume the run."
        ) from error


def read_rows(path: Path) -> list[dict[str, float]]:
    """Read a record; a last line that a kill cut off is left out, an absent record has no rows."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    return [
        {name: float(value or "nan") for name, value in row.items()}
        for row in csv.DictReader(whole.splitlines())
    ]


def column(rows: Iterable[Row], name: str) -> npt.NDArray[np.float64]:
    """One column of a record; NaN where a row does not have it."""
    return np.array([row.get(name, math.nan) for row in rows], dtype=np.float64)


def step_file(folder: Path, step: int) -> Path:
    """Where the array that belongs to a step is kept."""
    return folder / f"{step:09d}.npy"


def write_array(path: Path, array: npt.NDArray[np.float32]) -> None:
    """Write an array of numbers, whole or not at all.

    Raises:
        VoCoError: If it cannot be written.
    """
    write_aside(path, partial(np.save, arr=array, allow_pickle=False))


def drop_arrays(folder: Path, step: int) -> None:
    """Remove the arrays of the steps after ``step``."""
    for path in folder.glob("*.npy"):
        if path.stem.isdigit() and int(path.stem) > step:
            path.unlink()


def _line(row: Row, columns: Iterable[str]) -> str:
    values = (row.get(name, math.nan) for name in columns)
    return ",".join("" if math.isnan(value) else f"{value:.9g}" for value in values) + "\n"
