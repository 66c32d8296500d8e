"""What a new scene starts with: the user's last choices."""

import json
from contextlib import suppress

import qt
import slicer

from VoCoSlicerLib.parameters import Overlap, Parameters
from VoCoSlicerLib.segmenting.segmenter import DEFAULT_MODEL

SETTING = "VoCo/lastChoices"


def remember(parameters: Parameters) -> None:
    """Keep the choices that are not nodes; nothing is written unless one has changed."""
    choices = {
        "model": parameters.model,
        "left_out": list(parameters.left_out),
        "show_in_3d": parameters.show_in_3d,
        "overlap": parameters.overlap.value,
        "small_tiles": parameters.small_tiles,
    }
    text = json.dumps(choices)
    if text != slicer.util.settingsValue(SETTING, ""):
        qt.QSettings().setValue(SETTING, text)


def recall(parameters: Parameters) -> None:
    """Fill in the choices that were kept last."""
    parameters.model = DEFAULT_MODEL
    with suppress(ValueError, KeyError, TypeError):
        choices = json.loads(slicer.util.settingsValue(SETTING, "{}"))
        parameters.left_out = choices["left_out"]
        parameters.show_in_3d = choices["show_in_3d"]
        parameters.overlap = Overlap(choices["overlap"])
        parameters.small_tiles = choices.get("small_tiles", False)
        parameters.model = choices["model"] or DEFAULT_MODEL
