"""Large tensors in huge pages that are kept for the next tensor: a third to a half of the time."""

import os
import sys

TUNABLES = ":".join(
    [
        "glibc.malloc.hugetlb=1",
        "glibc.malloc.mmap_threshold=4294967296",
        "glibc.malloc.trim_threshold=17179869184",
        "glibc.malloc.top_pad=67108864",
    ]
)
"""Ask for transparent huge pages, and neither map nor give back the memory of each tensor: what
the system gives anew it fills with zeros, page by page."""

ONE_ARENA = "glibc.malloc.arena_max=1"
"""Have all threads share their free memory: less is held, but a step that holds much is slower."""

DONE = "VOCO_ALLOCATOR"


def use_huge_pages(one_arena: bool = False) -> None:
    """Begin this command anew, in the same process, with the allocator that suits training.

    glibc reads its settings only when a program begins. Nothing happens without glibc, or where
    GLIBC_TUNABLES is already set. To be called before any work: what has been done is lost.

    Args:
        one_arena: Hold as little memory as can be.
    """
    if "GLIBC_TUNABLES" in os.environ or DONE in os.environ or not _has_glibc():
        return
    tunables = f"{TUNABLES}:{ONE_ARENA}" if one_arena else TUNABLES
    environment = {**os.environ, "GLIBC_TUNABLES": tunables, DONE: "huge pages"}
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def _has_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, ValueError, OSError):
        return False
