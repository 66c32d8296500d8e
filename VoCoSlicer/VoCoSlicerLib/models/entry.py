"""What the window knows of a model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Structure:
    """One class of a model.

    Attributes:
        name: the model's name of it.
        color: red, green and blue, 0 to 255.
    """

    name: str
    color: tuple[int, int, int]


@dataclass(frozen=True)
class ModelEntry:
    """A model that can be chosen.

    Attributes:
        key: what the worker takes and the scene keeps: a name, a folder or a checkpoint file.
        name: the name shown.
        task: what it does, one line.
        description: more about it, empty if unknown.
        data: what it was trained on.
        licence: of its weights.
        results: how well it does, one line, empty if unknown.
        structures: its classes, in label order.
        channels: how many volumes it takes.
        fault: why it cannot segment, or None.
        grid: bases along x, y and z of a model that predicts positions; None for any other.
        reference: whether it has reference bases, to check a volume with.
    """

    key: str
    name: str
    task: str
    description: str = ""
    data: str = ""
    licence: str = ""
    results: str = ""
    structures: tuple[Structure, ...] = ()
    channels: int = 1
    fault: str | None = None
    grid: tuple[int, int, int] | None = None
    reference: bool = False

    @classmethod
    def from_worker(cls, answer: Mapping[str, Any], key: str) -> "ModelEntry":
        """Read the worker's answer to ``model``, asked with ``key``."""
        return cls(
            key=key,
            name=answer["name"],
            task=answer["task"],
            description=answer["description"],
            data=answer["data"],
            licence=answer["licence"],
            results=answer["results"],
            structures=_structures(answer["structures"]),
            channels=answer["channels"],
            fault=answer["fault"],
            grid=_grid(answer["grid"]),
            reference=answer["reference"],
        )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "ModelEntry":
        """Read what ``to_json`` made."""
        read = {
            "structures": _structures(values["structures"]),
            "grid": _grid(values.get("grid")),
        }
        return cls(**{**values, **read})

    def to_json(self) -> dict[str, Any]:
        """The entry as plain data."""
        return asdict(self)


def _structures(entries: list[Mapping[str, Any]]) -> tuple[Structure, ...]:
    return tuple(
        Structure(entry["name"], (entry["color"][0], entry["color"][1], entry["color"][2]))
        for entry in entries
    )


def _grid(counts: Sequence[int] | None) -> tuple[int, int, int] | None:
    return None if counts is None else (counts[0], counts[1], counts[2])
