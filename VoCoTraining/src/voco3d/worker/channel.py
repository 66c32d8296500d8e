"""The pipe to the other program: a JSON message a line, each way."""

import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

LONGEST = 2**22
"""Bytes of a line: what is longer is no message."""


class Channel:
    """Messages over two streams of bytes.

    Args:
        reading: Lines come from here.
        writing: Lines go there, from any thread.
    """

    def __init__(self, reading: BinaryIO, writing: BinaryIO) -> None:
        self._reading = reading
        self._writing = writing
        self._lock = threading.Lock()

    @classmethod
    def take_standard_streams(cls) -> "Channel":
        """Take standard input and output for messages alone.

        What anything else prints goes to standard error from now on, and what anything else
        reads, a process that is started among them, finds the end of a file.
        """
        sys.stdout.flush()
        reading, writing = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        return cls(os.fdopen(reading, "rb"), os.fdopen(writing, "wb"))

    def lines(self) -> Iterator[bytes]:
        """All lines until the other end closes; of one that is too long, only its beginning."""
        while line := self._reading.readline(LONGEST):
            yield line
            while not line.endswith(b"\n") and line:
                line = self._reading.readline(LONGEST)

    def send(self, message: Mapping[str, Any]) -> None:
        """Write a message.

        Raises:
            OSError: If nobody reads any more.
        """
        line = as_line(message)
        with self._lock:
            self._writing.write(line)
            self._writing.flush()


def as_line(message: Mapping[str, Any]) -> bytes:
    """A message as it is sent.

    Raises:
        TypeError: If it holds what JSON has no word for; likewise ValueError.
    """
    return (json.dumps({"jsonrpc": "2.0", **message}, allow_nan=False) + "\n").encode()
