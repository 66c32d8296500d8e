"""Dialogs do not wait for a person: they are recorded, and answered as the test said before."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from PySide6 import QtWidgets

Button = QtWidgets.QMessageBox.StandardButton


@dataclass(frozen=True)
class Dialog:
    """What a dialog showed.

    Attributes:
        kind: "information", "warning", "critical", "question", "noicon" of message boxes, else
            what was asked for: "open file", "save file", "directory", "text", "dialog", "menu".
        text: the message, or the title of a file dialog.
        details: the text behind "Show details".
    """

    kind: str
    text: str
    title: str = ""
    details: str = ""
    buttons: tuple[str, ...] = ()


class UnansweredDialogError(AssertionError):
    """A dialog opened that the test did not expect."""


@dataclass
class Dialogs:
    """The dialogs so far, and the answers to those to come, first in first out.

    Message boxes that can only be acknowledged need no answer; all others do. An answer is the
    name of a button ("Yes", "Cancel"), a path, a text, or a function of the `QDialog`.
    """

    shown: list[Dialog] = field(default_factory=list)
    answers: deque[Any] = field(default_factory=deque)

    def answer(self, *answers: Any) -> None:
        """Queue the answers to the next dialogs."""
        self.answers.extend(answers)

    @property
    def texts(self) -> list[str]:
        """The messages of all dialogs so far."""
        return [dialog.text for dialog in self.shown]

    def clear(self) -> None:
        """Forget everything shown and queued."""
        self.shown.clear()
        self.answers.clear()

    def next_answer(self, dialog: Dialog) -> Any:
        """Record a dialog and take its answer."""
        self.shown.append(dialog)
        if not self.answers:
            raise UnansweredDialogError(f"no answer was queued for {dialog}")
        return self.answers.popleft()

    def run_message_box(self, box: QtWidgets.QMessageBox) -> Button:
        """Answer a message box instead of showing it."""
        buttons = tuple(button.name for button in Button if button in _buttons(box))
        dialog = Dialog(
            box.icon().name.lower(), box.text(), box.windowTitle(), box.detailedText(), buttons
        )
        if len(buttons) == 1 and not self.answers:
            self.shown.append(dialog)
            return Button[buttons[0]]
        if buttons == ("Ok",):
            self.shown.append(dialog)
            return Button.Ok
        answer = self.next_answer(dialog)
        if answer not in buttons:
            raise AssertionError(f"{dialog} has no button {answer!r}")
        return Button[answer]

    def run_dialog(self, box: QtWidgets.QDialog) -> int:
        """Answer any other dialog: a function of it that returns whether it is accepted."""
        answer = self.next_answer(Dialog("dialog", box.windowTitle(), box.windowTitle()))
        accepted = answer(box) if callable(answer) else answer
        return int(bool(accepted))


def _buttons(box: QtWidgets.QMessageBox) -> list[Button]:
    return [box.standardButton(button) for button in box.buttons()]


dialogs = Dialogs()
