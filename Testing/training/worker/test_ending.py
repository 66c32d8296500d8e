"""The worker never outlives the program that started it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from Testing.training.worker.client import Client
from Testing.training.worker.test_protocol import SCRIPTED

PARENT = """
import subprocess, sys, time
worker = subprocess.Popen(sys.argv[1:], stdin=0, stdout=1)
print(worker.pid, file=sys.stderr, flush=True)
time.sleep(600)
"""


@pytest.fixture
def worker(tmp_path):
    client = Client(tmp_path, SCRIPTED)
    client.wait(lambda m: m.get("method") == "heartbeat")
    yield client
    client.close()


def write_half(worker, folder):
    """Have the worker write a file for a long time."""
    folder.mkdir()
    id = worker.ask("write", output=str(folder / "r.seg.nrrd"), during=60)
    worker.started(id)
    while not list(folder.iterdir()):
        time.sleep(0.02)


def test_shutdown_answers_and_ends(worker, tmp_path):
    write_half(worker, tmp_path / "out")
    assert worker.result("shutdown") == {}
    assert worker.process.wait(2) == 0
    assert not list((tmp_path / "out").iterdir())


def test_the_end_of_standard_input_ends_it(worker, tmp_path):
    write_half(worker, tmp_path / "out")
    worker.process.stdin.close()
    assert worker.process.wait(2) == 0
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_without_half_a_file(worker, tmp_path, number):
    write_half(worker, tmp_path / "out")
    worker.process.send_signal(number)
    assert worker.process.wait(2) == 128 + number
    assert not list((tmp_path / "out").iterdir())


def test_it_ends_when_nobody_reads():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(SCRIPTED, **pipes) as process:
        assert b"heartbeat" in process.stdout.readline()
        process.stdout.close()
        assert process.wait(5) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there the end of standard input must do")
def test_it_dies_with_its_parent(tmp_path):
    """Its pipes stay open, so that only the parent's death can tell it."""
    reading, writing = os.pipe()
    answers, answering = os.pipe()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, *SCRIPTED],
        stdin=reading,
        stdout=answering,
        stderr=subprocess.PIPE,
        text=True,
    )
    pid = int(parent.stderr.readline())
    assert b"heartbeat" in os.read(answers, 1000)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    end = time.monotonic() + 5
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.05)
    alive = is_running(pid)
    if alive:
        os.kill(pid, signal.SIGKILL)
    for each in (reading, writing, answers, answering):
        os.close(each)
    parent.stderr.close()
    assert not alive


def is_running(pid):
    """Whether a process runs; one that ended and that nobody asked about does not."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(listed.stdout.strip()) and not listed.stdout.startswith("Z")
