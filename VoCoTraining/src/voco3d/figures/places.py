"""Places and boxes of one volume, and the same in another, as cuts with crosshairs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from scipy.spatial import ConvexHull

from voco3d.figures.positions import PLANES, Plane, show_cut
from voco3d.figures.style import FAINT, PREDICTED, REFERENCE, TRUE, new_figure, styled
from voco3d.positions.crops import CropVolume
from voco3d.positions.finding import FoundPlace, PlaceFinder
from voco3d.positions.results import Point

Floats = npt.NDArray[np.float64]

SHOWN = 4
"""Places that a figure shows at most."""
GAP = 6.0
"""Half the side, in mm, of the square around a place that its crosshair leaves free."""


def draw_places(finder: PlaceFinder, found: Sequence[FoundPlace]) -> Figure:
    """Two rows a place: three cuts through it in the source, and three in the target.

    All cuts have one scale.

    Args:
        finder: The two volumes.
        found: The places, at least one; the first ``SHOWN`` are drawn.
    """
    shown = found[:SHOWN]
    sides = np.max([_sides(volume) for volume in (finder.source, finder.target)], axis=0)
    widths = [float(sides[plane.across]) for plane in PLANES]
    height = float(max(sides[plane.up] for plane in PLANES))
    unit = 7.6 / sum(widths)
    with styled():
        figure = new_figure(8.6, 0.4 + 2 * len(shown) * (unit * height + 0.6))
        rows = figure.subplots(2 * len(shown), 3, width_ratios=widths, squeeze=False)
        for number, place in enumerate(shown):
            for cut, other, plane in zip(*rows[2 * number : 2 * number + 2], PLANES, strict=True):
                draw_place(cut, finder.source, place.asked, plane, TRUE, sides)
                draw_place(other, finder.target, place.place, plane, PREDICTED, sides)
                _mark(other, finder.target, place.relative, plane)
                if place.box is not None:
                    asked = np.add(place.box, np.subtract(place.asked, place.place))
                    draw_box(cut, finder.source, asked, plane, TRUE)
                    draw_box(other, finder.target, np.array(place.box), plane, PREDICTED)
            _say(rows[2 * number, 0], "Source", place.asked)
            _say(rows[2 * number + 1, 0], "Target", place.place)
            alike = f"similarity {place.similarity:.2f}"
            _above(rows[2 * number + 1, 2], alike, x=1, ha="right", color=FAINT)
        handles = [rows[0, 0].collections[0], rows[1, 0].collections[0], rows[1, 0].lines[0]]
        labels = ["the place", "the place found", "same share of the body's box"]
        figure.legend(handles, labels, loc="outside upper right", ncols=3)
        if len(found) > len(shown):
            note = f"the first {len(shown)} of {len(found)} places"
            figure.supxlabel(note, x=0.995, ha="right", fontsize=8, color=FAINT)
        return figure


def draw_place(
    axes: Axes, volume: CropVolume, place: Point, plane: Plane, colour: str, sides: Floats
) -> None:
    """A cut through a place, a crosshair, and the outline of the crop around it.

    Args:
        axes: Data coordinates are mm from the volume's first corner.
        volume: Where the place is.
        place: RAS mm.
        plane: The cut.
        colour: Of crosshair and outline.
        sides: What is shown, in mm along x, y and z, with the volume in the middle.
    """
    voxels = volume.frame.to_voxels(place)
    show_cut(axes, volume, plane, int(voxels[plane.through]))
    _frame(axes, plane, sides)
    i, j = plane.across, plane.up
    x, y = (voxels * volume.frame.spacing)[[i, j]]
    (right, left), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    lines = [
        [(left, y), (x - GAP, y)],
        [(x + GAP, y), (right, y)],
        [(x, bottom), (x, y - GAP)],
        [(x, y + GAP), (x, top)],
    ]
    axes.add_collection(LineCollection(lines, colors=colour, linewidths=1.1))
    start = volume.starts_at([place])[0] * volume.frame.spacing
    crop = np.array(volume.grid.crop) * volume.frame.spacing
    axes.add_patch(
        Rectangle(
            (start[i], start[j]),
            crop[i],
            crop[j],
            fill=False,
            edgecolor=colour,
            linewidth=0.9,
            linestyle=(0, (3, 2)),
        )
    )


def draw_box(axes: Axes, volume: CropVolume, corners: Floats, plane: Plane, colour: str) -> None:
    """The outline of a box as it is seen through the cuts of a plane.

    Args:
        axes: Data coordinates are mm from the volume's first corner.
        volume: Where the box is.
        corners: RAS mm ``(8, 3)``.
        plane: The cut.
        colour: Of the outline.
    """
    seen = volume.frame.to_voxels(corners) * volume.frame.spacing
    seen = seen[:, [plane.across, plane.up]]
    outline = seen[ConvexHull(seen).vertices]
    axes.add_patch(Polygon(outline, fill=False, edgecolor=colour, linewidth=1.4))


def _mark(axes: Axes, volume: CropVolume, place: Point, plane: Plane) -> None:
    x, y = (volume.frame.to_voxels(place) * volume.frame.spacing)[[plane.across, plane.up]]
    look: dict[str, Any] = {"markersize": 6, "markerfacecolor": "none", "markeredgewidth": 1.4}
    axes.plot(x, y, "D", color=REFERENCE, linestyle="none", **look)


def _frame(axes: Axes, plane: Plane, sides: Floats) -> None:
    """Show as many mm as the larger of the two volumes has, with the cut in the middle."""
    (right, left), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    x, y = sides[plane.across] / 2, sides[plane.up] / 2
    axes.set_xlim((left + right) / 2 + x, (left + right) / 2 - x)
    axes.set_ylim((bottom + top) / 2 - y, (bottom + top) / 2 + y)
    axes.set_facecolor("black")
    axes.set_anchor("N")


def _say(axes: Axes, which: str, place: Point) -> None:
    """Which volume this is, and the place in it."""
    r, a, s = place
    _above(axes, which, weight="bold")
    _above(axes, f"R {r:.0f}, A {a:.0f}, S {s:.0f} mm", right=48, color=FAINT)


def _above(axes: Axes, text: str, x: float = 0, right: float = 0, **look: Any) -> None:
    axes.annotate(
        text,
        (x, 1),
        xycoords="axes fraction",
        xytext=(right, 17),
        textcoords="offset points",
        **look,
    )


def _sides(volume: CropVolume) -> Floats:
    return np.array(volume.grid.size) * volume.frame.spacing
