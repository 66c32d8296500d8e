"""Processes and timers run in the event loop; what still runs after a test is a fault."""

import sys

import pytest

from Testing import harness
from Testing.harness.fixtures import faults_left
from Testing.harness.processes import running_children

harness.start()

import qt  # noqa: E402

pytestmark = pytest.mark.usefixtures("harness_session")


def test_a_process_talks() -> None:
    process, heard, ended = qt.QProcess(), [], []
    process.readyReadStandardOutput.connect(
        lambda: heard.append(process.readAllStandardOutput().data())
    )
    process.connect(
        "finished(int,QProcess::ExitStatus)", lambda code, status: ended.append((code, status))
    )
    code = "import sys; print(sys.stdin.readline().upper(), end=''); sys.exit(3)"
    process.start(sys.executable, ["-c", code])
    process.write(b"hello\n")
    harness.wait(lambda: ended)
    assert b"".join(heard) == b"HELLO\n"
    assert ended == [(3, qt.QProcess.NormalExit)]


def test_a_program_that_is_not_there_is_told_by_an_error() -> None:
    process, errors = qt.QProcess(), []
    process.errorOccurred.connect(errors.append)
    process.start("/no/such/program", [])
    harness.wait(lambda: errors)
    assert errors == [qt.QProcess.FailedToStart]


def test_waiting_ends_in_time() -> None:
    fired = []
    qt.QTimer.singleShot(20, lambda: fired.append(1))
    harness.wait(lambda: fired, 2.0)
    with pytest.raises(TimeoutError):
        harness.wait(lambda: False, 0.05)


def test_a_process_left_behind_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("Testing.harness.fixtures.SECONDS_TO_END", 0.1)
    before = running_children()
    process = qt.QProcess()
    process.start(sys.executable, ["-c", "import time; time.sleep(60)"])
    assert process.waitForStarted(5000)
    (fault,) = faults_left(before)
    assert "still run" in fault
    process.kill()
    process.waitForFinished(5000)
    assert faults_left(before) == []
