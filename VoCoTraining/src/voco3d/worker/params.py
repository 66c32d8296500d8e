"""Reading the params of a request: each has a kind, and none is ignored."""

import math
from collections.abc import Mapping
from typing import Any

from voco3d.worker.messages import WRONG_PARAMS, RpcError


class Params:
    """The params of one request.

    Each method takes one of them; ``end`` refuses what was not taken. A param that may be absent
    may also be null.

    Raises:
        RpcError: From every method, if a param is missing or of another kind.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def end(self) -> None:
        """Refuse params that nobody asked for."""
        if self._values:
            raise RpcError(WRONG_PARAMS, f"There is no param {min(self._values)!r}.")

    def text(self, name: str, default: str | None = None) -> str:
        """A text that is not empty."""
        value = self._take(name, default)
        if not isinstance(value, str) or not value or "\0" in value:
            raise _wrong(name, "a text")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts, at least one."""
        value = self.texts_or_none(name)
        if not value:
            raise _wrong(name, "a list of texts, at least one")
        return value

    def texts_or_none(self, name: str) -> list[str] | None:
        """A list of texts, or None."""
        value = self._values.pop(name, None)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise _wrong(name, "a list of texts")
        return value

    def number_or_none(self, name: str) -> float | None:
        """A finite number, or None."""
        value = self._values.pop(name, None)
        if value is not None and not _is_number(value):
            raise _wrong(name, "a number")
        return value

    def number(self, name: str) -> float:
        """A finite number."""
        value = self.number_or_none(name)
        if value is None:
            raise _wrong(name, "a number")
        return value

    def count_or_none(self, name: str) -> int | None:
        """A whole number from 1 up, or None."""
        value = self._values.pop(name, None)
        if value is not None and not _is_count(value):
            raise _wrong(name, "a whole number from 1 up")
        return value

    def flag(self, name: str) -> bool:
        """Yes or no; no by default."""
        value = self._take(name, False)
        if not isinstance(value, bool):
            raise _wrong(name, "true or false")
        return value

    def numbers(self, name: str, count: int) -> tuple[float, ...]:
        """So many finite numbers."""
        value = self._values.pop(name, None)
        if not isinstance(value, list) or len(value) != count or not all(map(_is_number, value)):
            raise _wrong(name, f"a list of {count} numbers")
        return tuple(map(float, value))

    def counts(self, name: str, count: int) -> tuple[int, ...]:
        """So many whole numbers from 1 up."""
        value = self._values.pop(name, None)
        if not isinstance(value, list) or len(value) != count or not all(map(_is_count, value)):
            raise _wrong(name, f"a list of {count} whole numbers from 1 up")
        return tuple(value)

    def counts_or_none(self, name: str) -> tuple[int, int, int] | None:
        """Three whole numbers from 1 up, or None."""
        if self._values.get(name) is None:
            self._values.pop(name, None)
            return None
        x, y, z = self.counts(name, 3)
        return (x, y, z)

    def points(self, name: str) -> list[tuple[float, ...]]:
        """A list of places, three finite numbers each; it may be empty."""
        value = self._values.pop(name, None)
        if not isinstance(value, list):
            raise _wrong(name, "a list of places")
        return [Params({name: place}).numbers(name, 3) for place in value]

    def boxes(self, name: str) -> list[list[tuple[float, ...]]]:
        """A list of boxes, a list of corners each; empty by default."""
        value = self._take(name, [])
        if not isinstance(value, list):
            raise _wrong(name, "a list of boxes")
        return [Params({name: corners}).points(name) for corners in value]

    def any(self, name: str) -> Any:
        """Whatever it is; it must be there."""
        if name not in self._values:
            raise _wrong(name, "given")
        return self._values.pop(name)

    def inner(self, name: str) -> "Params":
        """An object with params of its own."""
        value = self.inner_or_none(name)
        if value is None:
            raise _wrong(name, "an object")
        return value

    def inner_or_none(self, name: str) -> "Params | None":
        """An object with params of its own, or None."""
        value = self._values.pop(name, None)
        if value is not None and not isinstance(value, dict):
            raise _wrong(name, "an object")
        return None if value is None else Params(value)

    def _take(self, name: str, default: Any) -> Any:
        value = self._values.pop(name, None)
        return default if value is None else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _wrong(name: str, kind: str) -> RpcError:
    return RpcError(WRONG_PARAMS, f"The param {name!r} must be {kind}.")
