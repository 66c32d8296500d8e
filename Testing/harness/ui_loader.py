"""Qt Designer files with ctk and qMRML widgets; faults that Qt passes over in silence raise."""

# ruff: noqa: N802 - the names are Slicer's

import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from PySide6 import QtCore, QtUiTools, QtWidgets

from .signals import connect_native, has_signal
from .widgets_ctk import CTK_CLASSES
from .widgets_mrml import MRML_CLASSES

STAND_INS = CTK_CLASSES | MRML_CLASSES
DYNAMIC_PROPERTIES = ("SlicerParameterName", "SlicerPackParameterName")
LOADERS_OWN = ("buddy",)  # the form's loader calls `setBuddy`


class QUiLoader(QtUiTools.QUiLoader):
    """Loads .ui files; makes the stand-ins for custom widgets."""

    def createWidget(
        self, class_name: str, parent: QtWidgets.QWidget | None = None, name: str = ""
    ) -> QtWidgets.QWidget:
        """The widget of a class named in the file."""
        if class_name in STAND_INS:
            widget = STAND_INS[class_name](parent)
            widget.setObjectName(name)
            return widget
        if class_name not in self.availableWidgets():
            raise AttributeError(f"the .ui file has a {class_name}, which the harness lacks")
        return super().createWidget(class_name, parent, name)

    def load(self, file: QtCore.QFile, parent: QtWidgets.QWidget | None = None) -> Any:
        """Make the widgets of a .ui file and check their properties and connections."""
        root = ElementTree.fromstring(bytes(file.readAll().data()))
        connections = root.find("connections")
        wanted = [] if connections is None else list(connections)
        if connections is not None:
            root.remove(connections)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "form.ui"
            ElementTree.ElementTree(root).write(path)
            widget = super().load(str(path), parent)
        if widget is None:
            return None
        _check_properties(root, widget)
        for connection in wanted:
            _connect(widget, connection)
        return widget


def _named(root: QtCore.QObject, name: str | None) -> QtCore.QObject:
    if root.objectName() == name:
        return root
    found = root.findChild(QtCore.QObject, name)
    if found is None:
        raise AttributeError(f"the .ui file names {name!r}, which is not there")
    return found


def _check_properties(root: ElementTree.Element, widget: QtWidgets.QWidget) -> None:
    for element in root.iter("widget"):
        made = _named(widget, element.get("name"))
        for entry in element.findall("property"):
            name = entry.get("name", "")
            if name in DYNAMIC_PROPERTIES + LOADERS_OWN:
                continue
            if made.metaObject().indexOfProperty(name) < 0:
                raise AttributeError(f"{element.get('class')} has no property {name!r} (.ui file)")


def _connect(widget: QtWidgets.QWidget, connection: ElementTree.Element) -> None:
    parts = {part.tag: part.text or "" for part in connection}
    sender, receiver = _named(widget, parts["sender"]), _named(widget, parts["receiver"])
    if not has_signal(sender, parts["signal"]):
        raise AttributeError(f"{parts['sender']} has no signal {parts['signal']!r} (.ui file)")
    slot = getattr(receiver, parts["slot"].split("(")[0])
    connect_native(sender, parts["signal"], slot)
