"""ctk widgets with a header that hides what lies below."""

# ruff: noqa: N802, N815 - the names are Slicer's

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QStyle

from .properties import stored

HEADER_MARGIN = 4
LARGEST = 16777215
HIDDEN = "hidden by the module"


class Contents:
    """Hides its children while folded; those that the module hides stay hidden when it unfolds."""

    _forcing = False

    def childEvent(self, event: QtCore.QChildEvent) -> None:
        """Watch what is added, and hide it while folded."""
        child = event.child()
        if event.added():
            child.installEventFilter(self)
            if isinstance(child, QtWidgets.QWidget) and not self.isChecked():
                self._show_child(child, False)
        super().childEvent(event)

    def eventFilter(self, child: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """Remember whether the module shows or hides a child."""
        if not self._forcing and event.type() == QtCore.QEvent.Type.HideToParent:
            child.setProperty(HIDDEN, True)
        elif not self._forcing and event.type() == QtCore.QEvent.Type.ShowToParent:
            child.setProperty(HIDDEN, False)
            self._show_child(child, self.isChecked())
        return super().eventFilter(child, event)

    def _show_children(self, visible: bool) -> None:
        for child in self.children():
            if isinstance(child, QtWidgets.QWidget):
                self._show_child(child, visible and not child.property(HIDDEN))

    def _show_child(self, child: QtWidgets.QWidget, visible: bool) -> None:
        self._forcing = True
        child.setVisible(visible)
        self._forcing = False
        # As in CTK: else Qt would not tell when the module hides a child that is hidden already.
        child.setAttribute(
            Qt.WidgetAttribute.WA_WState_ExplicitShowHide, bool(child.property(HIDDEN))
        )


class CollapsibleButton(Contents, QtWidgets.QAbstractButton):
    """CTK/Libs/Widgets/ctkCollapsibleButton.h: `collapsed` is the opposite of `checked`."""

    stands_in_for = "ctkCollapsibleButton"

    contentsCollapsed = QtCore.Signal(bool)

    collapsedHeight = stored("collapsedHeight", int, 10)
    contentsLineWidth = stored("contentsLineWidth", int, 1)
    contentsFrameShape = stored("contentsFrameShape", int, 0)
    contentsFrameShadow = stored("contentsFrameShadow", int, 16)

    def __init__(self, *arguments: Any) -> None:
        texts = [argument for argument in arguments if isinstance(argument, str)]
        super().__init__(*[a for a in arguments if isinstance(a, QtWidgets.QWidget)])
        self.setText(texts[0] if texts else "")
        self.setCheckable(True)
        self.setChecked(True)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Minimum,
                           QtWidgets.QSizePolicy.Policy.Preferred)  # fmt: skip
        self.toggled.connect(self._show_contents)

    def _collapsed(self) -> bool:
        return not self.isChecked()

    def _set_collapsed(self, collapsed: bool) -> None:
        self.setChecked(not collapsed)

    collapsed = QtCore.Property(bool, _collapsed, _set_collapsed)

    def _show_contents(self, shown: bool) -> None:
        self._show_children(shown)
        low = self._header_height() + self.collapsedHeight  # type: ignore[operator]
        self.setMaximumHeight(LARGEST if shown else low)
        self.updateGeometry()
        self.contentsCollapsed.emit(not shown)

    def _header_height(self) -> int:
        return self.fontMetrics().height() + 2 * HEADER_MARGIN

    def _header(self) -> QtCore.QRect:
        return QtCore.QRect(0, 0, self.width(), self._header_height())

    def hitButton(self, position: QtCore.QPoint) -> bool:
        """Only the header can be clicked."""
        return self._header().contains(position)

    def event(self, event: QtCore.QEvent) -> bool:
        """Keep the room for the header."""
        if event.type() in (QtCore.QEvent.Type.Polish, QtCore.QEvent.Type.FontChange):
            self.setContentsMargins(0, self._header_height(), 0, 0)
        return super().event(event)

    def sizeHint(self) -> QtCore.QSize:
        """At least the header."""
        header = QtCore.QSize(
            self.fontMetrics().horizontalAdvance(self.text()) + 40, self._header_height()
        )
        return super().sizeHint().expandedTo(header)

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw the header: an arrow and the title on a button."""
        painter = QtWidgets.QStylePainter(self)
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = self._header()
        option.state |= QStyle.StateFlag.State_Raised
        painter.drawControl(QStyle.ControlElement.CE_PushButtonBevel, option)
        down, right = (
            QStyle.PrimitiveElement.PE_IndicatorArrowDown,
            QStyle.PrimitiveElement.PE_IndicatorArrowRight,
        )
        size = self._header_height()
        option.rect = QtCore.QRect(0, 0, size, size).adjusted(6, 6, -6, -6)
        painter.drawPrimitive(down if self.isChecked() else right, option)
        title = self._header().adjusted(size, 0, 0, 0)
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawItemText(
            title, flags | Qt.TextFlag.TextShowMnemonic, self.palette(), self.isEnabled(),
            self.text(), QtGui.QPalette.ColorRole.ButtonText,
        )  # fmt: skip


class CollapsibleGroupBox(Contents, QtWidgets.QGroupBox):
    """CTK/Libs/Widgets/ctkCollapsibleGroupBox.h."""

    stands_in_for = "ctkCollapsibleGroupBox"

    collapsedHeight = stored("collapsedHeight", int, 14)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(self._show_children)

    def _collapsed(self) -> bool:
        return not self.isChecked()

    def _set_collapsed(self, collapsed: bool) -> None:
        self.setChecked(not collapsed)

    collapsed = QtCore.Property(bool, _collapsed, _set_collapsed)
