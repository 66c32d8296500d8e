"""The worker's process: started when it is needed, watched, and ended when it must be.

Nothing here waits: the event loop runs all the time, and every callback comes from it.
"""

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import qt
from slicer.i18n import tr as _

from VoCoSlicerLib.worker.environment import PythonEnvironment
from VoCoSlicerLib.worker.log import Log
from VoCoSlicerLib.worker.messages import (
    CANCELLED,
    WORKER_LOST,
    Answer,
    Conversation,
    Event,
    Failure,
    Note,
    Progress,
    Text,
    WorkerError,
)
from VoCoSlicerLib.worker.words import translated

PROTOCOL = 1
ARGUMENTS = ("-m", "voco3d.worker")
HELLO = 0  # the number of the request that every process gets first
SIGKILL = 9
FAREWELL = 50  # ms
LOG_INTERVAL = 250  # ms

OnResult = Callable[[Any], None]
OnError = Callable[[WorkerError], None]
OnProgress = Callable[[int, int, str, "float | None"], None]
OnNote = Callable[[str], None]
OnLog = Callable[[str], None]


@dataclass(frozen=True)
class Limits:
    """How long to wait, in seconds.

    Attributes:
        starting: without a sign of life while Python starts and reads its libraries.
        silence: without a sign of life later.
        cancelling: for a request to end after it was cancelled.
    """

    starting: float = 120.0
    silence: float = 15.0
    cancelling: float = 1.5


@dataclass
class _Request:
    """A request without an answer so far, and whom to tell."""

    on_result: OnResult
    on_error: OnError
    on_progress: OnProgress | None = None
    on_note: OnNote | None = None
    cancelled: bool = False
    outcome: Answer | WorkerError | None = None  # on its way to the callback


