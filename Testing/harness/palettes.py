"""The colours of Slicer's light and dark style (Slicer/Base/QTGUI/qSlicerStyle.cxx)."""

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6 import QtWidgets
from PySide6.QtGui import QColor, QPalette

LIGHT = {
    "Window": "#ffffff",
    "WindowText": "#000000",
    "Base": "#ffffff",
    "AlternateBase": "#e4e4fe",
    "ToolTipBase": "#ffffdc",
    "ToolTipText": "#000000",
    "Text": "#000000",
    "Button": "#fcfcfc",
    "ButtonText": "#000000",
    "Light": "#c8c8c8",
    "Midlight": "#e6e6e6",
    "Dark": "#aaaaaa",
    "Mid": "#c8c8c8",
    "Shadow": "#5a5a5a",
    "Highlight": "#308cc6",
    "HighlightedText": "#ffffff",
    "Link": "#0000ff",
}
LIGHT_DISABLED = {
    "WindowText": "#bebebe",
    "Text": "#bebebe",
    "ButtonText": "#bebebe",
    "Highlight": "#919191",
    "HighlightedText": "#ffffff",
}
DARK = {
    "Window": "#323232",
    "WindowText": "#ffffff",
    "Base": "#1e1e1e",
    "AlternateBase": "#323232",
    "ToolTipBase": "#ffffff",
    "ToolTipText": "#323232",
    "Text": "#ffffff",
    "Button": "#323232",
    "ButtonText": "#ffffff",
    "Light": "#828284",
    "Midlight": "#5a5a5b",
    "Dark": "#232323",
    "Mid": "#2b2b2b",
    "Shadow": "#141414",
    "Highlight": "#3ca4ff",
    "HighlightedText": "#ffffff",
    "Link": "#3ca4ff",
}
DARK_DISABLED = {
    "WindowText": "#6d6d6d",
    "Base": "#1e1e1e",
    "Text": "#6d6d6d",
    "ButtonText": "#b4b4b4",
    "Highlight": "#505050",
    "HighlightedText": "#6d6d6d",
}


def slicer_palette(dark: bool) -> QPalette:
    """The palette of Slicer's light or dark style."""
    colors, disabled = (DARK, DARK_DISABLED) if dark else (LIGHT, LIGHT_DISABLED)
    palette = QPalette(QColor(colors["Window"]))
    for role, color in colors.items():
        palette.setColor(QPalette.ColorRole[role], QColor(color))
    for role, color in disabled.items():
        palette.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole[role], QColor(color))
    return palette


@contextmanager
def shown_in(palette: QPalette) -> Iterator[None]:
    """Show all widgets in these colours for a while."""
    before = QtWidgets.QApplication.palette()
    QtWidgets.QApplication.setPalette(palette)
    QtWidgets.QApplication.processEvents()
    try:
        yield
    finally:
        QtWidgets.QApplication.setPalette(before)
        QtWidgets.QApplication.processEvents()
