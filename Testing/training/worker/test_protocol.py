"""Requests, answers, progress and cancelling, with jobs that follow a script."""

import json
import sys
import time

import pytest

from Testing.training.worker import scripted_worker
from Testing.training.worker.client import Client
from voco3d.errors import VoCoError
from voco3d.worker.job import Job
from voco3d.worker.messages import Call, Request
from voco3d.worker.server import Server

SCRIPTED = (sys.executable, scripted_worker.__file__)


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    client = Client(tmp_path_factory.mktemp("worker"), SCRIPTED)
    yield client
    client.close()


def test_an_answer_carries_the_id_of_its_request(worker):
    for id in ("a text", 7.5, 10**12):
        message = {"jsonrpc": "2.0", "id": id, "method": "user_error"}
        worker.write(json.dumps(message).encode() + b"\n")
        assert worker.answer(id) == {
            "jsonrpc": "2.0",
            "id": id,
            "error": {"code": 1, "message": "The picture hangs crooked: straighten it."},
        }


def test_a_request_without_an_id_is_not_answered(worker):
    before = len(worker.messages)
    worker.write(b'{"jsonrpc": "2.0", "method": "user_error"}\n')
    worker.write(b'{"jsonrpc": "2.0", "method": "nothing"}\n')
    assert worker.error("still there")[0] == -32601
    later = [m for _, m in worker.messages[before:] if m.get("method") != "heartbeat"]
    assert len(later) == 1


RUBBISH = {
    b"": -32700,
    b"hello": -32700,
    b"\xff\xfe\x00\x01": -32700,
    b'{"jsonrpc": "2.0", "id": 1, "method"': -32700,
    b"[" * 100_000: -32700,
    b"x" * 5_000_000: -32700,
    b"[]": -32600,
    b"3": -32600,
    b'{"id": null, "method": "hello"}': -32600,
    b'{"jsonrpc": "1.0", "id": null, "method": "hello"}': -32600,
    b'{"jsonrpc": "2.0", "id": null, "method": 3}': -32600,
    b'{"jsonrpc": "2.0", "id": {}, "method": "hello"}': -32600,
    b'{"jsonrpc": "2.0", "id": true, "method": "hello"}': -32600,
    b'{"jsonrpc": "2.0", "id": null, "method": "hello", "params": [1]}': -32602,
    b'{"jsonrpc": "2.0", "id": null, "method": "nothing"}': -32601,
}


@pytest.mark.parametrize("line", RUBBISH, ids=lambda line: repr(line[:30]))
def test_rubbish_is_answered_once_and_does_no_harm(worker, line):
    before = len(worker.messages)
    worker.write(line + b"\n")
    assert worker.error("still there")[0] == -32601
    answers = [m for _, m in worker.messages[before:] if "method" not in m]
    assert [(m["id"], m["error"]["code"]) for m in answers[:-1]] == [(None, RUBBISH[line])]
    assert all(m["error"]["message"] for m in answers)


def test_a_job_reports_progress_and_the_time_left(worker):
    id = worker.ask("steps", steps=5, total=10, pause=0.2)
    assert worker.answer(id)["result"] == {"steps": "done"}
    reports = [report for _, report in worker.told("progress", id)]
    assert [report["done"] for report in reports] == [0, 1, 2, 3, 4]
    assert {(report["total"], report["what"]) for report in reports} == {(10, "stepping")}
    left = [report["seconds_left"] for report in reports]
    assert left[0] is None
    assert 1.1 <= left[4] < left[1]
    assert all(x >= 0.19 * (10 - done) for done, x in enumerate(left[1:], start=1))


def test_heartbeats_come_while_a_job_is_stuck(worker):
    id = worker.ask("stuck", seconds=4)
    started = time.monotonic()
    worker.answer(id)
    beats = [t for t, m in worker.messages if m.get("method") == "heartbeat" and t > started]
    assert len(beats) >= 2
    assert {str(m["params"]) for _, m in worker.messages if m.get("method") == "heartbeat"} == {
        "{}"
    }


def test_a_second_job_is_refused_and_the_first_goes_on(worker):
    first = worker.ask("steps", steps=20, total=20, pause=0.05)
    worker.started(first)
    code, sentence = worker.error("steps")
    assert code == 3
    assert "busy" in sentence
    assert worker.answer(first)["result"] == {"steps": "done"}


@pytest.mark.parametrize("fails", [False, True])
def test_a_job_is_over_before_it_is_answered(fails):
    """Else the next request, sent at once, could be refused."""
    running = []

    class Answers:
        def send(self, message):
            running.append(server._job)

    def work():
        if fails:
            raise VoCoError("No.")
        return {}

    server = Server(Answers(), 1)
    job = Job(Call(Request(1, "steps", {}, True), Answers()))
    server._job = job
    server._try(job.call, work, job)
    assert running == [None]


