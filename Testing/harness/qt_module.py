"""The module `qt` of Slicer's Python: the classes on `names/qt.txt`, from PySide6."""

import types
from typing import Any

from PySide6 import QtCore, QtGui, QtNetwork, QtUiTools, QtWidgets

from .manners import wrapper_type
from .names import allowed_names
from .qt_objects import CHANGED_CLASSES

LIST = "Testing/harness/names/qt.txt"
MODULES = (QtCore, QtGui, QtWidgets, QtNetwork, QtUiTools)


class QtModule(types.ModuleType):
    """Gives the classes on the list, and no others."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in allowed_names("qt"):
            raise AttributeError(f"qt.{name} is misspelt, or has to be added to {LIST}")
        native = native_class(name)
        setattr(self, name, wrapper_type(native))
        return getattr(self, name)


def native_class(name: str) -> type:
    """The PySide6 class behind `qt.<name>`."""
    if name == "QUiLoader":
        from .ui_loader import QUiLoader

        return QUiLoader
    if name in CHANGED_CLASSES:
        return CHANGED_CLASSES[name]
    found = next(getattr(module, name) for module in MODULES if hasattr(module, name))
    assert isinstance(found, type)
    return found
