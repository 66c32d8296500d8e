"""The similarity of the bases as a picture, with their numbers and a scale."""

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.positions.colour_scale import colour, lowest
from VoCoSlicerLib.positions.view import PositionView

SIDE = 256
"""Of the matrix, in pixels, at most."""
EDGE = 22
"""Room for the numbers of the bases."""
GAP, BAR, ENDS = 14, 10, 34
"""Between matrix and scale; width of the scale; room for the numbers at its ends."""
DENSEST = 16
"""Rows that each get a number; of more, only some do."""
STEPS = 64
"""Of the scale."""
SMALL = 10
"""Height of the numbers, in pixels."""


class SimilarityPart:
    """The section "Similarity of the bases"."""

    def __init__(self, ui: Any) -> None:
        """Take the widgets."""
        self._ui = ui
        self._rows: list[list[float]] = []
        slicer.app.connect("paletteChanged(QPalette)", self._palette_changed)

    def show(self, view: PositionView) -> None:
        """Draw the matrix of a view."""
        rows = view.similarity_rows()
        if rows == self._rows:
            return
        self._rows = rows
        self._draw()
        pairs = [row[k] for n, row in enumerate(rows) for k in range(len(row)) if k != n]
        line = _("L_reg = {loss:.3f}: the mean of |s| over pairs of different bases.")
        self._ui.similarityLabel.setText(line.format(loss=view.regularisation) if pairs else "")

    def cleanup(self) -> None:
        """The window goes."""
        self._rows = []
        slicer.app.disconnect("paletteChanged(QPalette)", self._palette_changed)

    def _palette_changed(self, *_palette: Any) -> None:
        """Slicer turned dark or light, and so do the numbers."""
        self._draw()

    def _draw(self) -> None:
        if not self._rows:
            return
        ink = slicer.app.palette().color(qt.QPalette.WindowText)
        self._ui.similarityPictureLabel.setPixmap(picture(self._rows, ink))


def picture(rows: list[list[float]], ink: Any) -> Any:
    """Draw a matrix.

    Args:
        rows: cosines of pairs of bases.
        ink: colour of the numbers.
    """
    cell = max(2, SIDE // len(rows))
    side, low = cell * len(rows), lowest(rows)
    pixmap = qt.QPixmap(EDGE + side + GAP + BAR + ENDS, EDGE + side + 2)
    pixmap.fill(qt.QColor(0, 0, 0, 0))
    painter = qt.QPainter()
    painter.begin(pixmap)
    font = qt.QFont(painter.font())
    font.setPixelSize(SMALL)
    painter.setFont(font)
    painter.setPen(ink)
    _draw_cells(painter, rows, cell, low)
    _draw_numbers(painter, len(rows), cell)
    _draw_scale(painter, EDGE + side + GAP, side, low)
    painter.end()
    return pixmap


def _draw_cells(painter: Any, rows: list[list[float]], cell: int, low: float) -> None:
    gap = 1 if cell > 6 else 0
    for n, row in enumerate(rows):
        for k, value in enumerate(row):
            place = (EDGE + k * cell, EDGE + n * cell, cell - gap, cell - gap)
            painter.fillRect(*place, qt.QColor(*colour(value, low)))


def _draw_numbers(painter: Any, count: int, cell: int) -> None:
    every = -(-count // DENSEST)
    right = int(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
    middle = int(qt.Qt.AlignHCenter | qt.Qt.AlignVCenter)
    for n in range(0, count, every):
        size = max(cell, EDGE)
        shift = (cell - size) // 2
        painter.drawText(0, EDGE + n * cell + shift, EDGE - 5, size, right, str(n + 1))
        painter.drawText(EDGE + n * cell + shift, 0, size, EDGE - 3, middle, str(n + 1))


def _draw_scale(painter: Any, x: int, side: int, low: float) -> None:
    for step in range(STEPS):
        top, bottom = side * step // STEPS, side * (step + 1) // STEPS
        value = 1.0 - (1.0 - low) * step / (STEPS - 1)
        painter.fillRect(x, EDGE + top, BAR, bottom - top, qt.QColor(*colour(value, low)))
    left = int(qt.Qt.AlignLeft | qt.Qt.AlignVCenter)
    for share, value in ((0.0, 1.0), (0.5, (1.0 + low) / 2), (1.0, low)):
        painter.drawText(
            x + BAR + 5, EDGE + round(share * (side - 10)) - 3, ENDS, 16, left, f"{value:.2g}"
        )
