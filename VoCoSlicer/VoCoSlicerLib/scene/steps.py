"""Work cut into short steps, so that a window can breathe between them."""

from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")
Steps = Generator[float, None, Result]
"""Yields the share that is done (0 to 1) after each short step; returns the result."""


def finish(steps: Steps[Result]) -> Result:
    """Take all steps at once and return what they give."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
