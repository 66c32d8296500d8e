"""Which process a number means: numbers are used again, so the time it began counts too."""

import os
import subprocess
import sys
from pathlib import Path


def beginning(pid: int) -> str | None:
    """When the process of this number began, in words of the system's own.

    Returns:
        A text that differs between two processes of the same number; None where none runs.
    """
    if pid <= 0:
        return None
    if sys.platform == "win32":
        return _on_windows(pid)
    if sys.platform == "linux":
        return _on_linux(pid)
    return _by_ps(pid)


def is_same(pid: int, began: str | None) -> bool:
    """Whether the process of this number runs and is the one that began then."""
    return began is not None and beginning(pid) == began


def _on_linux(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    # The name, in brackets, may hold blanks and brackets; the state is the first field after it
    state, *fields = stat[stat.rindex(")") + 1 :].split()
    return None if state in "ZX" else f"{boot} {fields[18]}"


def _by_ps(pid: int) -> str | None:
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
        check=False,
    ).stdout.split()
    return None if not shown or shown[0].startswith("Z") else " ".join(shown[1:])


def _on_windows(pid: int) -> str | None:  # pragma: no cover
    import ctypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    kernel.OpenProcess.restype = ctypes.c_void_p
    query, still_active = 0x1000, 259
    handle = ctypes.c_void_p(kernel.OpenProcess(query, False, pid))
    if not handle:
        return None
    try:
        times = [ctypes.c_uint64() for _ in range(4)]
        code = ctypes.c_uint32()
        known = kernel.GetProcessTimes(handle, *map(ctypes.byref, times))
        known = known and kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        return str(times[0].value) if known and code.value == still_active else None
    finally:
        kernel.CloseHandle(handle)
