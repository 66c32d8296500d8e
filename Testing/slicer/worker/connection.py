"""What the tests of the connection share: an event loop watched for pauses, fake workers."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from Testing import harness

harness.start()

import qt  # noqa: E402

from VoCoSlicerLib.worker.messages import WorkerError  # noqa: E402
from VoCoSlicerLib.worker.process import Worker  # noqa: E402

FAKE = Path(__file__).with_name("fake_worker.py")
LONGEST_PAUSE = 0.2
"""Seconds: twice what users may notice, for tests share their machine."""


class Loop:
    """Runs the event loop, and measures for how long nothing else could run in it."""

    def __init__(self) -> None:
        self.longest_pause = 0.0
        self._last = self._now()
        self._timer = qt.QTimer()
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._look)

    def wait(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        """Run the event loop until something holds."""
        end = time.monotonic() + seconds
        loop = qt.QEventLoop()
        self._last = self._now()
        self._timer.start()
        poll = qt.QTimer()
        poll.setInterval(5)
        poll.timeout.connect(lambda: loop.quit() if condition() or time.monotonic() > end else None)
        poll.start()
        loop.exec_()
        poll.stop()
        self._timer.stop()
        assert condition(), f"not within {seconds} s"

    def run(self, seconds: float) -> None:
        """Run the event loop for some time."""
        end = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() >= end, seconds + 5)

    def _look(self) -> None:
        now = self._now()
        self.longest_pause = max(self.longest_pause, now - self._last)
        self._last = now

    @staticmethod
    def _now() -> float:
        """Seconds that this thread ran or waited of its own will.

        Time in which other programs had the processor does not count.
        """
        waited_for_processor = 0
        statistics = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        if statistics.is_file():
            waited_for_processor = int(statistics.read_text().split()[1])
        return time.monotonic() - waited_for_processor / 1e9


class Asked:
    """A request to a worker, and everything that was said about it."""

    def __init__(self, worker: Worker, method: str = "segment", **params: Any) -> None:
        self.results: list[Any] = []
        self.errors: list[WorkerError] = []
        self.progress: list[tuple] = []
        self.notes: list[str] = []
        self.id = worker.request(
            method,
            params,
            self.results.append,
            self.errors.append,
            lambda *step: self.progress.append(step),
            self.notes.append,
        )

    @property
    def ended(self) -> bool:
        return bool(self.results or self.errors)

    @property
    def error(self) -> WorkerError:
        (error,) = self.errors
        assert self.results == []
        return error

    @property
    def result(self) -> Any:
        assert self.errors == []
        (result,) = self.results
        return result
