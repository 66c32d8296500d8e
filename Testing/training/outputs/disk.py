"""Places that cannot be written to, for real."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOM = 600
"""Bytes that fit: less than any of the files written here."""


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file of this process grow beyond ``ROOM``: writing more fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def locked_folder(parent: Path) -> Path:
    """A folder in which no file can be made; permissions do not stop root, but /proc does."""
    if os.geteuid() == 0:
        return Path("/proc")
    folder = parent / "locked"
    folder.mkdir(mode=0o555)
    return folder
