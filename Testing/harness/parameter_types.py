"""Parameter types: how each is checked and kept as text or reference in the parameter node.

The annotations are those of Slicer's Base/Python/slicer/parameterNodeWrapper/validators.py,
default.py and guiConnectors.py.
"""

import enum
import json
import types
from collections.abc import Callable, Iterator, MutableSequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import slicer

MISSING = object()


@dataclass(frozen=True)
class Default:
    """The value of a parameter that was never set."""

    value: Any


@dataclass(frozen=True)
class Minimum:
    minimum: float

    def validate(self, value: Any) -> None:
        if value < self.minimum:
            raise ValueError(f"{value} is less than {self.minimum}")


@dataclass(frozen=True)
class Maximum:
    maximum: float

    def validate(self, value: Any) -> None:
        if value > self.maximum:
            raise ValueError(f"{value} is more than {self.maximum}")


@dataclass(frozen=True)
class WithinRange:
    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within {self.minimum} and {self.maximum}")


@dataclass(frozen=True)
class Choice:
    choices: Any

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"{value!r} is none of {self.choices}")


@dataclass(frozen=True)
class Decimals:
    """Decimals that a spin box shows."""

    value: int


@dataclass(frozen=True)
class SingleStep:
    """Step of a spin box or slider."""

    value: float


def split(annotated: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type and its annotations."""
    if get_origin(annotated) is Annotated:
        plain, *annotations = get_args(annotated)
        return plain, tuple(annotations)
    return annotated, ()


def node_classes(plain: Any) -> list[type]:
    """The node classes that a type allows; empty if it is not a type of nodes."""
    if get_origin(plain) in (Union, types.UnionType):
        parts = [part for part in get_args(plain) if part is not type(None)]
    else:
        parts = [plain]
    nodes = all(isinstance(part, type) and issubclass(part, slicer.vtkMRMLNode) for part in parts)
    return parts if nodes else []


def is_list(plain: Any) -> bool:
    """Whether a type is list[...]."""
    return get_origin(plain) is list


class Parameter:
    """One parameter: its type, its default, and its place in a parameter node."""

    def __init__(self, name: str, annotated: Any, default: Any = MISSING) -> None:
        self.name = name
        self.annotated = annotated
        self.plain, self.annotations = split(annotated)
        self.nodes = node_classes(self.plain)
        self.item_nodes = node_classes(get_args(self.plain)[0]) if is_list(self.plain) else []
        given = [note.value for note in self.annotations if isinstance(note, Default)]
        if default is MISSING:
            default = given[0] if given else _default_of(self)
        self.default = default
        self._check_supported(self.plain)

    def annotation(self, kind: type) -> Any:
        """The first annotation of a kind, or None."""
        return next((note for note in self.annotations if isinstance(note, kind)), None)

    def read(self, node: Any) -> Any:
        """The value in a parameter node; the default is written first if there is none."""
        if not node.HasParameter(self.name):
            self.write(node, self.default)
        if self.nodes:
            return node.GetNodeReference(self.name)
        if self.item_nodes:
            return ObservedList(self._read_nodes(node), lambda items: self.write(node, items))
        value = from_text(self.plain, node.GetParameter(self.name))
        if isinstance(value, list):
            return ObservedList(value, lambda items: self.write(node, items))
        return value

    def write(self, node: Any, value: Any) -> None:
        """Check a value and keep it in a parameter node."""
        if isinstance(value, ObservedList):
            value = list(value)
        check(self.plain, self.nodes, value, self.name)
        for note in self.annotations:
            if hasattr(note, "validate"):
                note.validate(value)
        if self.nodes:
            node.SetParameter(self.name, "")
            node.SetNodeReferenceID(self.name, None if value is None else value.GetID())
        elif self.item_nodes:
            self._write_nodes(node, value)
        else:
            node.SetParameter(self.name, to_text(value))

    def _read_nodes(self, node: Any) -> list[Any]:
        count = int(node.GetParameter(self.name))
        return [node.GetNodeReference(f"{self.name}_{index}") for index in range(count)]

    def _write_nodes(self, node: Any, value: list[Any]) -> None:
        node.SetParameter(self.name, str(len(value)))
        for index, item in enumerate(value):
            node.SetNodeReferenceID(f"{self.name}_{index}", None if item is None else item.GetID())

    def _check_supported(self, plain: Any) -> None:
        if not node_classes(plain) and plain not in (int, float, str, bool, Path):
            if isinstance(plain, type) and issubclass(plain, enum.Enum):
                return
            if get_origin(plain) not in (list, tuple, dict):
                raise TypeError(f"parameter {self.name!r}: Slicer cannot keep a {plain}")
            for part in get_args(plain):
                self._check_supported(part)


def _default_of(parameter: Parameter) -> Any:
    plain = parameter.plain
    if parameter.nodes:
        return None
    if isinstance(plain, type) and issubclass(plain, enum.Enum):
        return next(iter(plain))
    if get_origin(plain) is tuple:
        return tuple(part() for part in get_args(plain))
    return (get_origin(plain) or plain)()


def check(plain: Any, nodes: list[type], value: Any, name: str) -> None:
    """Raise TypeError or ValueError, as Slicer does, for a value that is not of the type."""
    if nodes:
        if value is not None and not isinstance(value, tuple(nodes)):
            raise TypeError(f"parameter {name!r} takes {nodes}, not {value!r}")
        return
    if value is None:
        raise ValueError(f"parameter {name!r} cannot be None")
    origin = get_origin(plain) or plain
    allowed = (int, float) if origin is float else origin
    if not isinstance(value, allowed):
        raise TypeError(f"parameter {name!r} takes {plain}, not {value!r}")
    if origin is list:
        for item in value:
            check(get_args(plain)[0], node_classes(get_args(plain)[0]), item, name)
    elif origin is tuple:
        if len(value) != len(get_args(plain)):
            raise ValueError(f"parameter {name!r} takes {plain}, not {value!r}")
        for part, item in zip(get_args(plain), value, strict=True):
            check(part, [], item, name)


def to_text(value: Any) -> str:
    """The text of a value in the node."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        return value
    return (
        json.dumps(_plain(value)) if isinstance(value, list | tuple | dict) else str(_plain(value))
    )


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value


def from_text(plain: Any, text: str) -> Any:
    """The value of a text in the node."""
    if get_origin(plain) in (list, tuple, dict):
        return _typed(plain, json.loads(text))
    if plain is bool:
        return text == "True"
    return _typed(plain, text)


def _typed(plain: Any, value: Any) -> Any:
    origin, parts = get_origin(plain), get_args(plain)
    if origin is list:
        return [_typed(parts[0], item) for item in value]
    if origin is tuple:
        return tuple(_typed(part, item) for part, item in zip(parts, value, strict=True))
    if origin is dict:
        return {_typed(parts[0], key): _typed(parts[1], item) for key, item in value.items()}
    if isinstance(plain, type) and issubclass(plain, enum.Enum):
        return plain[value]
    return plain(value)


class ObservedList(MutableSequence[Any]):
    """A list that writes every change of itself to the parameter node."""

    def __init__(self, items: list[Any], save: Callable[[list[Any]], None]) -> None:
        self._items = items
        self._save = save

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._items[index] = value
        self._save(self._items)

    def __delitem__(self, index: Any) -> None:
        del self._items[index]
        self._save(self._items)

    def insert(self, index: int, value: Any) -> None:
        self._items.insert(index, value)
        self._save(self._items)

    def __eq__(self, other: object) -> bool:
        return self._items == (other._items if isinstance(other, ObservedList) else other)

    def __repr__(self) -> str:
        return f"ObservedList({self._items})"
