"""Whatever a worker does: one clear sentence, a window that runs, and a next request that works."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import qt

from Testing import harness
from Testing.slicer.worker.connection import FAKE, Asked
from VoCoSlicerLib.worker.environment import PythonEnvironment
from VoCoSlicerLib.worker.messages import CANCELLED, INTERNAL_ERROR, WORKER_LOST, Answer
from VoCoSlicerLib.worker.process import Limits

DEADLY = {
    "kills itself": "memory",
    "crashes": "crashed",
    "exits": "exit code 3",
    "hangs": "no sign of life",
    "chatters": "no sign of life",
    "dies in a result": "exit code 0",
    "huge message": "never ended",
}
HARMLESS = (
    "none",
    "half a message",
    "floods stderr",
    "floods stdout",
    "floods progress",
    "prints rubbish",
    "prints at start",
    "answers an unknown id",
)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pid_of(worker, loop) -> int:
    asked = Asked(worker, "pid")
    loop.wait(lambda: asked.ended)
    return asked.result


def test_a_request_is_answered_with_progress_and_notes(fake, loop):
    worker = fake()
    asked = Asked(worker, output="x.seg.nrrd")
    assert worker.busy
    loop.wait(lambda: asked.ended)
    assert asked.result == {"output": "x.seg.nrrd"}
    assert asked.progress == [(1, 4, "segmenting", None), (4, 4, "segmenting", 0.0)]
    assert asked.notes == ["How it lies cannot be told."]
    assert not worker.busy
    assert worker.isRunning()
    assert worker.hello["threads"] == 2


def test_requests_share_a_process(fake, loop):
    worker = fake()
    worker.start()
    first = pid_of(worker, loop)
    assert pid_of(worker, loop) == first


@pytest.mark.parametrize("fault", HARMLESS)
def test_a_result_comes_through(fake, loop, fault):
    worker = fake(fault)
    asked = Asked(worker, output="x.seg.nrrd")
    loop.wait(lambda: asked.ended, 20)
    assert asked.result["output"] in ("x.seg.nrrd", "ü")
    assert len(asked.progress) < 5000
    assert worker.isRunning()


@pytest.mark.parametrize(("fault", "sentence"), DEADLY.items(), ids=DEADLY.keys())
def test_a_lost_worker_is_one_error_and_the_next_request_works(fake, loop, fault, sentence):
    worker = fake(fault)
    pid = pid_of(worker, loop)
    asked, other = Asked(worker), Asked(worker, "nothing")
    loop.wait(lambda: asked.ended and other.ended, 20)
    for request in (asked, other):
        assert request.error.code == WORKER_LOST
        assert sentence in request.error.message
    assert not worker.busy
    assert not worker.isRunning()
    loop.wait(lambda: not is_alive(pid))
    assert pid_of(worker, loop) != pid


def test_the_details_of_a_death_are_the_log(fake, loop):
    asked = Asked(fake("exits"))
    loop.wait(lambda: asked.ended)
    assert "RuntimeError: something broke" in asked.error.details


def test_a_worker_whose_heart_never_beats_is_given_up(fake, loop):
    worker = fake("silent from the start", Limits(starting=30.0, silence=0.4))
    asked = Asked(worker, "nothing")
    loop.wait(lambda: asked.ended, 20)
    assert "no sign of life for 0 s" in asked.error.message


def test_python_may_take_its_time_to_start(fake, loop):
    worker = fake("starts slowly", Limits(starting=30.0, silence=0.5))
    worker.start()
    loop.run(1.0)
    assert worker.isRunning()


def test_nothing_is_asked_of_a_worker_that_has_not_said_hello(fake, loop):
    worker = fake("never greets")
    asked = Asked(worker)
    loop.run(1.0)
    assert not asked.ended
    assert worker.log == ""


def test_a_worker_that_does_not_listen_any_more_is_ended(fake, loop):
    worker = fake("closes its input")
    asked = Asked(worker)
    loop.wait(lambda: asked.notes)
    other = Asked(worker, "nothing")
    loop.wait(lambda: asked.ended and other.ended)
    assert "stopped listening" in asked.error.message
    pid_of(worker, loop)


def test_a_window_that_was_busy_does_not_make_the_worker_look_dead(fake, loop):
    worker = fake("is slow", Limits(starting=30.0, silence=1.2))
    asked = Asked(worker)
    loop.wait(lambda: asked.progress)
    time.sleep(2.0)
    loop.longest_pause = 0.0
    loop.run(0.5)
    loop.longest_pause = 0.0
    assert not asked.ended


def test_an_error_of_the_worker_is_handed_on(fake, loop):
    worker = fake()
    asked = Asked(worker, "fail", code=1, traceback="Traceback: here")
    loop.wait(lambda: asked.ended)
    assert (asked.error.code, asked.error.message) == (1, "No.")
    assert asked.error.details == "Traceback: here"
    assert worker.isRunning()


def test_an_answer_that_makes_no_sense_ends_the_request(fake, loop):
    asked = Asked(fake("answers nonsense"))
    loop.wait(lambda: asked.ended)
    assert asked.error.code == INTERNAL_ERROR


def test_a_message_of_three_megabytes_is_taken(fake, loop):
    asked = Asked(fake("big message"))
    loop.wait(lambda: asked.ended)
    assert len(asked.result["structures"]) == 30000


def test_cancel_ends_the_request_and_keeps_the_worker(fake, loop):
    worker = fake("is slow")
    pid = pid_of(worker, loop)
    asked = Asked(worker)
    loop.wait(lambda: asked.progress)
    worker.cancel(asked.id)
    worker.cancel(asked.id)
    loop.wait(lambda: asked.ended, 2)
    assert asked.error.code == CANCELLED
    loop.run(0.6)
    assert pid_of(worker, loop) == pid


def test_a_worker_that_ignores_cancel_is_ended(fake, loop):
    worker = fake("ignores cancel")
    pid = pid_of(worker, loop)
    asked, other = Asked(worker), Asked(worker, "nothing")
    loop.wait(lambda: asked.progress)
    worker.cancel(asked.id)
    loop.wait(lambda: asked.ended and other.ended, 2)
    assert asked.error.code == CANCELLED
    assert other.error.code == WORKER_LOST
    loop.wait(lambda: not is_alive(pid))
    assert pid_of(worker, loop) != pid


def test_by_default_cancel_takes_less_than_two_seconds():
    assert Limits().cancelling <= 1.5
    assert Limits().silence == 15


def test_a_result_that_comes_after_cancel_does_not_count(fake, loop):
    worker = fake("none", Limits(cancelling=5.0))
    pid_of(worker, loop)
    asked = Asked(worker, "sleep", seconds=0.3)
    worker.cancel(asked.id)
    loop.wait(lambda: asked.ended)
    assert asked.error.code == CANCELLED
    assert worker.isRunning()


def test_a_result_on_its_way_to_the_window_does_not_count_after_cancel(fake, loop):
    worker = fake("is slow")
    asked = Asked(worker)
    loop.wait(lambda: asked.progress)
    worker._handle(Answer(asked.id, {}))
    worker.cancel(asked.id)
    loop.wait(lambda: asked.ended)
    assert asked.error.code == CANCELLED
    assert not worker.busy


def test_a_request_cancelled_before_the_worker_is_there_is_never_sent(fake, loop):
    worker = fake()
    asked = Asked(worker)
    worker.cancel(asked.id)
    assert not asked.ended
    loop.wait(lambda: asked.ended)
    assert asked.error.code == CANCELLED
    pid_of(worker, loop)
    loop.run(0.1)
    assert worker.log == "", "it was asked for nothing"


def test_a_death_after_cancel_is_a_cancel(fake, loop):
    worker = fake("is slow")
    pid = pid_of(worker, loop)
    asked = Asked(worker)
    loop.wait(lambda: asked.progress)
    os.kill(pid, 9)
    worker.cancel(asked.id)
    loop.wait(lambda: asked.ended, 2)
    assert asked.error.code == CANCELLED


def test_stop_ends_a_stubborn_worker_and_all_callbacks(fake, loop):
    worker = fake("ignores the end")
    pid = pid_of(worker, loop)
    asked, late = Asked(worker), Asked(worker, "fail", code=1)
    worker.cancel(late.id)
    worker.stop()
    assert not worker.isRunning()
    assert not worker.busy
    loop.wait(lambda: not is_alive(pid))
    assert not asked.ended
    assert not late.ended
    assert pid_of(worker, loop) != pid


def test_what_an_ended_process_says_is_not_heard(fake, loop):
    worker = fake("is slow")
    asked = Asked(worker)
    loop.wait(lambda: asked.progress)
    old = SimpleNamespace(
        readAllStandardOutput=lambda: SimpleNamespace(
            data=lambda: b'{"jsonrpc": "2.0", "id": %d, "result": "old"}\n' % asked.id
        ),
        readAllStandardError=lambda: SimpleNamespace(data=lambda: b"old"),
    )
    worker._read_messages(old)
    worker._read_log(old)
    worker._failed(old, qt.QProcess.FailedToStart)
    worker._finished(old)
    loop.run(0.05)
    assert not asked.ended
    assert "old" not in worker.log
    assert worker.isRunning()


def test_an_answer_on_its_way_is_not_delivered_after_stop(fake, loop):
    worker = fake()
    asked = Asked(worker, "nothing")
    worker._handle(Answer(asked.id, "late"))
    worker.stop()
    loop.run(0.1)
    assert not asked.ended


def test_a_python_that_is_not_there(fake, loop):
    worker = fake(environment=PythonEnvironment("/nowhere/bin/python", of_slicer=True))
    asked = Asked(worker)
    assert not asked.ended, "never from inside the call"
    loop.wait(lambda: asked.ended)
    assert "could not be started" in asked.error.message
    assert not worker.isRunning()
    worker.environment = PythonEnvironment(sys.executable, of_slicer=True)
    pid_of(worker, loop)


def test_a_python_without_voco3d(fake, loop):
    worker = fake()
    worker._arguments = ["-S", "-E", "-m", "voco3d.worker"]
    asked = Asked(worker)
    loop.wait(lambda: asked.ended)
    assert "has no voco3d" in asked.error.message
    worker._arguments = [str(FAKE), "exits at start"]
    again = Asked(worker)
    loop.wait(lambda: again.ended)
    assert "exit code 5" in again.error.message, "the first process is forgotten"


def test_a_voco3d_of_another_version(fake, loop):
    worker = fake("other protocol")
    asked = Asked(worker)
    loop.wait(lambda: asked.ended)
    assert "does not fit this version" in asked.error.message


def test_a_callback_that_raises_loses_nothing(fake, loop):
    worker = fake()
    seen = []

    def on_progress(*step):
        seen.append(step)
        raise RuntimeError("a bug in the window")

    worker.request("segment", {}, seen.append, seen.append, on_progress)
    loop.wait(lambda: {"output": None} in seen)
    assert len(seen) == 3
    assert [str(failure.error) for failure in harness.failures.take()] == [
        "a bug in the window"
    ] * 2


def test_the_log_of_a_flood_is_short_and_comes_slowly(fake, loop):
    pieces = []
    worker = fake("floods stderr", on_log=pieces.append)
    asked = Asked(worker)
    loop.wait(lambda: asked.ended, 20)
    loop.run(0.5)
    assert len(pieces) <= 4 * 12
    assert max(map(len, pieces)) < 10000
    assert any("characters left out" in piece for piece in pieces)
    assert pieces[-1].endswith("as it should be ü\n")
    assert len(worker.log) <= 64 * 1024


def test_rubbish_is_in_the_log(fake, loop):
    pieces = []
    worker = fake("prints at start", on_log=pieces.append)
    pid_of(worker, loop)
    loop.run(0.5)
    assert "Welcome to this library!" in "".join(pieces)


CLOSES = """
import sys
sys.path[:0] = {path!r}
from Testing.slicer.worker.connection import FAKE, Asked, Loop, Worker
from VoCoSlicerLib.worker.environment import PythonEnvironment
loop = Loop()
python = PythonEnvironment(sys.executable, of_slicer=True)
worker = Worker(python, arguments=[str(FAKE), "ignores the end"])
asked = Asked(worker, "pid")
loop.wait(lambda: asked.ended)
print(asked.result, flush=True)
"""


def test_no_worker_is_left_when_slicer_closes(loop):
    """Slicer ends without `stop`: an error in the window's `cleanup`, say."""
    program = CLOSES.format(path=sys.path)
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    pid = int(output.stdout.split()[-1])
    loop.longest_pause = 0.0
    loop.wait(lambda: not is_alive(pid), 5)
    loop.longest_pause = 0.0
