"""The panel "Training": pre-train or fine-tune from the window."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import qt
import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.steps import Steps
from VoCoSlicerLib.training.dataset import writing_dataset
from VoCoSlicerLib.training.job_files import MODEL
from VoCoSlicerLib.training.jobs import Job, Training, start
from VoCoSlicerLib.training.runs import KnownRuns
from VoCoSlicerLib.widget.message import Kind, MessagePart, connect
from VoCoSlicerLib.widget.training_form import TrainingForm
from VoCoSlicerLib.widget.training_runs import RunsPart
from VoCoSlicerLib.widget.training_settings import RunStore
from VoCoSlicerLib.worker.environment import MODULE_FOLDER, PythonEnvironment

UI_FILE = MODULE_FOLDER / "Resources/UI/Training.ui"

LOOK_EVERY = 1000
"""Milliseconds between two looks at the trainings."""

AT_A_TIME = 30
"""Milliseconds of writing before the window gets its turn."""


class Environment(Protocol):
    """Where trainings run: the panel "Compute environment"."""

    @property
    def device(self) -> str:
        """auto, cpu, cuda or mps."""

    def environment(self) -> PythonEnvironment:
        """The chosen Python."""

    def prepare(self) -> bool:
        """Install what is missing, if the user agrees; whether to go on."""


class TrainingPanel:
    """The panel, collapsed at first.

    Its choices persist as ``VoCo/training``, the list of trainings as ``VoCo/runs``.

    Attributes:
        widget: The collapsible button.
    """

    def __init__(
        self,
        layout: Any,
        environment: Environment,
        on_model: Callable[[str], object],
    ) -> None:
        """Build the panel at the end of a layout.

        Args:
            layout: A qt layout.
            environment: Where trainings run.
            on_model: Gets the model folder of every fine-tuning that is finished, once, also when
                it was finished while Slicer was closed.
        """
        whole = slicer.util.loadUI(str(UI_FILE))
        layout.addWidget(whole)
        self._ui = slicer.util.childWidgetVariables(whole)
        self.widget = self._ui.trainingCollapsibleButton
        self._environment, self._on_model = environment, on_model
        self._announced = RunStore("announcedRuns")
        self._news: list[str] = []
        self._message = MessagePart(self._ui)
        self._runs = RunsPart(
            self._ui, KnownRuns(RunStore("runs")), self._python, self._say_error, self._finished
        )
        self._form = TrainingForm(self._ui, self._runs.finished)
        self._writing: Steps[Path] | None = None
        self._asked: Training | None = None
        connect(self._ui.startButton, self._start_or_cancel)
        self._ui.exportProgressBar.setVisible(False)
        self._write_timer = qt.QTimer()
        self._write_timer.setInterval(0)
        self._write_timer.connect("timeout()", self._write_on)
        self._look_timer = qt.QTimer()
        self._look_timer.setInterval(LOOK_EVERY)
        self._look_timer.connect("timeout()", self.update)
        self._look_timer.start()
        self._runs.update()

    def update(self) -> None:
        """Look at the trainings and at the scene."""
        if slicer.mrmlScene.IsBatchProcessing():
            return
        self._runs.update()
        self._announce()
        if not self.widget.collapsed and self._writing is None:
            self._form.show_cases()
            self._form.show_weights()

    def cleanup(self) -> None:
        """Let go of the window; trainings go on."""
        self._look_timer.stop()
        self._cancel()

    # Starting.

    def _start_or_cancel(self) -> None:
        if self._writing is not None:
            self._cancel()
            return
        self._message.clear()
        try:
            self._start()
        except VoCoSlicerError as error:
            self._say_error(str(error))

    def _start(self) -> None:
        training = self._form.training(self._environment.device)
        reason = training.reason_against(has_data=not self._form.from_scene)
        if reason is not None:
            raise VoCoSlicerError(reason)
        self._form.remember()
        if self._python() is None:
            return
        if not self._form.from_scene:
            self._launch(training)
            return
        folder = _free(training.data)
        self._asked = replace(training, data=folder)
        self._writing = writing_dataset(
            self._form.ticked(), folder, labelled=self._form.kind == "finetune"
        )
        self._show_writing(True)
        self._write_timer.start()

    def _launch(self, training: Training) -> None:
        python = self._python()
        if python is not None:
            self._runs.add(start(training, python))
            self._message.show(
                Kind.DONE, _("The training has started; it goes on when Slicer is closed.")
            )

    def _python(self) -> PythonEnvironment | None:
        """The Python to train in; None where the user does not want it to be set up."""
        try:
            return self._environment.environment() if self._environment.prepare() else None
        except VoCoSlicerError as error:
            self._say_error(str(error))
            return None

    # Writing the scene.

    def _write_on(self) -> None:
        assert self._writing is not None
        assert self._asked is not None
        clock = qt.QElapsedTimer()
        clock.start()
        try:
            while clock.elapsed() < AT_A_TIME:
                share = next(self._writing)
                self._ui.exportProgressBar.setValue(round(100 * share))
        except StopIteration:
            self._end_writing()
            self._launch_written(self._asked)
        except VoCoSlicerError as error:
            self._end_writing()
            self._say_error(str(error))

    def _launch_written(self, training: Training) -> None:
        try:
            self._launch(training)
        except VoCoSlicerError as error:
            self._say_error(str(error))

    def _cancel(self) -> None:
        if self._writing is not None:
            self._writing.close()
            self._end_writing()

    def _end_writing(self) -> None:
        self._write_timer.stop()
        self._writing = None
        self._show_writing(False)

    def _show_writing(self, is_on: bool) -> None:
        self._ui.startButton.setText(_("Cancel") if is_on else _("Start training"))
        self._ui.startButton.setToolTip(
            _("Stop writing and remove what is written; nothing is started.")
            if is_on
            else _("Check the choices and start; volumes of the scene are written out first.")
        )
        self._ui.exportProgressBar.setVisible(is_on)
        self._ui.exportProgressBar.setValue(0)

    # What became of it.

    def _say_error(self, text: str) -> None:
        self._message.show(Kind.ERROR, text)

    def _finished(self, job: Job) -> None:
        folder = str(job.folder)
        if job.plan.kind == "finetune" and folder not in [*self._announced.load(), *self._news]:
            self._news.append(folder)

    def _announce(self) -> None:
        """Tell of new models; not before the window is complete."""
        while self._news:
            folder = self._news.pop()
            self._announced.save([*self._announced.load(), folder])
            self._on_model(str(Path(folder) / MODEL))


def _free(folder: Path) -> Path:
    """A folder of this name that is not there yet: an earlier data set is kept."""
    number, free = 2, folder
    while free.exists():
        free = folder.with_name(f"{folder.name}-{number}")
        number += 1
    return free
