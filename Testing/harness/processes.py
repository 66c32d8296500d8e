"""Processes that this one started."""

import os
from pathlib import Path


def running_children() -> set[int]:
    """Process ids of the children that run; empty where there is no /proc."""
    return {child for child in children() if _runs(child)}


def children() -> set[int]:
    """Process ids of all children, also of those that ended and that nobody asked after so far."""
    tasks = Path(f"/proc/{os.getpid()}/task")
    listed = [file.read_text().split() for file in tasks.glob("*/children")]
    return {int(child) for listed_children in listed for child in listed_children}


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
