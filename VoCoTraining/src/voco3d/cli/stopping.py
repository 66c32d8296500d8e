"""Ctrl-C and SIGTERM end a command within two seconds, whatever it is doing."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

STOPPED = "voco: stopped; no file is left half-written."

GRACE = 1.5
"""Seconds that the main thread has to unwind before the process is ended from outside it."""

_cleanups: list[Callable[[], object]] = []


class Stopped(BaseException):
    """Raised in the main thread by SIGINT or SIGTERM."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.exit_code = 128 + signal_number


@contextmanager
def cleaning_up(cleanup: Callable[[], object]) -> Iterator[None]:
    """Have ``cleanup`` called if the process must be ended without unwinding."""
    _cleanups.append(cleanup)
    try:
        yield
    finally:
        _cleanups.remove(cleanup)


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into ``Stopped`` while the block runs.

    Python runs signal handlers between two of its own instructions, and a large image or a large
    network can keep it from that for many seconds. So a second thread hears of the signal too,
    and ends the process when the main thread has not done so in time. While a module is imported
    the process ends at once: C++ code that is being loaded does not survive an exception. Only
    the first signal counts: a second Ctrl-C would interrupt the clearing up. Libraries drop
    exceptions or make other ones of them: what fails after a signal counts as stopped.

    Raises:
        Stopped: If a signal came.
    """
    signals = (signal.SIGINT, signal.SIGTERM)
    came: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        if _importing(frame):
            end(128 + number)
        came.append(number)
        raise Stopped(number)

    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    before = {number: signal.signal(number, stop) for number in signals}
    wakeup = signal.set_wakeup_fd(sender.fileno())
    unraisable = sys.unraisablehook
    sys.unraisablehook = _without(Stopped, unraisable)
    finished = threading.Event()

    def watch() -> None:
        while received := receiver.recv(1):
            if received[0] in signals and not finished.wait(GRACE):
                end(128 + received[0])

    thread = threading.Thread(target=watch, name="stop on signals", daemon=True)
    thread.start()
    try:
        yield
    except Exception as error:
        if came:
            raise Stopped(came[0]) from error
        raise
    finally:
        finished.set()
        signal.set_wakeup_fd(wakeup)
        sys.unraisablehook = unraisable
        for number, handler in before.items():
            signal.signal(number, handler)
        sender.close()
        thread.join()
        receiver.close()


def end(exit_code: int) -> NoReturn:
    """End the process at once: taking down large libraries in good order can take seconds."""
    for cleanup in _cleanups:
        cleanup()
    os.write(2, f"{STOPPED}\n".encode())
    os._exit(exit_code)


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _without(
    kind: type[BaseException], hook: Callable[["sys.UnraisableHookArgs"], object]
) -> Callable[["sys.UnraisableHookArgs"], object]:
    """A hook that keeps quiet where Python had to drop an exception of this kind."""
    return lambda dropped: None if dropped.exc_type is kind else hook(dropped)
