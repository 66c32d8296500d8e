"""The list of a model's structures: which of them the user wants."""

from collections.abc import Callable, Iterable
from typing import Any

import qt
from slicer.i18n import tr as _

from VoCoSlicerLib.models.entry import Structure
from VoCoSlicerLib.widget.message import connect

SWATCH = 12
"""Side of the colour square in pixels."""

FEWEST, MOST = 3, 12
"""Rows that the list has room for."""


class StructuresPart:
    """A list with check boxes that can be filtered."""

    def __init__(self, ui: Any, on_changed: Callable[[], None]) -> None:
        """Take the widgets; ``on_changed`` is called when the user changes the choice."""
        self._ui = ui
        self._on_changed = on_changed
        self._filling = False
        self._others: list[str] = []
        ui.structuresSearchBox.connect("textChanged(QString)", self._filter)
        ui.structuresList.connect("itemChanged(QListWidgetItem*)", self._changed)
        connect(ui.allStructuresButton, lambda: self._check_shown(True))
        connect(ui.noStructuresButton, lambda: self._check_shown(False))

    def show(self, structures: Iterable[Structure], left_out: Iterable[str]) -> None:
        """Show the structures of a model.

        Args:
            structures: in the model's order.
            left_out: names of structures, of any model, that the user does not want.
        """
        unwanted = set(left_out)
        names = [structure.name for structure in structures]
        self._others = sorted(unwanted.difference(names))
        self._filling = True
        self._ui.structuresList.clear()
        for structure in structures:
            item = qt.QListWidgetItem(_swatch(structure.color), structure.name)
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable)
            wanted = structure.name not in unwanted
            item.setCheckState(qt.Qt.Checked if wanted else qt.Qt.Unchecked)
            self._ui.structuresList.addItem(item)
        self._filling = False
        self._fit_height(len(names))
        self._filter(self._ui.structuresSearchBox.text)
        self._show_count()

    def names(self) -> list[str]:
        """All structures of the model."""
        return [item.text() for item in self._items()]

    def wanted(self) -> list[str]:
        """The structures that are ticked."""
        return [item.text() for item in self._items() if item.checkState() == qt.Qt.Checked]

    def left_out(self) -> list[str]:
        """The structures that are not ticked, those of other models included."""
        unticked = [i.text() for i in self._items() if i.checkState() != qt.Qt.Checked]
        return self._others + unticked

    def _items(self) -> list[Any]:
        return [self._ui.structuresList.item(row) for row in range(self._ui.structuresList.count)]

    def _fit_height(self, count: int) -> None:
        rows = min(max(count, FEWEST), MOST)
        row = max(self._ui.structuresList.sizeHintForRow(0), SWATCH)
        self._ui.structuresList.setFixedHeight(rows * row + 2 * self._ui.structuresList.frameWidth)

    def _filter(self, text: str) -> None:
        for item in self._items():
            item.setHidden(text.strip().lower() not in item.text().lower())

    def _check_shown(self, on: bool) -> None:
        self._filling = True
        for item in self._items():
            if not item.isHidden():
                item.setCheckState(qt.Qt.Checked if on else qt.Qt.Unchecked)
        self._filling = False
        self._changed()

    def _changed(self, _item: Any = None) -> None:
        if not self._filling:
            self._show_count()
            self._on_changed()

    def _show_count(self) -> None:
        count, wanted = len(self.names()), len(self.wanted())
        if count == 0:
            title = _("Structures")
        elif wanted == count:
            title = _("Structures (all {count})").format(count=count)
        else:
            title = _("Structures ({wanted} of {count})").format(wanted=wanted, count=count)
        self._ui.structuresCollapsibleButton.text = title


def _swatch(color: tuple[int, int, int]) -> Any:
    pixmap = qt.QPixmap(SWATCH, SWATCH)
    pixmap.fill(qt.QColor(*color))
    return qt.QIcon(pixmap)
