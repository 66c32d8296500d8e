"""Progress is data: long work reports (done, total, what) through one callback."""

from typing import Protocol


class Progress(Protocol):
    """Receives the state of a long task between any two of its steps.

    An exception raised by the callback stops the work, which leaves nothing half-written:
    this is how a caller cancels.
    """

    def __call__(self, done: int, total: int, what: str) -> None:
        """Take note that ``done`` of ``total`` steps of ``what`` are finished."""


def silent(done: int, total: int, what: str) -> None:
    """Ignore all progress."""
