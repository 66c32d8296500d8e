"""Signals of native objects by their C++ signature, e.g. "clicked(bool)"."""

from collections.abc import Callable
from typing import Any

from PySide6 import QtCore

from .natives import QT6_ONLY

_known: dict[tuple[type, str], list[str]] = {}


def signal_signatures(native: QtCore.QObject) -> list[str]:
    """The signatures of an object's signals as C++ writes them, most derived class first."""
    meta = native.metaObject()
    key = (type(native), meta.className())
    if key not in _known:
        methods = [meta.method(index) for index in reversed(range(meta.methodCount()))]
        signals = [m for m in methods if m.methodType() == QtCore.QMetaMethod.MethodType.Signal]
        signatures = [bytes(signal.methodSignature().data()).decode() for signal in signals]
        named = _cpp_signatures(native)
        visible = [named.get(signature, signature) for signature in signatures]
        _known[key] = [s for s in visible if s.split("(")[0] not in QT6_ONLY]
    return _known[key]


def signal_named(native: object, name: str) -> str | None:
    """The signature of the signal with a name; with the most arguments if there are several."""
    if not isinstance(native, QtCore.QObject):
        return None
    named = [s for s in signal_signatures(native) if s.split("(")[0] == name]
    return max(named, key=len, default=None)


def has_signal(native: QtCore.QObject, signature: str) -> bool:
    """Whether the object has a signal of exactly this signature."""
    return normalized(signature) in map(normalized, signal_signatures(native))


def connect_native(native: QtCore.QObject, signature: str, callback: Callable[..., Any]) -> bool:
    """Connect a signal of the native object to a function of native values."""
    return bool(QtCore.QObject.connect(native, _key(native, signature), callback))


def disconnect_native(native: QtCore.QObject, signature: str, callback: Callable[..., Any]) -> bool:
    """Undo `connect_native`."""
    return bool(QtCore.QObject.disconnect(native, _key(native, signature), callback))


def normalized(signature: str) -> str:
    """The signature in Qt's own spelling, without spaces and const references."""
    return bytes(QtCore.QMetaObject.normalizedSignature(signature).data()).decode()


def _cpp_signatures(native: QtCore.QObject) -> dict[str, str]:
    """Signatures of stand-ins that PySide6 cannot express, e.g. with vtkMRMLNode*."""
    names: dict[str, str] = {}
    for base in type(native).__mro__:
        names |= vars(base).get("cpp_signatures", {})
    return names


def _key(native: QtCore.QObject, signature: str) -> str:
    native_ones = {normalized(cpp): own for own, cpp in _cpp_signatures(native).items()}
    signature = normalized(signature)
    return QtCore.SIGNAL(native_ones.get(signature, signature))
