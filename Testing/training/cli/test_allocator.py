import os
import signal
import subprocess
import sys
from itertools import islice

import pytest

from voco3d.cli.allocator import TUNABLES

BEGIN = """
import os, sys
print("begins", os.getpid(), flush=True)
from voco3d.cli.allocator import use_huge_pages
use_huge_pages()
"""


def start(code, *arguments, **environment):
    kept = {k: v for k, v in os.environ.items() if k not in ("GLIBC_TUNABLES", "VOCO_ALLOCATOR")}
    command = [sys.executable, "-c", BEGIN + code, *arguments]
    return subprocess.Popen(
        command,
        env={**kept, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    """The lines of a command that ends: one that begins for ever does not."""
    try:
        return process.communicate(timeout=30)[0].splitlines()
    finally:
        process.kill()


def test_the_command_begins_once_more_in_the_same_process_with_its_arguments_and_exit_code():
    process = start("print(os.environ['GLIBC_TUNABLES'], sys.argv[1:]); sys.exit(7)", "a b", "--c=")
    lines = finish(process)
    assert lines[0] == lines[1] == f"begins {process.pid}"
    assert lines[2:] == [f"{TUNABLES} ['a b', '--c=']"]
    assert process.returncode == 7


def test_large_blocks_stay_on_the_heap_where_huge_pages_can_hold_them():
    code = """
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
address = libc.malloc(ctypes.c_size_t(1 << 30))
ranges = [line.split() for line in open("/proc/self/maps") if "[heap]" in line]
bounds = [tuple(int(end, 16) for end in line[0].split("-")) for line in ranges]
print(any(first <= address < last for first, last in bounds))
"""
    assert finish(start(code))[-1] == "True"


@pytest.mark.parametrize(
    "environment", [{"GLIBC_TUNABLES": "glibc.malloc.check=0"}, {"VOCO_ALLOCATOR": "done"}]
)
def test_a_choice_of_the_user_stays_and_nothing_begins_twice(environment):
    process = start("print(os.environ.get('GLIBC_TUNABLES'))", **environment)
    lines = finish(process)
    assert lines == [f"begins {process.pid}", str(environment.get("GLIBC_TUNABLES"))]


def test_nothing_happens_without_glibc():
    code = """
os.confstr = lambda name: None
import voco3d.cli.allocator as allocator
os.execve = lambda *arguments: print("executed")
os.environ.pop("GLIBC_TUNABLES"), os.environ.pop("VOCO_ALLOCATOR")
allocator.use_huge_pages()
print("ends")
"""
    lines = finish(start(code, GLIBC_TUNABLES="", VOCO_ALLOCATOR=""))
    assert lines[1:] == ["ends"]


def test_a_signal_reaches_the_command():
    code = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
print("ready", flush=True)
time.sleep(60)
"""
    process = start(code)
    begun = list(islice(process.stdout, 3))
    process.send_signal(signal.SIGTERM)
    finish(process)
    assert begun[-1] == "ready\n"
    assert process.returncode == 9


@pytest.mark.parametrize("module", ["voco3d.cli.main", "voco3d.cli"])
def test_pre_training_begins_with_it(module):
    code = f"""
import atexit, os
from {module} import main
atexit.register(lambda: print(os.environ.get("GLIBC_TUNABLES")))
main()
"""
    kept = {k: v for k, v in os.environ.items() if k not in ("GLIBC_TUNABLES", "VOCO_ALLOCATOR")}
    command = [sys.executable, "-c", code, "pretrain", "--data", "x", "--out", "y"]
    process = subprocess.Popen(command, env=kept, stdout=subprocess.PIPE, text=True)
    assert finish(process)[-1] == TUNABLES
