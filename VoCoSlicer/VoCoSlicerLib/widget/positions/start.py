"""What runs long: a progress bar, and a button that starts it and turns into Cancel."""

from collections.abc import Callable, Mapping
from typing import Any

import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.widget.apply import STEPS, duration
from VoCoSlicerLib.widget.message import connect
from VoCoSlicerLib.widget.positions.jobs import Jobs, Question
from VoCoSlicerLib.worker.messages import CANCELLED, USER_ERROR, WorkerError


class ProgressPart:
    """A progress bar with a line below, hidden while nothing runs."""

    def __init__(self, ui: Any, stem: str) -> None:
        """Take the widgets.

        Args:
            ui: the panel's widgets.
            stem: what the names of the bar, its label and the widget around them begin with.
        """
        self._bar = getattr(ui, f"{stem}ProgressBar")
        self._label = getattr(ui, f"{stem}ProgressLabel")
        self._around = getattr(ui, f"{stem}ProgressWidget")
        self._bar.setMaximum(STEPS)
        self.hide()

    def show(self, share: float, what: str, seconds_left: float | None) -> None:
        """Something is so far."""
        self._bar.setValue(round(STEPS * share))
        if seconds_left is not None and seconds_left >= 1:
            what = _("{what}, {time} left").format(what=what, time=duration(seconds_left))
        self._label.setText(what)
        self._around.setVisible(True)

    def hide(self) -> None:
        """Nothing runs."""
        self._around.setVisible(False)


class StartButton:
    """A button that asks the worker something about a volume, and turns into Cancel meanwhile."""

    def __init__(
        self,
        ui: Any,
        button: str,
        stem: str,
        jobs: Jobs,
        on_start: Callable[[], None],
        on_error: Callable[[WorkerError], None],
    ) -> None:
        """Take the widgets.

        Args:
            ui: the panel's widgets.
            button: name of the button.
            stem: of the progress bar, see ``ProgressPart``.
            jobs: asks the worker.
            on_start: is called when the user starts it; should ``ask``.
            on_error: hears why there is no answer, unless it was stopped.
        """
        self._button = getattr(ui, button)
        self._bar = ProgressPart(ui, stem)
        self._text, self._tip = self._button.text, self._button.toolTip
        self._jobs, self._on_start, self._on_error = jobs, on_start, on_error
        self._question: Question | None = None
        connect(self._button, self._click)

    def allow(self, hindrance: str) -> None:
        """Let the user start it, unless there is a hindrance, which its tooltip tells."""
        if self._question is None:
            self._button.setEnabled(not hindrance)
            self._button.setToolTip(hindrance or self._tip)

    def ask(
        self,
        method: str,
        volume_node: slicer.vtkMRMLScalarVolumeNode,
        params: Mapping[str, Any],
        answered: Callable[[Any], None],
        unanswered: Callable[[], None] = lambda: None,
    ) -> None:
        """Ask the worker.

        Args:
            method: of the worker's protocol.
            volume_node: the param ``image``.
            params: the others, but for the device.
            answered: gets the result.
            unanswered: is called when there is none.
        """

        def succeeded(answer: Any) -> None:
            self._ended()
            answered(answer)

        def failed(error: WorkerError) -> None:
            self._ended()
            unanswered()
            if error.code != CANCELLED:
                self._on_error(error)

        question = Question(
            method, {"image": volume_node}, params, succeeded, failed, self._bar.show
        )
        self._started(question)
        try:
            self._jobs.ask(question)
        except VoCoSlicerError as error:
            failed(WorkerError(USER_ERROR, str(error)))

    def stop(self) -> None:
        """End what was asked; the scene stays as it was."""
        if self._question is not None:
            self._jobs.cancel(self._question)

    def _started(self, question: Question) -> None:
        self._question = question
        self._button.setText(_("Cancel"))
        self._button.setToolTip(_("Stop. The scene stays as it was."))
        self._button.setEnabled(True)

    def _ended(self) -> None:
        self._question = None
        self._button.setText(self._text)
        self._button.setToolTip(self._tip)
        self._button.setEnabled(True)
        self._bar.hide()

    def _click(self) -> None:
        if self._question is None:
            self._on_start()
        else:
            self._button.setEnabled(False)
            self.stop()
