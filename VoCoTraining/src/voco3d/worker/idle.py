"""What stays in memory between requests, and is let go when nobody has used it for long."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Idle:
    """Tells whether something has rested for long; for several threads.

    Args:
        seconds: Time without use that is long.
        clock: Tells the time in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._lock = threading.Lock()
        self._users = 0
        self._last_use = clock()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """It is used, for as long as the block runs."""
        with self._lock:
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                self._last_use = self._clock()

    @contextmanager
    def rested(self) -> Iterator[bool]:
        """Whether it has rested for long; while the block runs, nobody begins to use it."""
        with self._lock:
            yield not self._users and self._clock() - self._last_use >= self._seconds
