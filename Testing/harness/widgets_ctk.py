"""The ctk widgets that have a stand-in, by name."""

# ruff: noqa: N802, N815 - the names are Slicer's

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Qt, Slot

from .properties import stored
from .qt_objects import QMessageBox
from .widgets_collapsible import CollapsibleButton, CollapsibleGroupBox
from .widgets_paths import DirectoryButton, PathLineEdit

SLIDER_STEPS = 1000


class SearchBox(QtWidgets.QLineEdit):
    """CTK/Libs/Widgets/ctkSearchBox.h."""

    stands_in_for = "ctkSearchBox"

    showSearchIcon = stored("showSearchIcon", bool, False)
    searchIcon = stored("searchIcon", QtGui.QIcon, QtGui.QIcon())
    clearIcon = stored("clearIcon", QtGui.QIcon, QtGui.QIcon())

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText("Search...")
        self.setClearButtonEnabled(True)


class ComboBox(QtWidgets.QComboBox):
    """CTK/Libs/Widgets/ctkComboBox.h."""

    stands_in_for = "ctkComboBox"

    defaultText = stored("defaultText", str, "")

    def _defaultText_changed(self) -> None:
        self.setPlaceholderText(self.defaultText)


class MessageBox(QMessageBox):
    """CTK/Libs/Widgets/ctkMessageBox.h: a message box that can be told not to come again."""

    stands_in_for = "ctkMessageBox"

    dontShowAgainVisible = stored("dontShowAgainVisible", bool, False)
    dontShowAgain = stored("dontShowAgain", bool, False)
    dontShowAgainSettingsKey = stored("dontShowAgainSettingsKey", str, "")

    @Slot(bool)
    def setDontShowAgain(self, dont: bool) -> None:
        """Whether the box does not come again."""
        self.dontShowAgain = dont


class SliderWidget(QtWidgets.QWidget):
    """CTK/Libs/Widgets/ctkSliderWidget.h: a slider and a spin box with one value."""

    stands_in_for = "ctkSliderWidget"

    valueChanged = QtCore.Signal(float)
    valueIsChanging = QtCore.Signal(float)

    minimum = stored("minimum", float, 0.0)
    maximum = stored("maximum", float, 99.0)
    singleStep = stored("singleStep", float, 1.0)
    decimals = stored("decimals", int, 2)
    suffix = stored("suffix", str, "")

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._slider = QtWidgets.QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, SLIDER_STEPS)
        self._box = QtWidgets.QDoubleSpinBox()
        layout.addWidget(self._slider)
        layout.addWidget(self._box)
        self._show()
        self._slider.sliderMoved.connect(self._slid)
        self._box.valueChanged.connect(self._changed)

    def _show(self) -> None:
        self._box.setDecimals(self.decimals)
        self._box.setRange(self.minimum, self.maximum)
        self._box.setSingleStep(self.singleStep)
        self._box.setSuffix(self.suffix)

    _minimum_changed = _maximum_changed = _singleStep_changed = _show
    _decimals_changed = _suffix_changed = _show

    def _slid(self, position: int) -> None:
        share = position / SLIDER_STEPS
        self._box.setValue(self.minimum + share * (self.maximum - self.minimum))

    def _changed(self, value: float) -> None:
        span = self.maximum - self.minimum
        self._slider.setValue(round(SLIDER_STEPS * (value - self.minimum) / span) if span else 0)
        self.valueChanged.emit(value)

    def _value(self) -> float:
        return self._box.value()

    @Slot(float)
    def setValue(self, value: float) -> None:
        """Show another value, within the limits."""
        self._box.setValue(value)

    @Slot()
    def reset(self) -> None:
        """Go back to zero."""
        self._box.setValue(0.0)

    value = QtCore.Property(float, _value, setValue)


CTK_CLASSES: dict[str, type] = {
    stand_in.stands_in_for: stand_in
    for stand_in in (
        CollapsibleButton,
        CollapsibleGroupBox,
        ComboBox,
        DirectoryButton,
        MessageBox,
        PathLineEdit,
        SearchBox,
        SliderWidget,
    )
}
