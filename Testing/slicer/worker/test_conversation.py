"""Bytes of the worker's stdout become events, however they are cut and whatever is between them."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from VoCoSlicerLib.worker import messages
from VoCoSlicerLib.worker.messages import (
    INTERNAL_ERROR,
    WORKER_LOST,
    Answer,
    Conversation,
    Failure,
    Heartbeat,
    Note,
    Progress,
    Text,
    WorkerError,
)


def line(**message: object) -> bytes:
    text = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False)
    return text.encode() + b"\n"


def progress(done: int, id: int = 1, **changes: object) -> bytes:
    params = {"id": id, "done": done, "total": 9, "what": "Segmenting", "seconds_left": None}
    return line(method="progress", params={**params, **changes})


BEAT = line(method="heartbeat", params={})


def asked(*ids: int) -> Conversation:
    conversation = Conversation()
    for id in ids:
        conversation.request(id, "segment", {})
    return conversation


def test_a_request_is_one_line_of_json_rpc():
    written = Conversation().request(3, "segment", {"images": ["/tmp/ü\n.nrrd"]})
    assert written.endswith(b"\n")
    assert written.count(b"\n") == 1
    assert json.loads(written) == {
        "jsonrpc": "2.0",
        "id": 3,
        "method": "segment",
        "params": {"images": ["/tmp/ü\n.nrrd"]},
    }


def test_every_kind_of_message():
    conversation = asked(1, 2)
    said = (
        BEAT
        + progress(4, seconds_left=1.5)
        + line(method="note", params={"id": 1, "text": "Über"})
        + line(id=1, result={"output": "ü"})
        + line(id=2, error={"code": 1, "message": "No.", "data": {"traceback": "here"}})
    )
    *events, failure = conversation.receive(said)
    assert events == [
        Heartbeat(),
        Progress(1, 4, 9, "Segmenting", 1.5),
        Note(1, "Über"),
        Answer(1, {"output": "ü"}),
    ]
    assert isinstance(failure, Failure)
    assert (failure.id, failure.error.code, failure.error.message) == (2, 1, "No.")
    assert failure.error.details == "here"


RUBBISH = st.binary(max_size=30).filter(lambda data: b"\n" not in data)


@settings(max_examples=200, deadline=None)
@given(st.lists(RUBBISH, max_size=5), st.lists(st.integers(0, 400), max_size=8))
def test_cuts_and_rubbish_change_nothing(rubbish: list[bytes], cuts: list[int]):
    said = BEAT + b"".join(piece + b"\n" for piece in rubbish) + line(id=1, result="ü") + BEAT
    places = [0, *sorted(min(cut, len(said)) for cut in cuts), len(said)]
    conversation = asked(1)
    events = []
    for start, end in itertools.pairwise(places):
        events += conversation.receive(said[start:end])
    assert [event for event in events if not isinstance(event, Text)] == [
        Heartbeat(),
        Answer(1, "ü"),
        Heartbeat(),
    ]


@pytest.mark.parametrize(
    "rubbish",
    [
        b"Loading weights...\n",
        b'{"id": 1, "result": 1}\n',
        b'{"jsonrpc": "1.0", "id": 1, "result": 1}\n',
        line(id=7, result=1),
        line(id=None, error={"code": -32700, "message": "?"}),
        line(id="1", result=1),
        line(id=[1], result=1),
        line(method="unknown", params={}),
        line(method="note", params=None),
        line(method="note"),
        progress(1, total="many"),
        progress(1, total=1e400),
        progress(1, id=None),
        b'{"a":' * 100_000 + b"\n",
        b"\xff\xfe{\x00\n",
    ],
)
def test_what_is_no_message_is_text(rubbish: bytes):
    conversation = asked(1)
    (event,) = conversation.receive(rubbish)
    assert isinstance(event, Text)
    assert len(event.text) <= messages.LONGEST_TEXT + 1
    assert conversation.receive(line(id=1, result=1)) == [Answer(1, 1)]


def test_lines_end_as_on_any_system_and_empty_ones_say_nothing():
    said = b"\r\n  \n\n" + BEAT.replace(b"\n", b"\r\n") + b" \r\n"
    assert asked(1).receive(said) == [Heartbeat()]


def test_an_answer_counts_once():
    conversation = asked(1)
    first, second = conversation.receive(line(id=1, result=1) + line(id=1, result=2))
    assert first == Answer(1, 1)
    assert isinstance(second, Text)


@pytest.mark.parametrize(
    "answer",
    [{}, {"error": "?"}, {"error": None}, {"error": {"code": "x"}}, {"error": {"message": "?"}}],
)
def test_an_answer_that_makes_no_sense_still_ends_its_request(answer: dict):
    (event,) = asked(1).receive(line(id=1, **answer))
    assert isinstance(event, Failure)
    assert event.error.code == INTERNAL_ERROR


@pytest.mark.parametrize("data", [None, "a text", ["a list"], {"other": 1}, 7])
def test_an_error_without_a_traceback(data: object):
    (event,) = asked(1).receive(line(id=1, error={"code": 1, "message": "No.", "data": data}))
    assert isinstance(event, Failure)
    assert (event.error.message, event.error.details) == ("No.", "")


def test_of_progress_in_a_row_only_the_newest_counts():
    said = progress(1) + progress(2) + progress(3) + BEAT + progress(4) + progress(5, id=2)
    events = asked(1, 2).receive(said)
    assert [event.done for event in events if isinstance(event, Progress)] == [3, 4, 5]


def test_the_longest_message_is_taken_and_a_longer_one_is_not(monkeypatch):
    monkeypatch.setattr(messages, "LONGEST_MESSAGE", 1000)
    said = line(id=1, result="x" * 900)
    assert asked(1).receive(said) == [Answer(1, "x" * 900)]
    for too_long in (line(id=1, result="x" * 1000), b"x" * 1001):
        with pytest.raises(WorkerError) as error:
            asked(1).receive(too_long)
        assert error.value.code == WORKER_LOST


def test_a_line_without_an_end_is_kept_for_the_log():
    conversation = asked(1)
    assert conversation.receive(BEAT + b'{"jsonrpc": "2.0", "resu') == [Heartbeat()]
    assert conversation.unfinished() == '{"jsonrpc": "2.0", "resu'


def test_a_long_message_in_small_pieces_takes_time_in_proportion():
    """The search for its end does not start again with every piece."""
    conversation = asked(1)
    said = line(id=1, result="x" * 2_000_000)
    searched = 0

    class Counting(bytearray):
        def find(self, what: bytes, start: int = 0) -> int:
            nonlocal searched
            searched += len(self) - start
            return super().find(what, start)

    conversation._received = Counting()
    events = []
    for place in range(0, len(said), 4096):
        events += conversation.receive(said[place : place + 4096])
    assert events == [Answer(1, "x" * 2_000_000)]
    assert searched < 2 * len(said)
