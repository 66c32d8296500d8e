"""What a native (PySide6) object shows to PythonQt: properties, signals, methods, children."""

import enum
import inspect
from typing import Any

from PySide6 import QtCore

from .enums import call_with_integers

Native = Any

# In Qt 6 only; Slicer 5.8 and 5.10 are built with Qt 5.15.
QT6_ONLY = ("accessibleIdentifier", "checkStateChanged", "setAccessibleIdentifier")


def stand_in_name(native_type: type) -> str | None:
    """The class of ctk, qMRML or Slicer that a native class stands in for."""
    return getattr(native_type, "stands_in_for", None)


def is_property(native: Native, name: str) -> bool:
    """Whether a QObject has a property declared in its class."""
    if not isinstance(native, QtCore.QObject) or name in QT6_ONLY:
        return False
    return native.metaObject().indexOfProperty(name) >= 0


def dynamic_properties(native: Native) -> list[str]:
    """Names of the properties that were given to this object only."""
    if not isinstance(native, QtCore.QObject):
        return []
    return [bytes(name.data()).decode() for name in native.dynamicPropertyNames()]


def property_value(native: Native, name: str) -> Any:
    """The value of a declared property."""
    capital = name[0].upper() + name[1:]
    for getter in (name, f"is{capital}", f"has{capital}"):
        method = getattr(native, getter, None)
        if inspect.isbuiltin(method):
            return method()
    return native.property(name)


def set_property(native: Native, name: str, value: Any) -> None:
    """Set a declared property; TypeError for a value of another type."""
    setter = getattr(native, f"set{name[0].upper()}{name[1:]}", None)
    if inspect.isbuiltin(setter):
        call_with_integers(setter, [value])
    elif not native.setProperty(name, value):
        raise TypeError(f"property {name!r} cannot be set to {value!r}")


def member(native: Native, name: str) -> Any:
    """A method or enum value; None if Slicer's class has none of that name."""
    if name == "exec_":
        name = "exec"
    elif name == "exec" or name in QT6_ONLY:
        return None
    found = getattr(native, name, None)
    if isinstance(found, type) or not (callable(found) or isinstance(found, enum.Enum | int)):
        return None
    if stand_in_name(type(native)) is None or not _made_here(type(native), name):
        return found
    return found if is_slot(native, name) or isinstance(found, int) else None


def _made_here(native_type: type, name: str) -> bool:
    """Whether the harness defines a name, or Qt does."""
    owner = next((c for c in native_type.__mro__ if name in vars(c)), object)
    return stand_in_name(owner) is not None


def is_slot(native: QtCore.QObject, name: str) -> bool:
    """Whether a method is a slot: of ctk and qMRML classes, PythonQt shows slots only."""
    if type(native) not in _SLOTS:
        meta = native.metaObject()  # of a class alone, PySide6 may have let it go
        methods = [meta.method(index) for index in range(meta.methodCount())]
        names = frozenset(bytes(method.name().data()).decode() for method in methods)
        _SLOTS[type(native)] = names
    return name in _SLOTS[type(native)]


_SLOTS: dict[type, frozenset[str]] = {}


def child(native: Native, name: str) -> Native | None:
    """A child object by its name, which PythonQt takes for an attribute."""
    if not isinstance(native, QtCore.QObject):
        return None
    return next((found for found in native.children() if found.objectName() == name), None)
