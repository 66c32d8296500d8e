"""The trainings that there are: the lower part of the training panel."""

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.training.curves import Curves, charts_of
from VoCoSlicerLib.training.job_files import MODEL
from VoCoSlicerLib.training.jobs import Job
from VoCoSlicerLib.training.runs import KnownRuns
from VoCoSlicerLib.training.standing import Standing
from VoCoSlicerLib.widget.apply import duration
from VoCoSlicerLib.widget.message import connect
from VoCoSlicerLib.worker.environment import PythonEnvironment

FOLDER = 0x0100
"""The role of an item's data: ``Qt::UserRole``."""

NAME, STATE, PROGRESS = range(3)


class RunsPart:
    """The list of trainings, with what can be done with one, and their plots.

    Args:
        ui: The widgets of ``Training.ui`` by name.
        runs: The trainings.
        python: Gives the Python to go on in; None where it is not ready.
        on_error: Is told what went wrong.
        on_finished: Is told of every training that is finished, at least once.
    """

    def __init__(
        self,
        ui: Any,
        runs: KnownRuns,
        python: Callable[[], PythonEnvironment | None],
        on_error: Callable[[str], None],
        on_finished: Callable[[Job], None],
    ) -> None:
        self._ui, self._runs, self._python = ui, runs, python
        self._on_error, self._on_finished = on_error, on_finished
        self._jobs: dict[str, Job] = {}
        self._standings: dict[str, Standing] = {}
        self._plotted: dict[str, tuple[Curves, set[str]]] = {}
        ui.runsTreeWidget.connect(
            "currentItemChanged(QTreeWidgetItem*,QTreeWidgetItem*)", lambda *_: self._show_chosen()
        )
        connect(ui.stopButton, self._stop)
        connect(ui.resumeButton, self._resume)
        connect(ui.finishButton, self._finish)
        connect(ui.logButton, self._show_log)
        connect(ui.removeButton, self._remove)
        connect(ui.plotButton, self._plot)
        ui.runsTreeWidget.setColumnWidth(NAME, 110)
        ui.runsTreeWidget.setColumnWidth(STATE, 80)

    def add(self, job: Job) -> None:
        """Put a training on the list and choose it."""
        self._runs.add(job)
        self.update()
        self._ui.runsTreeWidget.setCurrentItem(self._ui.runsTreeWidget.topLevelItem(0))

    def finished(self) -> list[tuple[str, str]]:
        """Name and model folder of the trainings that are finished."""
        jobs = self._jobs.items()
        done = [job for key, job in jobs if self._standings[key].phase == "finished"]
        return [(job.folder.name, str(job.folder / MODEL)) for job in done]

    def update(self) -> None:
        """Look at all trainings, and bring list and plots up to date."""
        before = self._standings
        self._jobs = {str(job.folder): job for job in self._runs.jobs()}
        self._standings = {key: job.standing() for key, job in self._jobs.items()}
        if list(self._jobs) != self._shown():
            self._show_list()
        for row, key in enumerate(self._jobs):
            self._show_row(self._ui.runsTreeWidget.topLevelItem(row), key)
        self._show_chosen()
        self._update_plots()
        for key, standing in self._standings.items():
            if standing.phase == "finished" and before.get(key) != standing:
                self._on_finished(self._jobs[key])

    def _shown(self) -> list[str]:
        tree = self._ui.runsTreeWidget
        return [tree.topLevelItem(row).data(NAME, FOLDER) for row in range(tree.topLevelItemCount)]

    def _show_list(self) -> None:
        tree, chosen = self._ui.runsTreeWidget, self._chosen_key()
        blocked = tree.blockSignals(True)
        tree.clear()
        for key, job in self._jobs.items():
            item = qt.QTreeWidgetItem()
            item.setText(NAME, job.folder.name)
            item.setToolTip(NAME, f"{job.plan.title}\n{job.folder}")
            item.setData(NAME, FOLDER, key)
            tree.addTopLevelItem(item)
            if key == chosen:
                tree.setCurrentItem(item)
        if tree.currentItem() is None and self._jobs:
            tree.setCurrentItem(tree.topLevelItem(0))
        tree.blockSignals(blocked)

    def _show_row(self, item: Any, key: str) -> None:
        standing = self._standings[key]
        for column, text in ((STATE, _phase(standing)), (PROGRESS, _progress(standing))):
            if item.text(column) != text:
                item.setText(column, text)

    # The chosen one.

    def _chosen_key(self) -> str | None:
        item = self._ui.runsTreeWidget.currentItem()
        key = None if item is None else item.data(NAME, FOLDER)
        return key if key in self._jobs else None

    def _chosen(self) -> Job | None:
        key = self._chosen_key()
        return None if key is None else self._jobs[key]

    def _show_chosen(self) -> None:
        ui, key = self._ui, self._chosen_key()
        standing = None if key is None else self._standings[key]
        phase = "" if standing is None else standing.phase
        ui.stopButton.setEnabled(phase == "running")
        ended_early = phase in ("stopped", "failed")
        can_finish = ended_early and key is not None and self._jobs[key].has_trained
        ui.resumeButton.setEnabled(ended_early)
        ui.finishButton.setEnabled(can_finish)
        ui.logButton.setEnabled(key is not None)
        ui.removeButton.setEnabled(standing is not None and not standing.is_alive)
        ui.plotButton.setEnabled(key is not None)
        text = "" if standing is None else _sentence(standing, can_finish)
        if ui.runLabel.text != text:
            ui.runLabel.setText(text)
        ui.runLabel.setVisible(bool(text))
        self._show_charts(None if key is None else self._jobs[key].plan.kind)

    def _show_charts(self, kind: str | None) -> None:
        combo = self._ui.plotComboBox
        charts = charts_of(kind) if kind else ()
        if [combo.itemData(n) for n in range(combo.count)] == [chart.key for chart in charts]:
            return
        combo.clear()
        for chart in charts:
            combo.addItem(chart.title, chart.key)

    def _stop(self) -> None:
        self._do(lambda job: job.stop())

    def _resume(self) -> None:
        python = self._python()
        if python is not None:
            self._do(lambda job: job.resume(python))

    def _finish(self) -> None:
        python = self._python()
        if python is not None:
            self._do(lambda job: job.finish(python))

    def _remove(self) -> None:
        self._do(self._runs.forget)

    def _do(self, action: Callable[[Job], None]) -> None:
        job = self._chosen()
        if job is None:
            return
        try:
            action(job)
        except VoCoSlicerError as error:
            self._on_error(str(error))
        self.update()

    def _show_log(self) -> None:
        job = self._chosen()
        if job is not None:
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(job.log)))

    # Plots.

    def _plot(self) -> None:
        key, job = self._chosen_key(), self._chosen()
        if key is None or job is None:
            return
        curves = Curves(slicer.mrmlScene, job.folder, job.plan.kind, job.folder.name)
        curves, shown = self._plotted.setdefault(key, (curves, set()))
        chart = self._ui.plotComboBox.itemData(self._ui.plotComboBox.currentIndex)
        curves.update()
        curves.show(chart, slicer.modules.plots.logic())
        shown.add(chart)

    def _update_plots(self) -> None:
        """Let the plots grow; those whose nodes were removed, or with the scene, stay away."""
        for key, (curves, shown) in list(self._plotted.items()):
            if any(curves.chart_node(chart) is None for chart in shown):
                del self._plotted[key]
            else:
                curves.update()


def _phase(standing: Standing) -> str:
    return {
        "running": standing.what or _("Running"),
        "stopping": _("Stopping"),
        "stopped": _("Stopped"),
        "finished": _("Finished"),
        "failed": _("Failed"),
    }[standing.phase]


def _progress(standing: Standing) -> str:
    if not standing.is_alive or not standing.total:
        return ""
    text = f"{standing.done} / {standing.total}"
    if standing.seconds_left is None:
        return text
    return _("{progress}, {time} left").format(progress=text, time=duration(standing.seconds_left))


def _sentence(standing: Standing, can_finish: bool) -> str:
    if standing.phase == "stopping":
        return _("The step at hand is ended, then a checkpoint is saved.")
    if standing.phase == "stopped" and can_finish:
        return _("Saved: resume it to go on, or finish it to have its model now.")
    if standing.phase == "stopped":
        return _("Saved: resume it to go on.")
    return f"⚠ {standing.sentence}" if standing.sentence else ""
