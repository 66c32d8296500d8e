"""What the worker says to people, in the user's language; the worker itself speaks English."""

import re
from functools import cache

from slicer.i18n import tr as _


def translated(text: str) -> str:
    """A step or a remark of the worker in the user's language.

    Args:
        text: what the worker said; what is not among the sentences here stays as it is, as do
            the reasons of errors.
    """
    for said, wanted in _sentences().items():
        found = _pattern(said).fullmatch(text)
        if found is not None:
            return wanted.format(
                **{gap: translated(word) for gap, word in found.groupdict().items()}
            )
    return text


@cache
def _pattern(said: str) -> re.Pattern[str]:
    """A sentence's own words, with anything in its gaps."""
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(said)))


@cache
def _sentences() -> dict[str, str]:
    """What the worker says, and what the user reads; of those that begin alike the longer first."""
    return {
        "reading": _("reading"),
        "loading the model": _("loading the model"),
        "preparing": _("preparing"),
        "segmenting": _("segmenting"),
        "placing on the image": _("placing on the image"),
        "measuring": _("measuring"),
        "writing": _("writing"),
        "drawing": _("drawing"),
        "embedding bases": _("embedding bases"),
        "embedding crops": _("embedding crops"),
        "sweeping the volume": _("sweeping the volume"),
        "finding places": _("finding places"),
        "finding boxes": _("finding boxes"),
        "comparing orientations": _("comparing orientations"),
        "Memory ran out: continuing with {way}.": _("Memory ran out: continuing with {way}."),
        "windows of {size} voxels on the {device}, summed in half precision": _(
            "windows of {size} voxels on the {device}, summed in half precision"
        ),
        "windows of {size} voxels on the {device}": _("windows of {size} voxels on the {device}"),
        "The device has too little memory: smaller windows are tried by themselves, or choose the "
        "CPU.": _(
            "The device has too little memory: smaller windows are tried by themselves, or choose "
            "the CPU."
        ),
        "The machine has too little memory: close other programs.": _(
            "The machine has too little memory: close other programs."
        ),
        "Choose a region of interest: only it is computed.": _(
            "Choose a region of interest: only it is computed."
        ),
        "An overlap of 0.25 computes fewer windows, at some cost in quality.": _(
            "An overlap of 0.25 computes fewer windows, at some cost in quality."
        ),
        "The model {model} has no projector: the pooled features of its encoder are compared, "
        "which were not trained to tell overlaps.": _(
            "The model {model} has no projector: the pooled features of its encoder are compared, "
            "which were not trained to tell overlaps."
        ),
        "The model {model} was trained with {trained} bases, not {counts}.": _(
            "The model {model} was trained with {trained} bases, not {counts}."
        ),
        "The bases cover the middle {share} of the body's box.": _(
            "The bases cover the middle {share} of the body's box."
        ),
        "It does not look like the volumes that {model} was trained on (similarity {similarity}): "
        "another region of the body, or a part of theirs.": _(
            "It does not look like the volumes that {model} was trained on (similarity "
            "{similarity}): another region of the body, or a part of theirs."
        ),
        "It does not look like {region} as {model} knows it (similarity {similarity}): another "
        "region of the body, or a part of it.": _(
            "It does not look like {region} as {model} knows it (similarity {similarity}): another "
            "region of the body, or a part of it."
        ),
        "It looks like {region}, as in the volumes that {model} was trained on (similarity "
        "{similarity}).": _(
            "It looks like {region}, as in the volumes that {model} was trained on (similarity "
            "{similarity})."
        ),
        "It looks like the volumes that {model} was trained on (similarity {similarity}).": _(
            "It looks like the volumes that {model} was trained on (similarity {similarity})."
        ),
        "How it lies cannot be told.": _("How it lies cannot be told."),
        "Nothing contradicts how it is stated to lie.": _(
            "Nothing contradicts how it is stated to lie."
        ),
        "It lies as stated.": _("It lies as stated."),
        "Its axes look exchanged: those stated as R, A, S run to {axes}.": _(
            "Its axes look exchanged: those stated as R, A, S run to {axes}."
        ),
        "It looks {turned}.": _("It looks {turned}."),
        "Cannot tell: {sides}.": _("Cannot tell: {sides}."),
        "upside down": _("upside down"),
        "flipped left-right": _("flipped left-right"),
        "flipped front-back": _("flipped front-back"),
    }