def cancel(worker, id):
    """Cancel; return the answer to the job and the seconds until it came."""
    started = time.monotonic()
    assert worker.result("cancel", id=id) == {"cancelled": True}
    when, answer = worker.wait(lambda m: m.get("id") == id and "method" not in m)
    return answer["error"], when - started


def test_cancel_ends_a_job_between_two_steps(worker):
    id = worker.ask("steps", steps=1000, total=1000, pause=0.02)
    worker.started(id)
    error, seconds = cancel(worker, id)
    assert error == {"code": 2, "message": "Cancelled."}
    assert seconds < 1
    assert worker.result("steps", steps=1) == {"steps": "done"}


def test_cancel_answers_for_a_job_that_is_stuck_and_the_next_waits_for_it(worker):
    id = worker.ask("stuck", seconds=4)
    time.sleep(0.1)
    error, seconds = cancel(worker, id)
    assert error["code"] == 2
    assert 1 < seconds < 2
    again = worker.ask("steps", steps=3)
    third = worker.error("steps")
    assert third[0] == 3
    assert worker.answer(again)["result"] == {"steps": "done"}
    assert len([m for _, m in worker.messages if m.get("id") == id and "method" not in m]) == 1


def test_a_job_that_waits_can_be_cancelled_too(worker):
    first = worker.ask("stuck", seconds=3)
    time.sleep(0.1)
    cancel(worker, first)
    second = worker.ask("write", output="/nowhere/else")
    error, seconds = cancel(worker, second)
    assert error["code"] == 2
    assert seconds < 2
    assert worker.result("steps", steps=1) == {"steps": "done"}


def test_cancel_while_a_file_is_written_leaves_none(worker, tmp_path):
    id = worker.ask("write", output=str(tmp_path / "r.seg.nrrd"), during=4)
    worker.started(id)
    time.sleep(0.3)
    assert len(list(tmp_path.iterdir())) == 1
    error, seconds = cancel(worker, id)
    assert error["code"] == 2
    assert seconds < 2
    assert not list(tmp_path.iterdir())
    assert worker.result("steps", steps=1) == {"steps": "done"}  # when the writer has ended
    assert not list(tmp_path.iterdir())


def test_cancel_before_a_file_is_begun_leaves_none(worker, tmp_path):
    id = worker.ask("write", output=str(tmp_path / "r.seg.nrrd"), before=0.5)
    worker.started(id)
    error, _ = cancel(worker, id)
    assert error["code"] == 2
    assert worker.result("steps", steps=1) == {"steps": "done"}
    assert not list(tmp_path.iterdir())


def test_cancel_too_late_says_so_and_the_result_stands(worker, tmp_path):
    file = tmp_path / "r.seg.nrrd"
    id = worker.ask("write", output=str(file), after=1.5)
    while not file.exists():
        time.sleep(0.02)
    assert worker.result("cancel", id=id) == {"cancelled": False}
    assert worker.answer(id)["result"] == {"output": str(file)}
    assert file.read_bytes() == b"half and half"
    assert worker.result("cancel", id=id) == {"cancelled": False}


def test_cancel_another_job_leaves_the_running_one(worker):
    id = worker.ask("steps", steps=10, total=10)
    worker.started(id)
    assert worker.result("cancel", id=id + 1000) == {"cancelled": False}
    assert worker.answer(id)["result"] == {"steps": "done"}


@pytest.mark.parametrize("params", [{}, {"id": 1, "more": 2}])
def test_cancel_with_wrong_params(worker, params):
    assert worker.error("cancel", **params)[0] == -32602


def test_what_anything_else_prints_goes_to_the_log(worker):
    assert worker.result("chatter") == {"child": 0}
    assert not worker.rubbish
    log = worker.log.read_text()
    for said in ("a library prints", "C code prints", "a child prints ''"):
        assert said in log
    assert not any(m.get("result") == "false" for _, m in worker.messages)


@pytest.mark.parametrize("script", ["bug", "leave", "not_a_number"])
def test_a_bug_is_answered_with_its_traceback_and_the_worker_lives(worker, script):
    params = {"path": "/patients/Doe/ct.nrrd"} if script == "bug" else {}
    id = worker.ask(script, **params)
    error = worker.answer(id, 20)["error"]
    assert error["code"] == -32603
    assert script in error["message"]
    assert "Traceback" in error["data"]["traceback"]
    assert worker.result("steps", steps=1) == {"steps": "done"}
    assert "Doe" not in worker.log.read_text()


def test_memory_that_runs_out_is_no_bug(worker):
    code, sentence = worker.error("no_memory")
    assert code == 1
    assert "Memory does not suffice" in sentence
