"""Long questions to the worker about volumes of the scene: one at a time, beside segmenting."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.positions.volume_file import VolumeFiles
from VoCoSlicerLib.scene.steps import Steps
from VoCoSlicerLib.worker.messages import CANCELLED, INTERNAL_ERROR, USER_ERROR, WorkerError
from VoCoSlicerLib.worker.process import Worker

BREATH = 20
"""Milliseconds of writing before the window gets its turn."""

OnProgress = Callable[[float, str, "float | None"], None]
"""Gets the share that is done, what is being done, and the seconds left or None."""


@dataclass(frozen=True)
class Question:
    """A long request to the worker.

    Attributes:
        method: of the worker's protocol.
        volumes: the params that are files of volumes.
        params: the others, but for the device.
        answered: gets the result.
        failed: gets the reason why there is none; also when it was cancelled.
        progress: hears how it goes.
        gives_way: whether it stops for any other question.
    """

    method: str
    volumes: Mapping[str, slicer.vtkMRMLScalarVolumeNode]
    params: Mapping[str, Any]
    answered: Callable[[Any], None]
    failed: Callable[[WorkerError], None]
    progress: OnProgress = lambda share, what, seconds_left: None
    gives_way: bool = False


class Jobs:
    """Asks the questions: writes the volumes first, in steps, and then asks the worker.

    Every question ends with one call of ``answered`` or ``failed``, unless ``close`` was called.

    Attributes:
        files: the volumes on disk, in a temporary folder.
    """

    def __init__(
        self,
        worker: Callable[[], Worker],
        device: Callable[[], str],
        hindrance: Callable[[], str],
        on_changed: Callable[[], None],
    ) -> None:
        """Prepare; nothing is asked.

        Args:
            worker: the worker; may raise VoCoSlicerError.
            device: where it computes.
            hindrance: why nothing can be asked now, or an empty text.
            on_changed: is called when a question was taken, and when one ended.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="VoCo-", dir=slicer.app.temporaryPath))
        self.files = VolumeFiles(self._folder)
        self._worker, self._device = worker, device
        self._hindrance, self._on_changed = hindrance, on_changed
        self._current: Question | None = None
        self._next: Question | None = None
        self._then: Callable[[], None] | None = None
        self._writing: Steps[Any] | None = None
        self._asked: tuple[Worker, int] | None = None

    @property
    def busy(self) -> bool:
        """Whether a question is under way that does not give way."""
        if self._next is not None or self._then is not None:
            return True
        return self._current is not None and not self._current.gives_way

    @property
    def idle(self) -> bool:
        """Whether no question is under way."""
        return self._current is None and self._next is None and self._then is None

    def ask(self, question: Question) -> None:
        """Ask, as soon as one that gives way has ended.

        Raises:
            VoCoSlicerError: Another question is under way, or there is another hindrance.
        """
        hindrance = self._hindrance()
        if hindrance:
            raise VoCoSlicerError(hindrance)
        if self.busy or (question.gives_way and not self.idle):
            raise VoCoSlicerError(_("The worker is busy: wait a moment, or cancel what it does."))
        if self._current is None:
            self._start(question)
        else:
            self._next = question
            self._stop()
        self._on_changed()

    def cancel(self, question: Question) -> None:
        """Stop a question; one that has ended is left alone."""
        if question is self._next:
            self._next = None
            question.failed(_cancelled())
        elif question is self._current:
            self._stop()

    def make_room(self, then: Callable[[], None]) -> None:
        """Stop what is under way; go on when it has ended, at once if nothing is."""
        if self._current is None:
            then()
            return
        self._then = then
        self._drop_waiting()
        self._stop()

    def _drop_waiting(self) -> None:
        """Drop the question that waits for its turn."""
        waiting, self._next = self._next, None
        if waiting is not None:
            waiting.failed(_cancelled())

    def volumes_removed(self) -> None:
        """End a question about a volume that is no longer in the scene."""
        current = self._current
        if current is not None and any(n.GetScene() is None for n in current.volumes.values()):
            self.drop()

    def drop(self) -> None:
        """End everything now, without waiting for the worker: the scene or the worker goes."""
        self._then = None
        self._drop_waiting()
        current = self._current
        if current is not None:
            self._stop()
        if current is not None and current is self._current:
            self._end(current, lambda: current.failed(_cancelled()))

    def close(self) -> None:
        """End everything and remove the files; nobody hears of it."""
        self._then = self._next = None
        if self._writing is not None:
            self._writing.close()
        if self._asked is not None:
            worker, number = self._asked
            worker.cancel(number)
        self._current = self._writing = self._asked = None
        shutil.rmtree(self._folder, ignore_errors=True)

    # One question: write, ask, end.

    def _start(self, question: Question) -> None:
        self._current = question
        self._writing = self._writing_all(question)
        question.progress(0.0, _("Preparing"), None)
        qt.QTimer.singleShot(0, lambda: self._write(question))

    def _writing_all(self, question: Question) -> Steps[dict[str, str]]:
        """Write the volumes; gives their files by the names of the params."""
        paths = {}
        for name, volume_node in question.volumes.items():
            path = yield from self.files.writing(volume_node)
            paths[name] = str(path)
        return paths

    def _write(self, question: Question) -> None:
        if question is not self._current or self._writing is None:
            return
        clock = qt.QElapsedTimer()
        clock.start()
        try:
            while clock.elapsed() < BREATH:
                next(self._writing)
        except StopIteration as end:
            self._writing = None
            self._request(question, end.value)
        except VoCoSlicerError as error:
            self._fail(question, str(error))
        except Exception:
            text = _("Something went wrong that should not, while a volume was written.")
            self._fail(question, text, INTERNAL_ERROR)
            raise
        else:
            qt.QTimer.singleShot(0, lambda: self._write(question))

    def _request(self, question: Question, paths: Mapping[str, str]) -> None:
        try:
            worker = self._worker()
        except VoCoSlicerError as error:
            self._fail(question, str(error))
            return

        def answered(answer: Any) -> None:
            self._end(question, lambda: question.answered(answer))

        def failed(error: WorkerError) -> None:
            self._end(question, lambda: question.failed(error))

        def progress(done: int, total: int, what: str, seconds_left: float | None) -> None:
            if question is self._current:
                share = done / total if total else 0.0
                question.progress(share, what[:1].upper() + what[1:], seconds_left)

        params = {**paths, **question.params, "device": self._device()}
        number = worker.request(question.method, params, answered, failed, progress)
        self._asked = worker, number

    def _stop(self) -> None:
        """Have the current question end."""
        question = self._current
        if self._asked is not None:
            worker, number = self._asked
            worker.cancel(number)
        elif question is not None and self._writing is not None:
            self._writing.close()
            self._end(question, lambda: question.failed(_cancelled()))

    def _fail(self, question: Question, reason: str, code: int = USER_ERROR) -> None:
        self._end(question, lambda: question.failed(WorkerError(code, reason)))

    def _end(self, question: Question, tell: Callable[[], None]) -> None:
        """A question has ended: tell its owner, and go on with what waits."""
        if question is not self._current:
            return
        self._current = self._writing = self._asked = None
        following, self._next = self._next, None
        then, self._then = self._then, None
        if following is not None:
            self._start(following)
        try:
            tell()
        finally:
            if then is not None:
                then()
            self._on_changed()


def _cancelled() -> WorkerError:
    return WorkerError(CANCELLED, _("Cancelled."))
