"""Pictures of a panel, marked as the harness's."""

from pathlib import Path

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtGui import QPalette

from .palettes import shown_in, slicer_palette

CAPTION = "Test harness, not 3D Slicer"
CAPTION_HEIGHT = 24


def save_screenshot(
    panel: QtWidgets.QWidget, path: Path, size: tuple[int, int], dark: bool = False
) -> None:
    """Save a picture of `size` (width, height), with the caption at its bottom.

    A panel that needs more height gets it, as in Slicer, where one scrolls: the picture shows the
    upper part.
    """
    colors = slicer_palette(dark)
    with shown_in(colors):
        height = size[1] - CAPTION_HEIGHT
        panel.resize(size[0], max(height, panel.heightForWidth(size[0])))
        QtWidgets.QApplication.processEvents()
        picture = QtGui.QPixmap(*size)
        picture.fill(colors.color(QPalette.ColorRole.Window))
        painter = QtGui.QPainter(picture)
        painter.drawPixmap(0, 0, panel.grab(QtCore.QRect(0, 0, size[0], height)))
        painter.setPen(colors.color(QPalette.ColorRole.WindowText))
        place = QtCore.QRect(0, size[1] - CAPTION_HEIGHT, size[0], CAPTION_HEIGHT)
        painter.drawText(place, QtCore.Qt.AlignmentFlag.AlignCenter, CAPTION)
        painter.end()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not picture.save(str(path)):
        raise OSError(f"could not write {path}")
