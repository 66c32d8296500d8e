"""The conversation with the worker: JSON-RPC 2.0, one message a line, free of Qt.

Bytes of the worker's stdout go in, events come out. What is no message of the protocol comes out
as text for the log, so that a library that prints does not break a run.
"""

import json
from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _

USER_ERROR = 1
CANCELLED = 2
BUSY = 3
WORKER_LOST = 4  # never sent by a worker: it died, hung, or could not be started
INTERNAL_ERROR = -32603

LONGEST_MESSAGE = 4 * 2**20  # bytes; voxels pass by file, so that real messages are far shorter
LONGEST_TEXT = 2000  # characters of one line for the log


class WorkerError(Exception):
    """Why a request has no result.

    Attributes:
        code: `USER_ERROR`, `CANCELLED`, `BUSY`, `WORKER_LOST` or a code of JSON-RPC.
        message: a sentence for the user.
        details: a traceback or the end of the log, for "show details"; may be empty.
    """

    def __init__(self, code: int, message: str, details: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


@dataclass(frozen=True)
class Heartbeat:
    """The worker is alive."""


@dataclass(frozen=True)
class Progress:
    """How far a request is."""

    id: int
    done: int
    total: int
    what: str
    seconds_left: float | None


@dataclass(frozen=True)
class Note:
    """A sentence to show while a request runs."""

    id: int
    text: str


@dataclass(frozen=True)
class Answer:
    """The result of a request."""

    id: int
    result: Any


@dataclass(frozen=True)
class Failure:
    """A request that ended without a result."""

    id: int
    error: WorkerError


@dataclass(frozen=True)
class Text:
    """Something on stdout that is not for us: a line for the log."""

    text: str


Event = Heartbeat | Progress | Note | Answer | Failure | Text


class Conversation:
    """What was asked of one worker process and what it says."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._received = bytearray()
        self._searched = 0  # the first bytes of `_received`, which hold no end of a line

    def request(self, id: int, method: str, params: dict[str, Any]) -> bytes:
        """A request as the line to write to the worker's stdin; its answer is now expected."""
        self._open.add(id)
        message = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
        return json.dumps(message).encode() + b"\n"

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes of the worker's stdout, in pieces of any size, and return what they say.

        Of progress that comes in a row only the newest is returned.

        Raises:
            WorkerError: a line is longer than any message can be; the process is of no use.
        """
        self._received += data
        events: list[Event] = []
        start = 0
        while (end := self._received.find(b"\n", max(start, self._searched))) >= 0:
            line = bytes(self._received[start:end]).strip()
            if len(line) > LONGEST_MESSAGE:
                raise _too_long()
            if line:
                event = self._event(line)
                if events and _outdates(event, events[-1]):
                    events.pop()
                events.append(event)
            start = end + 1
        del self._received[:start]
        self._searched = len(self._received)
        if self._searched > LONGEST_MESSAGE:
            raise _too_long()
        return events

    def unfinished(self) -> str:
        """The beginning of a line whose end never came, for the log."""
        return _readable(bytes(self._received))

    def _event(self, line: bytes) -> Event:
        message = _message(line)
        event = None
        if message is not None:
            event = _notification(message) if "method" in message else self._answer(message)
        return event or Text(_readable(line))

    def _answer(self, message: dict[str, Any]) -> Event | None:
        id = message.get("id")
        if not isinstance(id, int) or id not in self._open:
            return None
        self._open.discard(id)
        if "error" in message:
            return Failure(id, _error(message["error"]))
        if "result" in message:
            return Answer(id, message["result"])
        return Failure(id, _error(None))


def _message(line: bytes) -> dict[str, Any] | None:
    if not line.startswith(b"{"):
        return None
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if message.get("jsonrpc") == "2.0" else None


def _notification(message: dict[str, Any]) -> Event | None:
    method = message["method"]
    params: Any = message.get("params")
    if method == "heartbeat":
        return Heartbeat()
    try:
        if method == "progress":
            return Progress(
                id=int(params["id"]),
                done=int(params["done"]),
                total=int(params["total"]),
                what=str(params["what"]),
                seconds_left=_seconds(params["seconds_left"]),
            )
        if method == "note":
            return Note(int(params["id"]), str(params["text"]))
    except (LookupError, TypeError, ValueError, OverflowError):
        return None
    return None


def _seconds(value: Any) -> float | None:
    return None if value is None else float(value)


def _outdates(new: Event, old: Event) -> bool:
    return isinstance(new, Progress) and isinstance(old, Progress) and new.id == old.id


def _error(error: Any) -> WorkerError:
    try:
        code, message = int(error["code"]), str(error["message"])
    except (LookupError, TypeError, ValueError, OverflowError):
        return WorkerError(
            INTERNAL_ERROR,
            _("The worker gave an answer that makes no sense: apply again, and report it."),
        )
    data = error.get("data")
    details = str(data.get("traceback", "")) if isinstance(data, dict) else ""
    return WorkerError(code, message, details)


def _readable(line: bytes) -> str:
    text = line[: 4 * LONGEST_TEXT].decode(errors="replace")
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"


def _too_long() -> WorkerError:
    return WorkerError(
        WORKER_LOST,
        _("The worker sent a message that never ended, and was ended: apply again, and report it."),
    )
