"""Large tensors in huge pages that are kept for the next tensor: it spares page faults."""

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

DONE = "VOCO_ALLOCATOR"


def use_huge_pages() -> None:
    """Begin this command anew, in the same process, with the allocator that suits training.

    glibc reads its settings only when a program begins. Nothing happens without glibc, or where
    GLIBC_TUNABLES is already set. To be called before any work: what has been done is lost.
    """
    if "GLIBC_TUNABLES" in os.environ or DONE in os.environ or not _has_glibc():
        return
    environment = {**os.environ, "GLIBC_TUNABLES": TUNABLES, DONE: "huge pages"}
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def _has_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, ValueError, OSError):
        return False
