"""Whether the program that started this process is still there."""

import os
import sys


class Parent:
    """The process that started this one.

    On Windows a process cannot tell; there the end of standard input must do.
    """

    def __init__(self) -> None:
        self._pid = os.getppid()

    @property
    def gone(self) -> bool:
        """Whether it ended: then an orphan gets another parent."""
        return sys.platform != "win32" and os.getppid() != self._pid
