"""Places that cannot be written to or read, for real."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def full_disk(room: int = 600) -> Iterator[None]:
    """Let no file of this process grow beyond ``room`` bytes: then writing fails as if full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def without_rights() -> Iterator[None]:
    """Be nobody where the tests run as root, whom permissions do not stop."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def locked_folder(parent: Path) -> Path:
    """A folder in which no file can be made; permissions do not stop root, but /proc does."""
    if os.geteuid() == 0:
        return Path("/proc")
    folder = parent / "locked"
    folder.mkdir(mode=0o555)
    return folder
