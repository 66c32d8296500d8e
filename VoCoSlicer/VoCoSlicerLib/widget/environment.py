"""The panel "Compute environment": which Python computes, on what device, with how many threads."""

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.worker.check import Report, check
from VoCoSlicerLib.worker.environment import (
    MODULE_FOLDER,
    PythonEnvironment,
    other_python,
    slicer_python,
)
from VoCoSlicerLib.worker.process import Worker
from VoCoSlicerLib.worker.setup import missing_packages, set_up

UI_FILE = MODULE_FOLDER / "Resources/UI/Environment.ui"
SLICERS, OTHER = 0, 1  # the entries of the list of Pythons
AUTOMATIC, CPU = "auto", "cpu"
SETTING = "VoCo/{}"
PACKAGES = ("voco3d", "python", "torch", "monai", "SimpleITK", "numpy")


class EnvironmentPanel:
    """The panel, at the end of the window, collapsed.

    Its settings persist as `VoCo/otherPython` (whether it is used), `VoCo/python` (its place),
    `VoCo/device` and `VoCo/threads`.

    Attributes:
        widget: the collapsible button.
    """

    def __init__(self, layout: Any, on_changed: Callable[[], None] = lambda: None) -> None:
        """Build the panel at the end of a layout.

        Args:
            layout: a qt layout.
            on_changed: is called when another Python, device or number of threads is chosen;
                a running `Worker` of another `environment()` is of no use then.
        """
        whole = slicer.util.loadUI(str(UI_FILE))
        layout.addWidget(whole)
        self._ui = slicer.util.childWidgetVariables(whole)
        self.widget = self._ui.environmentCollapsibleButton
        self._checking: Worker | None = None
        self._show_settings()
        self._last_python = self._chosen_python()
        self._show_python()
        self._on_changed = on_changed
        ui = self._ui
        ui.pythonComboBox.connect("currentIndexChanged(int)", lambda *_: self._python_changed())
        ui.pathLineEdit.connect("editingFinished()", lambda *_: self._python_changed())
        ui.browseButton.connect("clicked(bool)", lambda *_: self._browse())
        ui.deviceComboBox.connect("currentIndexChanged(int)", lambda *_: self._option_changed())
        ui.threadsSpinBox.connect("valueChanged(int)", lambda *_: self._option_changed())
        ui.checkButton.connect("clicked(bool)", lambda *_: self.check())
        ui.installButton.connect("clicked(bool)", lambda *_: self._install())

    def environment(self) -> PythonEnvironment:
        """The chosen Python.

        Raises:
            VoCoSlicerError: there is no Python at the place given, or the extension is incomplete.
        """
        if self._ui.pythonComboBox.currentIndex == SLICERS:
            return slicer_python()
        return other_python(self._ui.pathLineEdit.text)

    @property
    def device(self) -> str:
        """What `segment` and `estimate` take: "auto", "cpu", "cuda" or "mps"."""
        return str(self._ui.deviceComboBox.currentData)

    @device.setter
    def device(self, name: str) -> None:
        self._offer(name, name)
        self._ui.deviceComboBox.setCurrentIndex(self._ui.deviceComboBox.findData(name))

    @property
    def threads(self) -> int | None:
        """How many threads to use on the CPU; None for all."""
        return int(self._ui.threadsSpinBox.value) or None

    def prepare(self) -> bool:
        """Install what Slicer's Python lacks, before the worker is asked; ask the user first.

        Returns:
            Whether to go on; False when the user said no.

        Raises:
            VoCoSlicerError: the installation failed.
        """
        if not self.environment().of_slicer or not missing_packages():
            return True
        try:
            return set_up(
                lambda question: slicer.util.confirmOkCancelDisplay(question, "VoCo"), self._step
            )
        finally:
            self._show_python()

    def check(self) -> None:
        """Start the chosen Python and show what it has, or why it does not fit."""
        self._stop_checking()
        try:
            environment = self.environment()
        except VoCoSlicerError as error:
            self._say(str(error))
            return
        if environment.of_slicer and missing_packages():
            self._show_python()
            return
        self._say(_("Checking ..."))
        self._ui.checkButton.enabled = False
        self._checking = check(environment, self._checked)

    def cleanup(self) -> None:
        """End a check that runs."""
        self._stop_checking()

    def _checked(self, report: Report) -> None:
        self._stop_checking()
        for device in report.devices:
            self._offer(device.name, device.title)
        self._say(report.reason or _described(report))

    def _stop_checking(self) -> None:
        if self._checking is not None:
            self._checking.stop()
            self._checking = None
        self._ui.checkButton.enabled = True

    def _install(self) -> None:
        try:
            self.prepare()
        except VoCoSlicerError as error:
            self._say(str(error))

    def _browse(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(
            self.widget, _("Folder of a Python environment with voco3d"), self._ui.pathLineEdit.text
        )
        if folder:
            self._ui.pathLineEdit.text = folder
            self._python_changed()

    def _python_changed(self) -> None:
        chosen = self._chosen_python()
        if chosen == self._last_python:
            return
        self._last_python = chosen
        other, place = chosen
        qt.QSettings().setValue(SETTING.format("otherPython"), other)
        qt.QSettings().setValue(SETTING.format("python"), place)
        self._stop_checking()
        self._show_python()
        self._on_changed()

    def _chosen_python(self) -> tuple[bool, str]:
        other = self._ui.pythonComboBox.currentIndex == OTHER
        return other, self._ui.pathLineEdit.text.strip()

    def _option_changed(self) -> None:
        qt.QSettings().setValue(SETTING.format("device"), self.device)
        qt.QSettings().setValue(SETTING.format("threads"), self._ui.threadsSpinBox.value)
        self._on_changed()

    def _show_settings(self) -> None:
        other = slicer.util.settingsValue(
            SETTING.format("otherPython"), False, converter=slicer.util.toBool
        )
        self._ui.pythonComboBox.setCurrentIndex(OTHER if other else SLICERS)
        self._ui.pathLineEdit.text = slicer.util.settingsValue(SETTING.format("python"), "")
        self._offer(AUTOMATIC, _("Automatic"))
        self._offer(CPU, _("Processor (CPU)"))
        self.device = slicer.util.settingsValue(SETTING.format("device"), AUTOMATIC)
        self._ui.threadsSpinBox.value = slicer.util.settingsValue(
            SETTING.format("threads"), 0, converter=int
        )

    def _show_python(self) -> None:
        """Show the widgets of the chosen Python, and what it lacks as far as that is known."""
        of_slicer = self._ui.pythonComboBox.currentIndex == SLICERS
        self._ui.pathLabel.setVisible(not of_slicer)
        self._ui.pathLineEdit.setVisible(not of_slicer)
        self._ui.browseButton.setVisible(not of_slicer)
        missing = missing_packages() if of_slicer else []
        self._ui.installButton.setVisible(bool(missing))
        if missing:
            self._say(
                _("Not installed yet: {packages}. Apply installs it, after asking.").format(
                    packages=", ".join(missing)
                )
            )
        elif of_slicer:
            self._say(_("Everything that is needed is installed."))
        elif not self._ui.pathLineEdit.text:
            self._say(_("Choose the python file, or the folder of an environment."))
        else:
            self._say("")

    def _offer(self, device: str, title: str) -> None:
        index = self._ui.deviceComboBox.findData(device)
        if index < 0:
            self._ui.deviceComboBox.addItem(title, device)
        elif device not in (AUTOMATIC, CPU) and title != device:
            self._ui.deviceComboBox.setItemText(index, title)

    def _step(self, text: str) -> None:
        """Show a step of the installation, which does not come back to the event loop."""
        self._say(text)
        slicer.app.processEvents()

    def _say(self, text: str) -> None:
        self._ui.statusLabel.text = text


def _described(report: Report) -> str:
    versions = dict(report.versions)
    lines = [", ".join(f"{name} {versions[name]}" for name in PACKAGES if name in versions)]
    lines += [
        _("{device}: {free} of {total} GB free").format(
            device=device.title, free=_gigabytes(device.memory), total=_gigabytes(device.total)
        )
        for device in report.devices
    ]
    lines.append(_("{count} threads on the processor").format(count=report.threads))
    return "\n".join(lines)


def _gigabytes(size: int) -> str:
    return f"{size / 2**30:.1f}"