class Worker:
    """A connection to a `voco3d` worker.

    The process starts with the first request, and again with the next request after it died,
    was ended or was stopped. All callbacks come from Slicer's event loop, never from inside
    the call that caused them. Every request ends with exactly one call of `on_result` or
    `on_error`, unless `stop` was called.

    Attributes:
        hello: what the running worker said of itself (see the protocol), else None.
    """

    def __init__(
        self,
        environment: PythonEnvironment,
        on_log: OnLog | None = None,
        limits: Limits = Limits(),
        arguments: Sequence[str] = ARGUMENTS,
    ) -> None:
        """Prepare a connection; nothing is started.

        Args:
            environment: the Python to run the worker in.
            on_log: is called with text of the worker's log, at most four times a second.
            limits: how long to wait for what.
            arguments: what Python runs.
        """
        self.environment = environment
        self.hello: dict[str, Any] | None = None
        self._on_log = on_log
        self._limits = limits
        self._arguments = list(arguments)
        self._numbers = count(1)
        self._process: Any = None
        self._conversation = Conversation()
        self._requests: dict[int, _Request] = {}
        self._held: dict[int, tuple[str, dict[str, Any]]] = {}  # until the worker said hello
        self._events: deque[Event] = deque()
        self._stopped = 0  # how often; what was asked before a stop is not answered any more
        self._silent = 0.0  # seconds
        self._log = Log()
        self._tick = min(1.0, limits.silence / 4)  # seconds
        self._watch = qt.QTimer()
        self._watch.setInterval(int(1000 * self._tick))
        self._watch.timeout.connect(self._look_for_life)
        self._log_timer = qt.QTimer()
        self._log_timer.setSingleShot(True)
        self._log_timer.setInterval(LOG_INTERVAL)
        self._log_timer.timeout.connect(self._show_log)

    @property
    def log(self) -> str:
        """The end of what the last process wrote on stderr, and what became of it."""
        return self._log.tail()

    @property
    def busy(self) -> bool:
        """Whether a request is waiting for its answer."""
        return bool(self._requests)

    def isRunning(self) -> bool:  # noqa: N802 - Qt's spelling
        """Whether there is a worker process."""
        return self._process is not None

    def start(self) -> None:
        """Start the worker ahead of the first request, so that it is warm."""
        if self._process is None:
            self._start()

    def request(
        self,
        method: str,
        params: dict[str, Any],
        on_result: OnResult,
        on_error: OnError,
        on_progress: OnProgress | None = None,
        on_note: OnNote | None = None,
    ) -> int:
        """Ask the worker for something, and start it if it is not running.

        Args:
            method: a method of the worker's protocol, as "segment".
            params: its parameters, as JSON can hold them.
            on_result: is called with the result.
            on_error: is called with the reason when there is no result.
            on_progress: is called with (done, total, what, seconds left or None).
            on_note: is called with a sentence to show to the user.

        Returns:
            The request's number, for `cancel`.
        """
        number = next(self._numbers)
        self._requests[number] = _Request(on_result, on_error, on_progress, on_note)
        self._held[number] = (method, params)
        self.start()
        self._send_held()
        return number

    def cancel(self, id: int) -> None:
        """End a request: `on_error` is called with code `CANCELLED` within about two seconds.

        A worker that does not obey is ended. A request that has ended already is left alone.
        """
        request = self._requests.get(id)
        if request is None or request.cancelled:
            return
        request.cancelled = True
        if request.outcome is not None:
            return
        if self._held.pop(id, None) is not None:
            self._finish(id, _cancelled())
            return
        self._send(next(self._numbers), "cancel", {"id": id})
        process = self._process
        self._later(self._limits.cancelling, lambda: self._insist(process, id))

    def stop(self) -> None:
        """End the worker at once; no callback is called any more for what was asked so far.

        Waits for the process to be gone, but not long enough to be felt (50 ms).
        """
        self._stopped += 1
        self._requests.clear()
        process = self._process
        self._end()
        self._log_timer.stop()
        if process is not None:
            process.waitForFinished(FAREWELL)  # Slicer may close right after

    # The process

    def _start(self) -> None:
        process = qt.QProcess()
        self._process = process
        self._conversation = Conversation()
        self._log.start_again()
        self._silent = 0.0
        process.setProcessEnvironment(_qt_environment(self.environment.variables()))
        process.readyReadStandardOutput.connect(lambda: self._read_messages(process))
        process.readyReadStandardError.connect(lambda: self._read_log(process))
        process.finished.connect(lambda *_: self._finished(process))
        process.errorOccurred.connect(lambda error: self._failed(process, error))
        process.start(self.environment.executable, self._arguments)
        if process is self._process:  # else it could not be started
            self._send(HELLO, "hello", {})
            self._watch.start()

    def _send(self, number: int, method: str, params: dict[str, Any]) -> None:
        self._process.write(self._conversation.request(number, method, params))

    def _send_held(self) -> None:
        if self.hello is not None:
            held, self._held = self._held, {}
            for number, (method, params) in held.items():
                self._send(number, method, params)

    def _end(self) -> None:
        """Let go of the process and kill it; what it still says is not heard."""
        process, self._process = self._process, None
        self.hello = None
        self._held.clear()
        self._events.clear()
        self._watch.stop()
        if process is not None:
            process.closeWriteChannel()
            process.kill()

    def _lose(self, sentence: str) -> None:
        """End the process, and tell everyone who waits for it."""
        error = WorkerError(WORKER_LOST, sentence, self._log.tail())
        self._end()
        self._add_to_log(sentence)
        for number in list(self._requests):
            self._finish(number, error)

    def _finished(self, process: Any) -> None:
        if process is self._process:
            self._read_messages(process)
            self._read_log(process)
        if process is self._process:
            if unfinished := self._conversation.unfinished():
                self._add_to_log(unfinished)
            crashed = process.exitStatus() == qt.QProcess.CrashExit
            self._lose(self._why_it_ended(process.exitCode(), crashed))

    def _failed(self, process: Any, error: int) -> None:
        if process is not self._process:
            return
        if error == qt.QProcess.FailedToStart:
            self._lose(
                _(
                    "This Python could not be started: choose another one under "
                    '"Compute environment".'
                )
            )
        elif error == qt.QProcess.WriteError:
            # Of a worker that died we hear at once; this one lives and does not listen.
            self._later(1.0, lambda: self._give_up(process))

    def _give_up(self, process: Any) -> None:
        if process is self._process:
            self._lose(_("The worker stopped listening and was ended: apply again."))

    def _insist(self, process: Any, id: int) -> None:
        request = self._requests.get(id)
        if process is self._process and request is not None and request.outcome is None:
            self._lose(
                _("The worker did not stop a cancelled computation and was ended: apply again.")
            )

    def _why_it_ended(self, code: int, crashed: bool) -> str:
        missing = re.search(r"No module named '?(\w+)", self._log.tail())
        if missing and self.hello is None:
            return _(
                "This Python has no {package}: install voco3d and what it needs there, or choose "
                'another one under "Compute environment".'
            ).format(package=missing[1])
        if crashed and code == SIGKILL:
            return _(
                "The system ended the worker, as it does when memory runs out: compute only a "
                "region of interest, or close other programs."
            )
        if crashed:
            return _("The worker crashed: apply again, and report the log if it happens again.")
        return _(
            "The worker ended by itself (exit code {code}): apply again, and report the log if it "
            "happens again."
        ).format(code=code)

    # Signs of life

    def _look_for_life(self) -> None:
        # Counted in ticks of the event loop rather than by the clock: neither a computer that
        # slept nor a window that was busy makes the worker look dead.
        self._silent += self._tick
        limit = self._limits.starting if self.hello is None else self._limits.silence
        if self._silent > limit:
            self._lose(
                _(
                    "The worker gave no sign of life for {seconds:.0f} s and was ended: apply "
                    "again."
                ).format(seconds=limit)
            )

    # What it says

    def _read_messages(self, process: Any) -> None:
        data = bytes(process.readAllStandardOutput().data() or b"")
        if process is not self._process:
            return
        try:
            self._events += self._conversation.receive(data)
        except WorkerError as error:
            self._lose(error.message)
        # From a queue, so that nothing is lost when a callback raises or runs an event loop.
        while self._events:
            self._handle(self._events.popleft())

    def _handle(self, event: Event) -> None:
        if isinstance(event, Text):
            self._add_to_log(event.text)
            return
        self._silent = 0.0
        if isinstance(event, Answer | Failure) and event.id == HELLO:
            self._greet(event)
        elif isinstance(event, Answer):
            self._finish(event.id, event)
        elif isinstance(event, Failure):
            self._finish(event.id, event.error)
        elif isinstance(event, Progress | Note):
            self._tell(event)

    def _greet(self, event: Answer | Failure) -> None:
        if isinstance(event, Failure):
            self._add_to_log(event.error.details)
            self._lose(event.error.message)
        elif not isinstance(event.result, dict) or event.result.get("protocol") != PROTOCOL:
            self._lose(
                _(
                    "The voco3d of this Python does not fit this version of the extension: update "
                    'it, or choose another Python under "Compute environment".'
                )
            )
        else:
            self.hello = event.result
            self._send_held()

    def _tell(self, event: Progress | Note) -> None:
        request = self._requests.get(event.id)
        if request is None or request.cancelled:
            return
        if isinstance(event, Note) and request.on_note is not None:
            request.on_note(translated(event.text))
        if isinstance(event, Progress) and request.on_progress is not None:
            what = translated(event.what)
            request.on_progress(event.done, event.total, what, event.seconds_left)

    def _finish(self, number: int, outcome: Answer | WorkerError) -> None:
        request = self._requests.get(number)
        if request is not None and request.outcome is None:
            request.outcome = outcome
            self._later(0, lambda: self._deliver(number))

    def _deliver(self, number: int) -> None:
        request = self._requests.pop(number)
        if request.cancelled:
            request.on_error(_cancelled())
        elif isinstance(request.outcome, Answer):
            request.on_result(request.outcome.result)
        elif request.outcome is not None:
            request.on_error(request.outcome)

    def _later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call a function from the event loop, unless `stop` is called before."""
        stopped = self._stopped
        qt.QTimer.singleShot(
            int(1000 * seconds), lambda: function() if stopped == self._stopped else None
        )

    # Its log

    def _read_log(self, process: Any) -> None:
        data = bytes(process.readAllStandardError().data() or b"")
        if process is self._process:
            self._log.feed(data)
            self._log_changed()

    def _add_to_log(self, text: str) -> None:
        if text:
            self._log.add_line(text)
            self._log_changed()

    def _log_changed(self) -> None:
        if self._on_log is not None and not self._log_timer.isActive():
            self._log_timer.start()

    def _show_log(self) -> None:
        text = self._log.take()
        if self._on_log is not None and text:
            self._on_log(text)


def _cancelled() -> WorkerError:
    return WorkerError(CANCELLED, _("Cancelled."))


def _qt_environment(variables: dict[str, str]) -> Any:
    environment = qt.QProcessEnvironment()
    for name, value in variables.items():
        environment.insert(name, value)
    return environment
