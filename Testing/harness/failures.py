"""Exceptions that reached Qt: real Slicer prints them and goes on, tests must fail."""

import sys
import traceback
from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """An exception that left a slot, a timer or an overridden method."""

    where: str
    error: BaseException

    def __str__(self) -> str:
        return f"in {self.where}:\n{''.join(traceback.format_exception(self.error))}"


_failures: list[Failure] = []


def record(where: str, error: BaseException) -> None:
    """Keep an exception for `take`, and print it as Slicer does."""
    failure = Failure(where, error)
    _failures.append(failure)
    print(f"Exception {failure}", file=sys.stderr)


def record_uncaught() -> None:
    """Also keep what VTK's observers raise; VTK hands it to `sys.excepthook`."""
    sys.excepthook = lambda kind, error, trace: record("an observer", error)


def take() -> list[Failure]:
    """Return the exceptions since the last call, and forget them."""
    taken = list(_failures)
    _failures.clear()
    return taken
