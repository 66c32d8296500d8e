"""Slicer's application object and main window."""

# ruff: noqa: N802, N815 - the names are Slicer's

import os
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Slot

from .qt_objects import QSettings

VERSION = "5.12.0"


class ModuleManager(QtCore.QObject):
    """Slicer/Base/QTCore/qSlicerModuleManager.h."""

    stands_in_for = "qSlicerModuleManager"

    moduleAboutToBeUnloaded = QtCore.Signal(str)


class PythonConsole(QtWidgets.QWidget):
    """CTK/Libs/Scripting/Python/Widgets/ctkPythonConsole.h."""

    stands_in_for = "ctkPythonConsole"


class MainWindow(QtWidgets.QMainWindow):
    """Slicer/Base/QTApp/qSlicerMainWindow.h: message boxes need one to show in."""

    stands_in_for = "qSlicerMainWindow"

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
        self.statusBar()


class Application(QtWidgets.QApplication):
    """Slicer/Base/QTGUI/qSlicerApplication.h and Base/QTCore/qSlicerCoreApplication.h.

    Attributes:
        scene_holder: the `HeadlessApplication` whose scene is Slicer's.
    """

    stands_in_for = "qSlicerApplication"
    cpp_signatures: ClassVar = {"mrmlSceneChanged(PyObject)": "mrmlSceneChanged(vtkMRMLScene*)"}

    startupCompleted = QtCore.Signal()
    mrmlSceneChanged = QtCore.Signal(object)

    def __init__(self) -> None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        super().__init__(["Slicer"])
        self.setOrganizationName("NA-MIC")
        self.setOrganizationDomain("www.na-mic.org")
        self.setApplicationName("Slicer")
        self.setApplicationVersion(VERSION)
        self.setStyle("Fusion")
        self.setQuitOnLastWindowClosed(False)
        self.scene_holder: Any = None
        self._folder = tempfile.TemporaryDirectory(prefix="harness-")
        for name in ("home", "temporary"):
            (Path(self._folder.name) / name).mkdir()
        self._modules = ModuleManager()
        self._console = PythonConsole()

    def _temporary_path(self) -> str:
        return str(Path(self._folder.name) / "temporary")

    def _slicer_home(self) -> str:
        return str(Path(self._folder.name) / "home")

    def _main_name(self) -> str:
        return "Slicer"

    def _documentation(self) -> str:
        return "https://slicer.readthedocs.io/en/latest/"

    temporaryPath = QtCore.Property(str, _temporary_path)
    slicerHome = QtCore.Property(str, _slicer_home)
    mainApplicationName = QtCore.Property(str, _main_name)
    documentationBaseUrl = QtCore.Property(str, _documentation)

    @Slot(result=bool)
    def testingEnabled(self) -> bool:
        """False: a test mode would keep the dialogs from being shown."""
        return False

    @Slot(result=object)
    def settings(self) -> QSettings:
        """The settings of this version of Slicer."""
        return QSettings()

    @Slot(result=object)
    def userSettings(self) -> QSettings:
        """The settings of all versions of Slicer."""
        return QSettings()

    @Slot(result=object)
    def startupEnvironment(self) -> QtCore.QProcessEnvironment:
        """The environment that Slicer was started in."""
        return QtCore.QProcessEnvironment.systemEnvironment()

    @Slot(result=object)
    def moduleManager(self) -> ModuleManager:
        """Tells when a module is unloaded."""
        return self._modules

    @Slot(result=object)
    def pythonConsole(self) -> PythonConsole:
        """The Python console."""
        return self._console

    @Slot(result=object)
    def mrmlScene(self) -> Any:
        """The scene."""
        return self.scene_holder.scene

    @Slot(result=object)
    def applicationLogic(self) -> Any:
        """The logic of the application."""
        return self.scene_holder._application_logic


def use_settings_folder(folder: Path) -> None:
    """Keep what QSettings stores in this folder from now on."""
    ini = QtCore.QSettings.Format.IniFormat
    QtCore.QSettings.setDefaultFormat(ini)
    for scope in (QtCore.QSettings.Scope.UserScope, QtCore.QSettings.Scope.SystemScope):
        QtCore.QSettings.setPath(ini, scope, str(folder / scope.name))
