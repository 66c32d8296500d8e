"""Qt classes that behave differently in tests: dialogs do not wait, settings read as restarted."""

# ruff: noqa: N802 - the names are Slicer's

from typing import Any

from PySide6 import QtCore, QtWidgets

from .dialogs import Dialog, dialogs


class QMessageBox(QtWidgets.QMessageBox):
    """A message box that is answered by `dialogs`."""

    def exec(self) -> int:
        return dialogs.run_message_box(self)

    @staticmethod
    def _ask(icon: Any, *arguments: Any) -> Any:
        _, title, text, *rest = arguments
        box = QMessageBox(icon, title, text, *rest[:1] or [QtWidgets.QMessageBox.StandardButton.Ok])
        return dialogs.run_message_box(box)

    @staticmethod
    def question(*arguments: Any) -> Any:
        buttons = QtWidgets.QMessageBox.StandardButton
        if len(arguments) == 3:
            arguments += (buttons.Yes | buttons.No,)
        return QMessageBox._ask(QtWidgets.QMessageBox.Icon.Question, *arguments)

    @staticmethod
    def information(*arguments: Any) -> Any:
        return QMessageBox._ask(QtWidgets.QMessageBox.Icon.Information, *arguments)

    @staticmethod
    def warning(*arguments: Any) -> Any:
        return QMessageBox._ask(QtWidgets.QMessageBox.Icon.Warning, *arguments)

    @staticmethod
    def critical(*arguments: Any) -> Any:
        return QMessageBox._ask(QtWidgets.QMessageBox.Icon.Critical, *arguments)


class QDialog(QtWidgets.QDialog):
    """A dialog that is answered by `dialogs`."""

    def exec(self) -> int:
        return dialogs.run_dialog(self)


class QFileDialog(QtWidgets.QFileDialog):
    """File dialogs whose answer is the path in `dialogs`."""

    def exec(self) -> int:
        answer = dialogs.next_answer(Dialog("open file", self.windowTitle(), self.windowTitle()))
        if answer:
            self.selectFile(str(answer))
        return int(bool(answer))

    @staticmethod
    def getOpenFileName(*arguments: Any) -> str:
        return _asked("open file", arguments)

    @staticmethod
    def getOpenFileNames(*arguments: Any) -> list[str]:
        answer = dialogs.next_answer(Dialog("open file", _title(arguments)))
        return [str(path) for path in answer]

    @staticmethod
    def getSaveFileName(*arguments: Any) -> str:
        return _asked("save file", arguments)

    @staticmethod
    def getExistingDirectory(*arguments: Any) -> str:
        return _asked("directory", arguments)


class QInputDialog(QtWidgets.QInputDialog):
    """Input dialogs whose answer is the text in `dialogs`."""

    @staticmethod
    def getText(*arguments: Any) -> str:
        return _asked("text", arguments)


def _title(arguments: tuple[Any, ...]) -> str:
    return str(arguments[1]) if len(arguments) > 1 else ""


def _asked(kind: str, arguments: tuple[Any, ...]) -> str:
    return str(dialogs.next_answer(Dialog(kind, _title(arguments))))


class QSettings(QtCore.QSettings):
    """Settings whose values read as they do after a restart: numbers and booleans as text."""

    def setValue(self, key: str, value: Any) -> None:
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, int | float):
            value = str(value)
        elif isinstance(value, list | tuple) and len(value) < 2:
            value = value[0] if value else None
        super().setValue(key, value)


CHANGED_CLASSES = {
    "QMessageBox": QMessageBox,
    "QDialog": QDialog,
    "QFileDialog": QFileDialog,
    "QInputDialog": QInputDialog,
    "QSettings": QSettings,
}
