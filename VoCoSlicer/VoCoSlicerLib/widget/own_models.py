"""The models that the user pointed at, kept from session to session."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.models.entry import ModelEntry

SETTING = "VoCo/models"


def own_models() -> list[ModelEntry]:
    """The user's models, in the order they were added; one that is gone has a fault.

    What cannot be read, from damaged settings or another version, is left out.
    """
    entries = []
    for values in _kept():
        with suppress(TypeError, KeyError, IndexError):
            entry = ModelEntry.from_json(values)
            if not Path(entry.key).exists():
                gone = _("It is no longer where it was: add it again from its new place.")
                entry = replace(entry, fault=gone)
            entries.append(entry)
    return entries


def keep(entry: ModelEntry) -> None:
    """Add a model, or renew what is known of it."""
    _write([*(e for e in own_models() if e.key != entry.key), entry])


def forget(key: str) -> None:
    """Take a model off the list; its files stay."""
    _write([entry for entry in own_models() if entry.key != key])


def _kept() -> list[Any]:
    try:
        kept = json.loads(slicer.util.settingsValue(SETTING, "[]"))
    except ValueError:
        return []
    return kept if isinstance(kept, list) else []


def _write(entries: list[ModelEntry]) -> None:
    qt.QSettings().setValue(SETTING, json.dumps([entry.to_json() for entry in entries]))
