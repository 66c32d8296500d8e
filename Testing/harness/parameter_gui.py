"""Which widget shows which type of parameter, and how.

Slicer's table is Base/Python/slicer/parameterNodeWrapper/guiConnectors.py; as there, the class of
the widget must be exactly the named one.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ctk
import qt
import slicer

from .parameter_types import (
    Choice,
    Decimals,
    Maximum,
    Minimum,
    Parameter,
    SingleStep,
    WithinRange,
)


@dataclass(frozen=True)
class Binding:
    """A widget that shows a parameter."""

    widget: Any
    signal: str
    read: Callable[[], Any]
    write: Callable[[Any], None]


def bind(widget: Any, parameter: Parameter) -> Binding:
    """The binding of a widget to a parameter; RuntimeError if Slicer has none for them."""
    kind, plain = type(widget), parameter.plain
    if kind is qt.QCheckBox and plain is bool:
        return _property(widget, "stateChanged", "checked")
    if kind is qt.QPushButton and plain is bool:
        widget.checkable = True
        return _property(widget, "toggled", "checked")
    if kind in (qt.QSlider, qt.QSpinBox) and plain is int:
        _limit(widget, parameter, -(2**31), 2**31 - 1, bounded=kind is qt.QSlider)
        return _property(widget, "valueChanged", "value")
    if kind in (qt.QDoubleSpinBox, ctk.ctkSliderWidget) and plain is float:
        _limit(widget, parameter, -1e300, 1e300, bounded=kind is ctk.ctkSliderWidget)
        return _property(widget, "valueChanged", "value")
    if kind is qt.QComboBox and plain in (int, float, str, bool):
        return _choices(widget, parameter)
    if kind is qt.QComboBox and isinstance(plain, type) and issubclass(plain, enum.Enum):
        label = getattr(plain, "label", lambda value: value.name)
        return _items(widget, {label(value): value for value in plain})
    if kind is qt.QLineEdit and plain is str:
        return _property(widget, "textChanged", "text")
    if kind is qt.QTextEdit and plain is str:
        return Binding(widget, "textChanged", widget.toPlainText, widget.setPlainText)
    if kind is ctk.ctkPathLineEdit and plain is Path:
        return _path(widget, "currentPathChanged", "currentPath")
    if kind is ctk.ctkDirectoryButton and plain is Path:
        return _path(widget, "directoryChanged", "directory")
    if kind is slicer.qMRMLNodeComboBox and parameter.nodes:
        widget.nodeTypes = [node.__name__ for node in parameter.nodes]
        return Binding(widget, "currentNodeChanged", widget.currentNode, widget.setCurrentNode)
    raise RuntimeError(f"Slicer cannot bind {parameter.annotated} to a {kind.__name__}")


def _property(widget: Any, signal: str, name: str) -> Binding:
    return Binding(
        widget,
        signal,
        lambda: getattr(widget, name),
        lambda value: setattr(widget, name, value),
    )


def _path(widget: Any, signal: str, name: str) -> Binding:
    return Binding(
        widget,
        signal,
        lambda: Path(getattr(widget, name)),
        lambda value: setattr(widget, name, str(value)),
    )


def _choices(widget: Any, parameter: Parameter) -> Binding:
    choice = parameter.annotation(Choice)
    if choice is None:
        raise RuntimeError(
            f"parameter {parameter.name!r} needs a Choice to be shown in a combo box"
        )
    return _items(widget, {str(value): value for value in choice.choices})


def _items(widget: Any, values: dict[str, Any]) -> Binding:
    widget.clear()
    for label in values:
        widget.addItem(label)
    listed = list(values.values())

    def write(value: Any) -> None:
        widget.currentIndex = listed.index(value)

    return Binding(widget, "currentIndexChanged", lambda: listed[widget.currentIndex], write)


def _limit(
    widget: Any, parameter: Parameter, minimum: float, maximum: float, bounded: bool
) -> None:
    decimals, step = parameter.annotation(Decimals), parameter.annotation(SingleStep)
    if decimals is not None:
        widget.decimals = decimals.value
    if step is not None:
        widget.singleStep = step.value
    limits = parameter.annotation(WithinRange)
    low, high = parameter.annotation(Minimum) or limits, parameter.annotation(Maximum) or limits
    if bounded and (low is None or high is None):
        raise RuntimeError(f"parameter {parameter.name!r} needs a range to be shown as a slider")
    widget.minimum = minimum if low is None else low.minimum
    widget.maximum = maximum if high is None else high.maximum
