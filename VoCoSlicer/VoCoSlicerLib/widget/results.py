"""The table of what was found, to read, copy and export."""

import csv
import io
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.measures import StructureMeasure, as_csv
from VoCoSlicerLib.segmenting.outcome import ItemResult
from VoCoSlicerLib.widget.message import connect

ROW = 24
"""Height of a row in pixels."""

WIDEST_TITLE = 110
"""Width of an image's name in pixels."""

FEWEST, MOST = 3, 12
"""Rows that the table has room for."""


class ResultsPart:
    """The panel "Result", hidden until there is one."""

    def __init__(self, ui: Any, on_error: Callable[[str], None]) -> None:
        """Take the widgets; ``on_error`` gets a sentence when the table cannot be written."""
        self._ui = ui
        self._on_error = on_error
        self._results: list[ItemResult] = []
        connect(ui.copyButton, self._copy)
        connect(ui.exportButton, self._export)
        table = ui.resultsTable
        table.verticalHeader().setVisible(False)
        table.verticalHeader().setDefaultSectionSize(ROW)
        table.horizontalHeader().setHighlightSections(False)
        self.clear()

    @property
    def shown(self) -> bool:
        """Whether there is a result."""
        return bool(self._results)

    def clear(self) -> None:
        """Forget the last result."""
        self._results = []
        self._ui.resultsCollapsibleButton.setVisible(False)

    def show(
        self, results: Sequence[ItemResult], colors: Mapping[str, tuple[int, int, int]], line: str
    ) -> None:
        """Show what was found.

        Args:
            results: a volume each.
            colors: of structures, by name.
            line: what computed it, for under the table.
        """
        self._results = list(results)
        several = len(results) > 1
        titles = [_("Structure"), _("Volume (ml)"), _("Mean HU"), _("Remark")]
        if several:
            titles.insert(0, _("Image"))
        table = self._ui.resultsTable
        rows = [(result.title, row) for result in results for row in result.rows]
        table.setColumnCount(len(titles))
        table.setHorizontalHeaderLabels(titles)
        table.setRowCount(len(rows))
        for number, (title, row) in enumerate(rows):
            cells = [_structure_cell(row, colors), *_figures(row), _remark(row)]
            if several:
                cells.insert(0, qt.QTableWidgetItem(title))
                cells[0].setToolTip(title)
            for column, cell in enumerate(cells):
                table.setItem(number, column, cell)
        self._fit_height(len(rows))
        table.resizeColumnsToContents()
        if several:
            table.setColumnWidth(0, min(table.columnWidth(0), WIDEST_TITLE))
        table.horizontalHeader().setStretchLastSection(True)
        self._ui.resultsLabel.setText("\n".join(filter(None, [_border_warning(rows), line])))
        self._ui.measureButton.setVisible(not several)
        self._ui.resultsCollapsibleButton.setVisible(True)
        self._ui.resultsCollapsibleButton.collapsed = False

    def _fit_height(self, rows: int) -> None:
        table = self._ui.resultsTable
        lines = ROW * min(max(rows, FEWEST), MOST) + table.horizontalHeader().sizeHint.height()
        table.setFixedHeight(lines + 2 * table.frameWidth)

    def text(self, separator: str = ",") -> str:
        """The table with a header line; with several volumes their name comes first."""
        if len(self._results) == 1:
            return as_csv(self._results[0].rows, separator)
        written = io.StringIO()
        lines = csv.writer(written, delimiter=separator, lineterminator="\n")
        for number, result in enumerate(self._results):
            parsed = csv.reader(io.StringIO(as_csv(result.rows, separator)), delimiter=separator)
            for place, cells in enumerate(parsed):
                if place == 0 and number == 0:
                    lines.writerow(["image", *cells])
                elif place > 0:
                    lines.writerow([result.title, *cells])
        return written.getvalue()

    def _copy(self) -> None:
        qt.QApplication.clipboard().setText(self.text("\t"))

    def _export(self) -> None:
        chosen = qt.QFileDialog.getSaveFileName(
            self._ui.resultsTable.window(), _("Export the table"), "", _("CSV files (*.csv)")
        )
        if not chosen:
            return
        path = Path(chosen)
        try:
            write_aside(path if path.suffix else path.with_suffix(".csv"), self.text())
        except VoCoSlicerError as error:
            self._on_error(str(error))


def made_by(provenance: Mapping[str, Any]) -> str:
    """The line under a result: what computed it."""
    return _("{model} ({hash}…) on {device}, {date}. Not for diagnosis or treatment.").format(
        model=provenance["model"],
        hash=provenance["hash"][:8],
        device=provenance["device"],
        date=provenance["date"][:10],
    )


def write_aside(path: Path, text: str) -> None:
    """Write a text file; a failure leaves an older file as it was.

    Raises:
        VoCoSlicerError: The file cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise VoCoSlicerError(
            _("The table could not be written ({why}): choose another folder.").format(
                why=error.strerror
            )
        ) from error


def _structure_cell(row: StructureMeasure, colors: Mapping[str, tuple[int, int, int]]) -> Any:
    cell = qt.QTableWidgetItem(row.name)
    if row.name in colors:
        pixmap = qt.QPixmap(12, 12)
        pixmap.fill(qt.QColor(*colors[row.name]))
        cell.setIcon(qt.QIcon(pixmap))
    return cell


def _figures(row: StructureMeasure) -> list[Any]:
    hu = "" if row.mean_hu is None else f"{row.mean_hu:.0f}"
    cells = [qt.QTableWidgetItem(f"{row.volume_ml:.2f}"), qt.QTableWidgetItem(hu)]
    for cell in cells:
        cell.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
    return cells


def _remark(row: StructureMeasure) -> Any:
    if row.volume_ml == 0:
        return qt.QTableWidgetItem(_("not found"))
    return qt.QTableWidgetItem(_("touches the border") if row.touches_border else "")


def _border_warning(rows: Sequence[tuple[str, StructureMeasure]]) -> str:
    count = sum(row.touches_border for _title, row in rows)
    if count == 0:
        return ""
    if count == 1:
        return _("⚠ One structure touches the border of the volume: part of it may be missing.")
    return _(
        "⚠ {count} structures touch the border of the volume: parts of them may be missing."
    ).format(count=count)
