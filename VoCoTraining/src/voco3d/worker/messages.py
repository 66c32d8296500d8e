"""What a request is, and how it is answered: JSON-RPC 2.0."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from voco3d.worker.channel import Channel

NOT_JSON = -32700
NO_REQUEST = -32600
NO_METHOD = -32601
WRONG_PARAMS = -32602
BUG = -32603
USER_ERROR = 1
CANCELLED = 2
BUSY = 3

Id = int | float | str | None


class RpcError(Exception):
    """An error that is answered with a code of its own."""

    def __init__(self, code: int, message: str, id: Id = None) -> None:
        super().__init__(message)
        self.code = code
        self.id = id


@dataclass(frozen=True)
class Request:
    """A request of the other program.

    Attributes:
        id: What it calls the request.
        method: What is to be done.
        params: With what.
        answered: Whether it wants an answer.
    """

    id: Id
    method: str
    params: dict[str, Any]
    answered: bool


def read_request(line: bytes) -> Request:
    """Read a line.

    Raises:
        RpcError: If it is no request.
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RpcError(NOT_JSON, "This line is not JSON.") from error
    if not isinstance(message, dict):
        raise RpcError(NO_REQUEST, "A request is one JSON object a line.")
    id = message.get("id")
    if isinstance(id, bool) or not isinstance(id, Id):
        raise RpcError(NO_REQUEST, "The id of a request is a number or a text.")
    method = message.get("method")
    if message.get("jsonrpc") != "2.0" or not isinstance(method, str):
        raise RpcError(NO_REQUEST, 'A request has "jsonrpc": "2.0" and a method.', id)
    params = message.get("params", {})
    if not isinstance(params, dict):
        raise RpcError(WRONG_PARAMS, "The params are an object: each has a name.", id)
    return Request(id, method, params, "id" in message)


class Call:
    """A request that waits for its answer: the first one counts.

    Args:
        request: The request.
        channel: Where the answer goes.
    """

    def __init__(self, request: Request, channel: Channel) -> None:
        self.request = request
        self._channel = channel
        self._answered = not request.answered
        self._lock = threading.Lock()

    def result(self, result: Mapping[str, Any] | list[Any]) -> None:
        """Answer with a result."""
        self._answer({"result": result})

    def error(self, code: int, message: str, data: Mapping[str, Any] | None = None) -> None:
        """Answer with an error."""
        error = {"code": code, "message": message}
        self._answer({"error": error if data is None else {**error, "data": data}})

    def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """Send word of the request while it waits."""
        with self._lock:
            if not self._answered:
                params = {"id": self.request.id, **params}
                self._channel.send({"method": method, "params": params})

    def _answer(self, answer: Mapping[str, Any]) -> None:
        with self._lock:
            if not self._answered:
                self._answered = True
                self._channel.send({"id": self.request.id, **answer})
