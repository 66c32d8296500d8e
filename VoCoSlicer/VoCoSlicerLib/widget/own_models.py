"""The models that the user pointed at, kept from session to session."""

import json
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.models.entry import ModelEntry

SETTING = "VoCo/models"


def own_models() -> list[ModelEntry]:
    """The user's models, in the order they were added; one that is gone has a fault."""
    entries = []
    for values in json.loads(slicer.util.settingsValue(SETTING, "[]")):
        entry = ModelEntry.from_json(values)
        if not Path(entry.key).exists():
            gone = _("It is no longer where it was: add it again from its new place.")
            entry = ModelEntry.from_json({**values, "fault": gone})
        entries.append(entry)
    return entries


def keep(entry: ModelEntry) -> None:
    """Add a model, or renew what is known of it."""
    _write([*(e for e in own_models() if e.key != entry.key), entry])


def forget(key: str) -> None:
    """Take a model off the list; its files stay."""
    _write([entry for entry in own_models() if entry.key != key])


def _write(entries: list[ModelEntry]) -> None:
    qt.QSettings().setValue(SETTING, json.dumps([entry.to_json() for entry in entries]))
