"""The CSV records that a run writes, read while it writes them."""

import csv
import math
import os
from pathlib import Path

END = 1 << 13
"""Bytes in which the last row of a record surely lies."""


class GrowingRecord:
    """A record that is read again and again; only what is new of it is parsed.

    Args:
        path: The file, which need not be there yet.

    Attributes:
        columns: The values by column, NaN where a row has none; empty before the header is there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: dict[str, list[float]] = {}
        self._read = 0
        self._file: int | None = None

    def read(self) -> bool:
        """Take in the rows that were added; return whether there were any.

        A last line that is not whole yet is left for the next time. A resumed run replaces the
        file, without the rows after its checkpoint: it is then read from the start.
        """
        try:
            with self.path.open("rb") as file:
                about = os.fstat(file.fileno())
                anew = about.st_ino != self._file or about.st_size < self._read
                if anew:
                    self.columns, self._read, self._file = {}, 0, about.st_ino
                file.seek(self._read)
                new = file.read()
        except OSError:
            return False
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        rows = list(csv.reader(whole.decode("utf-8", errors="replace").splitlines()))
        if not self.columns and rows:
            self.columns = {name: [] for name in rows.pop(0)}
        for row in rows:
            if len(row) == len(self.columns):
                for values, text in zip(self.columns.values(), row, strict=True):
                    values.append(_number(text))
        return anew or bool(rows)


def read_record(path: Path) -> dict[str, list[float]]:
    """All columns of a record; empty where there is none."""
    record = GrowingRecord(path)
    record.read()
    return record.columns


def last_row(path: Path) -> dict[str, float]:
    """The last whole row of a record by column; empty where there is none."""
    try:
        with path.open("rb") as file:
            header = file.readline().decode("utf-8", errors="replace")
            begin = file.tell()
            end = file.seek(0, 2)
            file.seek(max(begin, end - END))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return {}
    names = next(csv.reader([header]), [])
    for line in reversed(text[: text.rfind("\n") + 1].splitlines()):
        values = next(csv.reader([line]), [])
        if len(values) == len(names):
            return dict(zip(names, map(_number, values), strict=True))
    return {}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
