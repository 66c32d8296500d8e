"""PythonQt's manners on PySide6 objects: what is a property, a method, a signal, an error.

As in PythonQt, a property is an attribute (`widget.text`, not `widget.text()`), enum values are
integers that live on the class, and unknown names can be neither read nor set. Classes that
stand in for ctk and qMRML widgets show their properties, signals and slots, nothing else.
"""

# ruff: noqa: N802 - the names are Slicer's

import enum
import inspect
import numbers
import os
from collections.abc import Callable
from typing import Any

from PySide6 import QtCore

from . import failures, natives
from .enums import QtEnum, call_with_integers
from .natives import Native
from .signals import (
    connect_native,
    disconnect_native,
    has_signal,
    normalized,
    signal_named,
    signal_signatures,
)

WRAPPER = "_harness_wrapper"
TAKE_CALLABLES = ("QTimer.singleShot",)


class WrapperType(type):
    """The class of `qt.QPushButton` and the like: strict about what the class itself has."""

    native_type: type

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(cls.native_type, name, None)
        if isinstance(found, enum.Enum):
            return QtEnum(found)
        if isinstance(found, int) and natives.stand_in_name(cls.native_type) is not None:
            return found
        static = isinstance(inspect.getattr_static(cls.native_type, name, None), staticmethod)
        if static or inspect.isbuiltin(found):
            return Method(f"{cls.__name__}.{name}", found)
        raise AttributeError(f"Slicer's {cls.__name__} has no {name!r}")


class Method:
    """A method of a native object, with arguments and result translated."""

    def __init__(self, name: str, native: Callable[..., Any]) -> None:
        self.name = name
        self.native = native

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if named:
            raise TypeError(f"{self.name}: PythonQt takes no named arguments ({', '.join(named)})")
        for argument in arguments:
            self._check(argument)
        return wrap(call_with_integers(self.native, [unwrap(argument) for argument in arguments]))

    def _check(self, argument: Any) -> None:
        if isinstance(argument, os.PathLike):
            raise TypeError(f"{self.name}: PythonQt takes paths as str, not {argument!r}")
        if isinstance(argument, numbers.Number) and not isinstance(argument, int | float):
            raise TypeError(f"{self.name}: PythonQt takes no {type(argument).__name__}")
        if _is_function(argument) and self.name not in TAKE_CALLABLES:
            raise TypeError(f"{self.name}: PythonQt takes no functions here; connect the signal")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Method) and (self.name, self.native) == (other.name, other.native)

    def __hash__(self) -> int:
        return hash((self.name, self.native))

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Signal:
    """A signal of one object: `connect`, `disconnect`, and a call emits it."""

    def __init__(self, native: QtCore.QObject, signature: str) -> None:
        self._native = native
        self._signature = normalized(signature)

    def connect(self, callback: Callable[..., Any]) -> bool:
        """Call back whenever the signal is emitted."""
        if not callable(callback):
            raise TypeError(f"cannot connect {self._signature} to {callback!r}")
        guard = guarded(callback)
        _connections(self._native).append((self._signature, callback, guard))
        return connect_native(self._native, self._signature, guard)

    def disconnect(self, callback: Callable[..., Any]) -> bool:
        """Stop calling back; False when it was not connected."""
        connections = _connections(self._native)
        for connection in connections:
            if connection[:2] == (self._signature, callback):
                connections.remove(connection)
                return disconnect_native(self._native, self._signature, connection[2])
        return False

    def __call__(self, *arguments: Any) -> None:
        name = self._signature.split("(")[0]
        getattr(self._native, name).emit(*[unwrap(argument) for argument in arguments])


def _connections(native: Native) -> list[tuple[str, Any, Any]]:
    if not hasattr(native, "_harness_connections"):
        native._harness_connections = []
    connections: list[tuple[str, Any, Any]] = native._harness_connections
    return connections


