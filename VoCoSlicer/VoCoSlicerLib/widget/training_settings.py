"""What the training panel keeps from session to session."""

import json
from typing import Any

import qt
import slicer

PLACE = "VoCo/{}"


def read(name: str, default: Any) -> Any:
    """A kept value; the default where none of its type is kept."""
    try:
        value = json.loads(slicer.util.settingsValue(PLACE.format(name), ""))
    except ValueError:
        return default
    return value if isinstance(value, type(default)) else default


def keep(name: str, value: Any) -> None:
    """Keep a value of numbers, texts, lists and dictionaries."""
    qt.QSettings().setValue(PLACE.format(name), json.dumps(value))


class RunStore:
    """Folders of runs in Slicer's settings, the ``Store`` of ``KnownRuns``.

    Args:
        name: Of the setting.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def load(self) -> list[str]:
        """The folders that were saved last."""
        return [str(folder) for folder in read(self._name, [])]

    def save(self, folders: list[str]) -> None:
        """Keep these folders in place of the others."""
        keep(self._name, folders)
