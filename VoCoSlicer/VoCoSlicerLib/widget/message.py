"""The one place where the window speaks to the user: what went wrong, or what was done."""

from collections.abc import Callable
from enum import Enum
from typing import Any

import qt
from slicer.i18n import tr as _

FAINT = 56
"""Of 255: how strong a message's ground is."""


class Kind(Enum):
    """What a message is; the value is the colour of its ground, which is faint."""

    DONE = (46, 160, 67)
    NOTE = (56, 132, 214)
    WARNING = (214, 140, 20)
    ERROR = (214, 60, 56)


class MessagePart:
    """The frame under Apply with one message, hidden while there is none."""

    def __init__(self, ui: Any) -> None:
        """Take the widgets ``messageFrame``, ``messageLabel`` and ``detailsButton``."""
        self._ui = ui
        self._detail = ""
        connect(ui.detailsButton, self._show_detail)
        self.clear()

    def clear(self) -> None:
        """Say nothing."""
        self._ui.messageFrame.setVisible(False)

    def show(self, kind: Kind, text: str, detail: str = "") -> None:
        """Say something instead of what was said before.

        Args:
            kind: what it is.
            text: plain text.
            detail: for developers, behind a button; may be empty.
        """
        self._detail = detail
        tint(self._ui.messageFrame, kind)
        self._ui.messageLabel.setText(text)
        self._ui.detailsButton.setVisible(bool(detail))
        self._ui.messageFrame.setVisible(True)

    def _show_detail(self) -> None:
        box = qt.QMessageBox(self._ui.messageFrame.window())
        box.setIcon(qt.QMessageBox.Information)
        box.setWindowTitle(_("Details"))
        box.setText(self._ui.messageLabel.text)
        box.setDetailedText(self._detail)
        box.exec_()


def tint(widget: Any, kind: Kind | None) -> None:
    """Colour a widget's ground faintly, or not at all.

    A palette rather than a style sheet: the text stays readable when Slicer turns dark.
    """
    palette = qt.QPalette()
    if kind is not None:
        palette.setColor(qt.QPalette.Window, qt.QColor(*kind.value, FAINT))
    widget.setPalette(palette)
    widget.setBackgroundRole(qt.QPalette.Window)  # inside of a section it would be a button's
    widget.setAutoFillBackground(kind is not None)


def connect(button: Any, slot: Callable[[], None], signal: str = "clicked(bool)") -> None:
    """Call ``slot`` without the signal's arguments when a button is clicked."""
    button.connect(signal, lambda *_arguments: slot())
