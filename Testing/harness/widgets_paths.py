"""ctk widgets that ask for a path; browsing is answered by `dialogs`."""

# ruff: noqa: N802, N815 - the names are Slicer's

from typing import Any

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Slot

from .dialogs import Dialog, dialogs
from .properties import stored


class PathLineEdit(QtWidgets.QWidget):
    """CTK/Libs/Widgets/ctkPathLineEdit.h: a path with a browse button and a history."""

    stands_in_for = "ctkPathLineEdit"

    currentPathChanged = QtCore.Signal(str)
    validInputChanged = QtCore.Signal(bool)

    currentPath = stored("currentPath", str, "", "currentPathChanged")
    label = stored("label", str, "")
    nameFilters = stored("nameFilters", "QStringList", [])
    filters = stored("filters", int, 0)
    options = stored("options", int, 0)
    settingKey = stored("settingKey", str, "")
    showBrowseButton = stored("showBrowseButton", bool, True)
    showHistoryButton = stored("showHistoryButton", bool, True)

    Dirs, Files, Drives, NoSymLinks = 0x001, 0x002, 0x004, 0x008
    Readable, Writable, Executable, Hidden = 0x010, 0x020, 0x040, 0x100

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._edit = QtWidgets.QLineEdit()
        self._browse = QtWidgets.QToolButton()
        self._browse.setText("...")
        layout.addWidget(self._edit)
        layout.addWidget(self._browse)
        self._edit.textChanged.connect(self.setCurrentPath)
        self._browse.clicked.connect(self.browse)

    def _currentPath_changed(self) -> None:
        self._edit.setText(self.currentPath)

    def _showBrowseButton_changed(self) -> None:
        self._browse.setVisible(self.showBrowseButton)

    @Slot(str)
    def setCurrentPath(self, path: str) -> None:
        """Show another path."""
        self.currentPath = path

    @Slot()
    def browse(self) -> None:
        """Ask for a folder, or for a file when `filters` has Files."""
        kind = "open file" if self.filters & self.Files or not self.filters else "directory"
        if self.filters & self.Files and self.filters & self.Writable:
            kind = "save file"
        path = dialogs.next_answer(Dialog(kind, self.label))
        if path:
            self.currentPath = str(path)

    @Slot()
    def addCurrentPathToHistory(self) -> None:
        """Remember the path; the harness keeps no history."""

    @Slot()
    def retrieveHistory(self) -> None:
        """List the paths remembered; the harness keeps no history."""


class DirectoryButton(QtWidgets.QWidget):
    """CTK/Libs/Widgets/ctkDirectoryButton.h: a button with the folder that it asked for."""

    stands_in_for = "ctkDirectoryButton"

    directoryChanged = QtCore.Signal(str)
    directorySelected = QtCore.Signal(str)

    directory = stored("directory", str, "", "directoryChanged")
    caption = stored("caption", str, "")
    text = stored("text", str, "")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*[a for a in arguments if isinstance(a, QtWidgets.QWidget)])
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._button = QtWidgets.QPushButton()
        self._button.clicked.connect(self.browse)
        layout.addWidget(self._button)

    def _directory_changed(self) -> None:
        self._button.setText(self.text or self.directory)

    _text_changed = _directory_changed

    @Slot(result=str)
    def browse(self) -> str:
        """Ask for a folder."""
        path = dialogs.next_answer(Dialog("directory", self.caption))
        if path:
            self.directory = str(path)
            self.directorySelected.emit(self.directory)
        return str(self.directory)
