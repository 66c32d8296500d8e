"""Colours of shares from 0 to 1, and of bases."""

import colorsys

import slicer

from VoCoSlicerLib.scene.texts import tr as _

Colour = tuple[float, float, float]

STOPS: tuple[Colour, ...] = (
    (0.25, 0.25, 0.55),
    (0.15, 0.5, 0.65),
    (0.25, 0.72, 0.45),
    (0.8, 0.85, 0.2),
    (1.0, 0.6, 0.1),
    (1.0, 0.2, 0.15),
)
"""From 0 to 1, evenly apart; all bright enough to be seen on a CT."""

STEPS = 256

TRUE, PREDICTED = (0.35, 0.6, 0.9), (1.0, 0.6, 0.1)
"""Of true and predicted overlaps and places."""

NUMBER = (0.75, 0.87, 1.0)
"""Of the numbers of bases."""

GOLDEN = 0.61803398875
"""Share of the circle between the hues of bases that follow each other."""


def share_colour(share: float) -> Colour:
    """The colour of a share."""
    place = min(max(share, 0.0), 1.0) * (len(STOPS) - 1)
    before = min(int(place), len(STOPS) - 2)
    part = place - before
    red, green, blue = (
        (1 - part) * a + part * b for a, b in zip(STOPS[before], STOPS[before + 1], strict=True)
    )
    return (red, green, blue)


def base_colour(number: int) -> Colour:
    """The colour of a base, from 1."""
    return colorsys.hsv_to_rgb(number * GOLDEN % 1, (0.9, 0.55)[number % 2], 1.0)


def fill_shares(node: slicer.vtkMRMLColorTableNode) -> None:
    """Make a colour node show shares."""
    node.SetTypeToUser()
    node.SetNumberOfColors(STEPS)
    for step in range(STEPS):
        node.SetColor(step, f"{step / (STEPS - 1):.2f}", *share_colour(step / (STEPS - 1)), 1.0)


def fill_bases(node: slicer.vtkMRMLColorTableNode, count: int) -> None:
    """Make a colour node show the numbers of bases; 0 is transparent."""
    node.SetTypeToUser()
    node.SetNumberOfColors(count + 1)
    node.SetColor(0, _("none"), 0.0, 0.0, 0.0, 0.0)
    for number in range(1, count + 1):
        node.SetColor(number, _("base {n}").format(n=number), *base_colour(number), 1.0)