class Wrapper(metaclass=WrapperType):
    """A Qt object or value as Slicer's Python sees it."""

    native_type: type = object
    _native: Native

    def __init__(self, *arguments: Any) -> None:
        native_type = _with_overrides(type(self))
        _attach(self, native_type(*[unwrap(argument) for argument in arguments]))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_native":
            raise AttributeError(name)
        return _read(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        _write(self, name, value)

    def __eq__(self, other: object) -> bool:
        if isinstance(self._native, QtCore.QObject):
            return isinstance(other, Wrapper) and self._native is other._native
        return bool(self._native == unwrap(other))

    def __hash__(self) -> int:
        return hash(self._native)

    def __repr__(self) -> str:
        return f"<{self.className()} of the test harness: {self._native!r}>"

    def className(self) -> str:
        """The name of the class in Slicer."""
        return next(c.__name__ for c in type(self).__mro__ if "native_type" in vars(c))

    def connect(self, signature: str, callback: Callable[..., Any]) -> bool:
        """`connect("signal(type)", callable)`."""
        return Signal(self._native, self._checked(signature)).connect(callback)

    def disconnect(self, signature: str, callback: Callable[..., Any]) -> bool:
        """`disconnect("signal(type)", callable)`."""
        return Signal(self._native, self._checked(signature)).disconnect(callback)

    def _checked(self, signature: str) -> str:
        if not isinstance(signature, str):
            raise TypeError(f"connect takes a signature like 'clicked(bool)', not {signature!r}")
        if not has_signal(self._native, signature):
            known = ", ".join(signal_signatures(self._native))
            raise AttributeError(f"{self.className()} has no signal {signature!r}; it has {known}")
        return signature


def _read(wrapper: Wrapper, name: str) -> Any:
    """An attribute of a native object, looked up in PythonQt's order."""
    native = wrapper._native
    name = "objectName" if name == "name" else name
    if natives.is_property(native, name):
        return wrap(natives.property_value(native, name))
    if name in natives.dynamic_properties(native):
        return wrap(native.property(name))
    signature = signal_named(native, name)
    if signature is not None:
        return Signal(native, signature)
    found = natives.member(native, name)
    if isinstance(found, enum.Enum):
        return QtEnum(found)
    if found is not None:
        return found if isinstance(found, int) else Method(f"{wrapper.className()}.{name}", found)
    child = natives.child(native, name)
    if child is not None:
        return wrap(child)
    raise AttributeError(f"Slicer's {wrapper.className()} has no {name!r}")


def _write(wrapper: Wrapper, name: str, value: Any) -> None:
    """Set a property, or an attribute of a class derived in Python."""
    if "_native" in vars(wrapper):
        native = wrapper._native
        name = "objectName" if name == "name" else name
        if natives.is_property(native, name):
            natives.set_property(native, name, unwrap(value))
            return
        if name in natives.dynamic_properties(native):
            native.setProperty(name, unwrap(value))
            return
        if natives.member(native, name) is not None:
            raise AttributeError(f"{name!r} of {wrapper.className()} cannot be overwritten")
    if "native_type" in vars(type(wrapper)):
        raise AttributeError(
            f"Slicer's {wrapper.className()} has no property {name!r}, and new attributes "
            "cannot be set on C++ objects"
        )
    vars(wrapper)[name] = value


def guarded(callback: Callable[..., Any]) -> Callable[..., Any]:
    """A callback for Qt: arguments as PythonQt passes them, exceptions recorded."""
    accepted = _accepted_arguments(callback)

    def guard(*arguments: Any) -> Any:
        try:
            return unwrap(callback(*[wrap(argument) for argument in arguments[:accepted]]))
        except Exception as error:
            failures.record(getattr(callback, "__qualname__", repr(callback)), error)
            return None

    return guard


def _accepted_arguments(callback: Callable[..., Any]) -> int | None:
    """How many arguments PythonQt passes at most: as many as a Python function has."""
    if isinstance(callback, Method | Signal):
        return 0
    function = getattr(callback, "__func__", callback)
    if not inspect.isfunction(function) or function.__code__.co_flags & inspect.CO_VARARGS:
        return None
    return function.__code__.co_argcount - (1 if inspect.ismethod(callback) else 0)


_wrapper_types: dict[type, WrapperType] = {}


def wrapper_type(native_type: type) -> WrapperType:
    """The class that shows a native class to the module; one each, derived alike."""
    if native_type not in _wrapper_types:
        name = natives.stand_in_name(native_type) or native_type.__name__
        made = WrapperType(name, _parents(native_type), {"native_type": native_type})
        _wrapper_types[native_type] = made
    return _wrapper_types[native_type]


def _parents(native_type: type) -> tuple[WrapperType, ...]:
    """As in Slicer, widgets of ctk and qMRML are no instances of qt.QWidget."""
    if natives.stand_in_name(native_type) is not None:
        return (Wrapper,)
    bases = [base for base in native_type.__bases__ if _is_native(base)]
    return tuple(wrapper_type(base) for base in bases) or (Wrapper,)


def _is_native(native_type: type) -> bool:
    return native_type.__module__.startswith(("PySide6.", "Testing.harness."))


def wrap(value: Any) -> Any:
    """A native value as the module sees it; lists become tuples, as PythonQt makes them."""
    if isinstance(value, enum.Enum):
        return QtEnum(value)
    if isinstance(value, list | tuple):
        return tuple(wrap(item) for item in value)
    if isinstance(value, QtCore.QObject):
        known = getattr(value, WRAPPER, None)
        if known is not None:
            return known
    elif not type(value).__module__.startswith("PySide6."):
        return value
    made_as = wrapper_type(type(value))
    wrapper = made_as.__new__(made_as)
    _attach(wrapper, value)
    return wrapper


def _attach(wrapper: Wrapper, native: Native) -> None:
    vars(wrapper)["_native"] = native
    if isinstance(native, QtCore.QObject):
        setattr(native, WRAPPER, wrapper)


def unwrap(value: Any) -> Any:
    """A value of the module's as the native objects take it."""
    if isinstance(value, Wrapper):
        return value._native
    if isinstance(value, WrapperType):
        return value.native_type
    if isinstance(value, QtEnum):
        return value.native
    if isinstance(value, list | tuple):
        return type(value)(unwrap(item) for item in value)
    return guarded(value) if _is_function(value) else value


def _is_function(value: Any) -> bool:
    return isinstance(value, Method) or inspect.isfunction(value) or inspect.ismethod(value)


def _with_overrides(wrapped: WrapperType) -> type:
    """The native class, with the virtual methods that a class derived in Python overrides."""
    native_type = wrapped.native_type
    overrides = {
        name: _override(name)
        for derived in wrapped.__mro__
        if isinstance(derived, WrapperType) and "native_type" not in vars(derived)
        for name, function in vars(derived).items()
        if inspect.isfunction(function) and name[0] != "_" and hasattr(native_type, name)
    }
    return type(native_type.__name__, (native_type,), overrides) if overrides else native_type


def _override(name: str) -> Callable[..., Any]:
    def method(native: Native, *arguments: Any) -> Any:
        wrapper = getattr(native, WRAPPER, None)
        if wrapper is not None:
            try:
                return unwrap(getattr(wrapper, name)(*[wrap(argument) for argument in arguments]))
            except Exception as error:
                failures.record(f"{type(wrapper).__name__}.{name}", error)
        return getattr(super(type(native), native), name)(*arguments)

    return method
