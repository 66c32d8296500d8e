"""Enum values as PythonQt gives them: integers."""

import enum
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from shibokensupport.signature import get_signature


class QtEnum(int):
    """A value of an enum, or a combination of flags."""

    native: enum.Enum

    def __new__(cls, native: enum.Enum) -> "QtEnum":
        value = super().__new__(cls, native.value)
        value.native = native
        return value

    def __or__(self, other: int) -> "QtEnum":
        return QtEnum(self.native | _same_enum(self, other))

    def __and__(self, other: int) -> "QtEnum":
        return QtEnum(self.native & _same_enum(self, other))

    __ror__ = __or__
    __rand__ = __and__

    def __repr__(self) -> str:
        return f"{self.native!s} ({int(self)})"


def _same_enum(value: QtEnum, other: int) -> enum.Enum:
    return other.native if isinstance(other, QtEnum) else type(value.native)(other)


def call_with_integers(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """Call a native function; where it takes an enum, PythonQt takes an integer too."""
    try:
        return function(*arguments)
    except TypeError:
        for converted in _as_enums(function, arguments):
            return function(*converted)
        raise


def _as_enums(function: Callable[..., Any], arguments: Sequence[Any]) -> Iterator[list[Any]]:
    signatures = get_signature(function)
    for signature in signatures if isinstance(signatures, list) else [signatures]:
        if signature is None:
            continue
        kinds = [p.annotation for p in signature.parameters.values() if p.name != "self"]
        converted = [
            kind(value) if type(value) is int and isinstance(kind, enum.EnumMeta) else value
            for kind, value in zip(kinds, arguments, strict=False)
        ]
        if list(map(type, converted)) != list(map(type, arguments)):
            yield converted
