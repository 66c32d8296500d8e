"""Running the event loop."""

import time
from collections.abc import Callable
from typing import Any

from PySide6 import QtCore, QtWidgets

PAUSE = 0.002  # seconds


def wait(condition: Callable[[], Any], seconds: float = 5.0) -> None:
    """Run the event loop until the condition holds; TimeoutError if it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"still not so after {seconds} s")
        QtWidgets.QApplication.processEvents()
        QtWidgets.QApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete.value)
        time.sleep(PAUSE)
