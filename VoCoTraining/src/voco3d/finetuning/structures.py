"""Colours and codes of structures that a user has only named."""

import colorsys
from collections.abc import Iterator, Sequence
from contextlib import suppress

from voco3d.errors import VoCoError
from voco3d.finetuning.augmentation import HEART
from voco3d.models import read_model
from voco3d.models.catalogue import bundled_folder
from voco3d.models.folder import is_model_folder
from voco3d.models.structures import ANATOMICAL_STRUCTURE, LEFT, RIGHT, Code, Structure
from voco3d.models.vocomni import STRUCTURES

GOLDEN = 0.61803398875
"""Steps of the golden ratio in hue: neighbours differ, and no number of colours is too many."""

LONGEST = 16
"""Characters of a code's value in DICOM."""


def structures_of(names: Sequence[str]) -> tuple[Structure, ...]:
    """Structures of these names: with the codes of a known one of the same name, or generic."""
    known = {structure.name.casefold(): structure for structure in (*STRUCTURES, *_bundled())}
    return tuple(
        known.get(name.casefold()) or _generic(name, index) for index, name in enumerate(names)
    )


def _bundled() -> Iterator[Structure]:
    """The structures of the bundled models; one that cannot be read lends no codes."""
    for folder in filter(is_model_folder, sorted(bundled_folder().iterdir())):
        with suppress(VoCoError):
            yield from read_model(folder).structures


def _generic(name: str, index: int) -> Structure:
    r, g, b = colorsys.hsv_to_rgb((0.02 + index * GOLDEN) % 1, 0.55, 0.9)
    words = name.casefold().split()
    sides = [side for word, side in (("left", LEFT), ("right", RIGHT)) if word in words]
    code = "".join(word.title() for word in words) or "Structure"
    if len(code) > LONGEST:  # two long names may begin alike
        code = f"{code[: LONGEST - 3]}{index + 1:03}"
    return Structure(
        name,
        (round(255 * r), round(255 * g), round(255 * b)),
        ANATOMICAL_STRUCTURE,
        Code("99VOCO", code, name),
        sides[0] if len(sides) == 1 and not HEART.search(name) else None,
    )
