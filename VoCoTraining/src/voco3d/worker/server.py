"""Threads that read requests, answer them, and show that the process is alive."""

import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from voco3d.errors import VoCoError
from voco3d.worker.channel import Channel, as_line
from voco3d.worker.job import CancelledError, Job
from voco3d.worker.messages import (
    BUG,
    BUSY,
    CANCELLED,
    NO_METHOD,
    USER_ERROR,
    Call,
    Request,
    RpcError,
    read_request,
)
from voco3d.worker.methods import LONG, QUICK, Methods
from voco3d.worker.params import Params
from voco3d.worker.parent import Parent

BEAT = 1.0
"""Seconds between two heartbeats."""

LISTENING = 0.2
"""Seconds until a signal is heard that the system gave to another thread than the main one."""


class Server:
    """Serves one channel until it closes.

    One thread reads, one answers quick requests, one works on the long one, one sends heartbeats;
    the main thread waits for signals. So a library that computes for long keeps none of the
    others from its work.

    Args:
        channel: Where requests come from and answers go.
        idle: Seconds without use after which a model is let go.
    """

    def __init__(self, channel: Channel, idle: float) -> None:
        self._channel = channel
        self._methods = Methods(idle)
        self._parent = Parent()
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._calls: queue.Queue[Call] = queue.Queue()
        self._jobs: queue.Queue[Job] = queue.Queue()
        self._ended: queue.SimpleQueue[int] = queue.SimpleQueue()

    def run(self) -> None:
        """Serve; the process ends with this call."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, frame: self._end(128 + number))
        for loop in (self._beat, self._work, self._answer, self._read):
            threading.Thread(target=loop, name=loop.__name__, daemon=True).start()
        while True:
            with suppress(queue.Empty):
                self._end(self._ended.get(timeout=LISTENING))

    def _read(self) -> None:
        for line in self._channel.lines():
            try:
                request = read_request(line)
            except RpcError as error:
                answer = {"code": error.code, "message": str(error)}
                self._channel.send({"id": error.id, "error": answer})
            else:
                self._receive(Call(request, self._channel))
        self._ended.put(0)

    def _receive(self, call: Call) -> None:
        """Hand a request to the thread that answers it."""
        request = call.request
        if request.method in LONG:
            self._begin(Job(call))
        elif request.method in QUICK:
            self._calls.put(call)
        elif request.method == "cancel":
            self._try(call, lambda: self._cancel(request))
        elif request.method == "shutdown":
            call.result({})
            self._ended.put(0)
        else:
            call.error(NO_METHOD, f"There is no method {request.method!r}.")

    def _begin(self, job: Job) -> None:
        """Have a job done, unless one is running that is still wanted."""
        with self._lock:
            busy = self._job is not None and not self._job.cancelled
            if not busy:
                self._job = job
                self._jobs.put(job)
        if busy:
            job.call.error(BUSY, "The worker is busy: wait for its job, or cancel it.")

    def _cancel(self, request: Request) -> dict[str, bool]:
        params = Params(request.params)
        id = params.any("id")
        params.end()
        with self._lock:
            job = self._job
        mine = job is not None and job.call.request.id == id and not job.cancelled
        return {"cancelled": job is not None and mine and job.cancel()}

    def _answer(self) -> None:
        while call := self._calls.get():
            method, params = QUICK[call.request.method], Params(call.request.params)
            self._try(call, lambda: method(self._methods, params))  # noqa: B023

    def _work(self) -> None:
        while job := self._jobs.get():
            method, params = LONG[job.call.request.method], Params(job.call.request.params)
            self._try(job.call, lambda: self._run(method, params, job), job)  # noqa: B023

    def _run(self, method: Callable[[Methods, Params, Job], Any], params: Params, job: Job) -> Any:
        job.check()
        return method(self._methods, params, job)

    def _try(self, call: Call, work: Callable[[], Any], job: Job | None = None) -> None:
        """Do what was asked for and answer, whatever comes of it."""
        try:
            result = work()
            as_line({"result": result})
        except BaseException as error:
            answer = _answer_to(error, call.request)
            self._finish(job)
            call.error(*answer)
        else:
            self._finish(job)
            call.result(result)

    def _finish(self, job: Job | None) -> None:
        with self._lock:
            if job is not None and self._job is job:
                self._job = None

    def _beat(self) -> None:
        """Show that the process is alive; end it when nobody is there to see."""
        pause = threading.Event()
        while not self._parent.gone:
            try:
                self._channel.send({"method": "heartbeat", "params": {}})
            except OSError:
                break
            if self._methods.release_if_idle():
                _log("The model was let go after some time without work.")
            pause.wait(BEAT)
        self._end(0)

    def _end(self, code: int) -> None:
        """End at once: taking down large libraries in good order can take seconds."""
        job = self._job
        if job is not None:
            job.discard()
        os._exit(code)


def _answer_to(error: BaseException, request: Request) -> tuple[int, str, dict[str, str] | None]:
    """Code, message and data for an exception."""
    if isinstance(error, RpcError):
        return error.code, str(error), None
    if isinstance(error, CancelledError):
        return CANCELLED, "Cancelled.", None
    if isinstance(error, VoCoError):
        return USER_ERROR, str(error), None
    if _memory_ran_out(error):
        from voco3d.inference.segmentation import TOO_LITTLE_MEMORY

        return USER_ERROR, TOO_LITTLE_MEMORY, None
    kind, frames = type(error).__name__, "".join(traceback.format_tb(error.__traceback__))
    _log(f"A bug in {request.method}: {kind}\n{frames}")
    return (
        BUG,
        f"The worker has a bug: {kind} in {request.method}; report it with the traceback.",
        {"traceback": "".join(traceback.format_exception(error))},
    )


def _memory_ran_out(error: BaseException) -> bool:
    if "torch" not in sys.modules:
        return isinstance(error, MemoryError)
    from voco3d.inference.memory import is_out_of_memory

    return is_out_of_memory(error)


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
