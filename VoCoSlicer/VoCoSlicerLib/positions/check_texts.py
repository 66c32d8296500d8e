"""What a check of a volume says, for people."""

from collections.abc import Mapping
from typing import Any

from VoCoSlicerLib.scene.texts import tr as _

AS_STATED, NOT_AS_STATED = "as stated", "not as stated"
"""Answers of a check; the third one is that it cannot tell."""


def contradicts(check: Mapping[str, Any]) -> bool:
    """Whether the volume lies otherwise than its header says.

    Args:
        check: The worker's answer to ``check``.
    """
    return bool(check["answer"] == NOT_AS_STATED)


def sentence(check: Mapping[str, Any]) -> str:
    """One sentence about a volume; empty where there is nothing useful to say.

    Args:
        check: The worker's answer to ``check``.
    """
    if contradicts(check):
        return _("This volume {looks}: its orientation may be stated wrongly.").format(
            looks=looks(check)
        )
    if not check["known"]:
        return _(
            "{model} does not know this part of the body, so the orientation was not checked."
        ).format(model=check["model"])
    if check["answer"] != AS_STATED:
        return ""
    if "left-right" in check["told"]:
        lies = _("Orientation checked: as stated.")
    else:
        lies = _("Orientation checked: as stated (left and right cannot be told).")
    if check["region"] is None:
        return lies
    return _("Looks like {region}. {lies}").format(region=check["region"], lies=lies)


def question(check: Mapping[str, Any]) -> str:
    """What is asked before a volume is segmented that seems to lie otherwise."""
    return _("This volume {looks}. Segment it all the same?").format(looks=looks(check))


def looks(check: Mapping[str, Any]) -> str:
    """How a volume seems to lie, as in "looks upside down"."""
    wrong = set(check["wrong"])
    if "axes" in wrong:
        return _("looks turned to other axes")
    words = {
        "left-right": _("flipped left to right"),
        "front-back": _("flipped front to back"),
        "head-feet": _("upside down"),
    }
    named = [text for side, text in words.items() if side in wrong]
    return _("looks {flips}").format(flips=_(" and ").join(named))
