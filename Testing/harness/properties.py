"""Qt properties of the stand-in widgets, declared in one line."""

from typing import Any

from PySide6 import QtCore


def stored(name: str, kind: Any, default: Any, notify: str | None = None) -> Any:
    """A Qt property that keeps a value, and emits the signal `notify` when it changes.

    A method `_<name>_changed` of the widget is called first, to show the new value.
    """
    key = f"_value_of_{name}"

    def read(widget: Any) -> Any:
        return getattr(widget, key, default)

    def write(widget: Any, value: Any) -> None:
        if value == read(widget):
            return
        setattr(widget, key, value)
        shown = getattr(widget, f"_{name}_changed", None)
        if shown is not None:
            shown()
        if notify is not None:
            getattr(widget, notify).emit(value)

    return QtCore.Property(kind, read, write)
