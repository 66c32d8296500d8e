"""Who is at which run, where several processes work on one table."""

import errno
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from voco3d.errors import VoCoError


@contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Claim a piece of work while the block runs, unless another process has claimed it.

    A claim is a folder with one file in it, named after its process. It is made aside and moved
    to its place: the file system lets only one process do that, also between machines. Of a
    process of this machine that is no more, the file is renamed: again only one process can.

    Args:
        path: Of the claim; its folder must be there.

    Yields:
        Whether this process has it.

    Raises:
        VoCoError: If nothing can be written there.
    """
    taken = _take(path)
    try:
        yield taken
    finally:
        if taken:
            _give_back(path)


def owner_of(path: Path) -> str:
    """The process, as PID@HOST, that has a claim; empty where none has."""
    try:
        return next((file.name for file in path.iterdir()), "")
    except OSError:
        return ""


def _take(path: Path) -> bool:
    own = f"{os.getpid()}@{socket.gethostname()}"
    try:
        part = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        (part / own).touch()
    except OSError as error:
        raise VoCoError(f"{path.parent} cannot be written to: {error.strerror}.") from error
    try:
        part.rename(path)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise VoCoError(f"{path} cannot be made: {error.strerror}.") from error
        return _take_over(path, own)
    return True


def _take_over(path: Path, own: str) -> bool:
    owner = owner_of(path)
    if not _has_ended(owner):
        return False
    try:
        (path / owner).rename(path / own)
    except OSError:  # another process was faster
        return False
    return True


def _has_ended(owner: str) -> bool:
    """Whether the process of a claim is known to be no more."""
    number, _, host = owner.partition("@")
    if host != socket.gethostname() or not number.isdigit() or os.name == "nt":
        return False
    if int(number) == os.getpid():  # an earlier process of this number: this one claims once
        return True
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is another user's
        return False
    return False


def _give_back(path: Path) -> None:
    """Move the claim away, so that it is never seen empty, and remove it."""
    gone = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        path.rename(gone / path.name)
    finally:
        shutil.rmtree(gone, ignore_errors=True)
