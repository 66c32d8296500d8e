"""A long request: its progress, and how it is cancelled."""

import threading
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from voco3d import writing
from voco3d.worker.messages import CANCELLED, Call

GRACE = 1.5
"""Seconds that a cancelled job has to end by itself before its request is answered for it."""


class CancelledError(Exception):
    """The job was cancelled."""


class Job:
    """A request that takes long.

    Args:
        call: The request.

    Attributes:
        call: The request.
        outputs: The files that it writes.
    """

    def __init__(self, call: Call) -> None:
        self.call = call
        self.outputs: Collection[Path] = ()
        self._cancelled = False
        self._committed = False
        self._lock = threading.Lock()
        self._time_left = TimeLeft()

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for it any more."""
        return self._cancelled

    def cancel(self) -> bool:
        """Have the job end, in time even where it is deep in a library.

        Returns:
            Whether it is so: false where its result lies there already.
        """
        with self._lock:
            if self._committed:
                return False
            self._cancelled = True
        self.discard()
        late = threading.Timer(GRACE, self.call.error, (CANCELLED, "Cancelled."))
        late.daemon = True
        late.start()
        return True

    def check(self) -> None:
        """Go on, or not.

        Raises:
            CancelledError: If the job was cancelled.
        """
        if self._cancelled:
            raise CancelledError

    def commit(self) -> None:
        """Say that the result is there: from now on it is too late to cancel.

        Raises:
            CancelledError: If the job was cancelled.
        """
        with self._lock:
            self.check()
            self._committed = True

    def discard(self) -> None:
        """Remove what was written so far."""
        for output in self.outputs:
            writing.discard(output)

    def expect(self, seconds: Mapping[str, float]) -> None:
        """Say what steps will take, by what they are called: for the time left at the start."""
        self._time_left = TimeLeft(seconds)

    def progress(self, done: int, total: int, what: str) -> None:
        """Report, and stop here if the job was cancelled; see ``voco3d.progress``."""
        self.check()
        self.call.notify(
            "progress",
            {
                "done": done,
                "total": total,
                "what": what,
                "seconds_left": self._time_left(done, total, what),
            },
        )

    def note(self, text: str) -> None:
        """Tell the user something."""
        self.call.notify("note", {"text": text})


class TimeLeft:
    """How long a job will go on, from the time that its steps took.

    Args:
        expected: Seconds that whole stages will take, by what they are called, in their order.
    """

    def __init__(self, expected: Mapping[str, float] | None = None) -> None:
        self._expected = dict(expected or {})
        self._what = ""
        self._first = 0
        self._started = 0.0

    def __call__(self, done: int, total: int, what: str) -> float | None:
        """Seconds that are left after ``done`` of ``total`` steps; None where nobody knows."""
        if what != self._what or done < self._first:
            self._what, self._first, self._started = what, done, time.monotonic()
        stage = self._of_stage(done, total)
        later = self._later()
        return None if stage is None else round(stage + later, 1)

    def _of_stage(self, done: int, total: int) -> float | None:
        counted = done - self._first
        if done >= total:
            return 0.0
        if counted:
            return (time.monotonic() - self._started) / counted * (total - done)
        if self._what in self._expected:
            return self._expected[self._what] * (total - done) / total
        return None

    def _later(self) -> float:
        names: list[Any] = list(self._expected)
        following = names[names.index(self._what) + 1 :] if self._what in names else names
        return sum(self._expected[name] for name in following)
