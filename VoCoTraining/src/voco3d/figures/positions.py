"""Crops in a volume, what is predicted of them, and where the predictions are wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from voco3d.figures.examples import HALO, draw_overlaps
from voco3d.figures.sides import show_sides
from voco3d.figures.similarity import draw_similarity
from voco3d.figures.style import FAINT, PREDICTED, TRUE, new_figure, styled, to_png
from voco3d.positions.crops import CropVolume
from voco3d.positions.opened import OpenVolume
from voco3d.positions.results import CropPosition
from voco3d.positions.sweep import Sweep
from voco3d.progress import Progress, silent

Floats = npt.NDArray[np.float64]

ROWS = 8
"""Crops that a figure shows at most."""
LAYERS = 4
"""Layers of a sweep that a figure shows at most."""


def _error_colours() -> ListedColormap:
    """From nothing at all to a strong red: where the error is small the picture shows."""
    light, dark = np.array(to_rgb(TRUE)), np.array(to_rgb("#b3001b"))
    steps = np.linspace(0, 1, 128)[:, None]
    return ListedColormap(np.hstack([light + (dark - light) * steps, 0.9 * steps**0.7]))


ERRORS = _error_colours()


@dataclass(frozen=True)
class Plane:
    """A way to cut a volume for people.

    Attributes:
        name: Of the cut.
        across: The volume's axis that runs from left to right.
        up: The axis that runs upwards.
        through: The axis that the cut is perpendicular to.
        letters: What lies left, right, below and above in the picture.
    """

    name: str
    across: int
    up: int
    through: int
    letters: tuple[str, str, str, str]


PLANES = (
    Plane("Axial", 0, 1, 2, ("R", "L", "P", "A")),
    Plane("Coronal", 0, 2, 1, ("R", "L", "I", "S")),
    Plane("Sagittal", 1, 2, 0, ("A", "P", "I", "S")),
)
"""As radiologists look at them. The volume's axes run to R, A and S: the axis across is mirrored
in the axial and coronal cut, and so is the sagittal one, where anterior is left."""


def pictures(
    volume: OpenVolume,
    crops: Sequence[CropPosition],
    sweep: Sweep | None,
    progress: Progress = silent,
) -> dict[str, bytes]:
    """All figures as PNGs, by file name.

    Args:
        volume: Where the crops lie.
        crops: At least one.
        sweep: Crops all over the volume; None for no error map.
        progress: Told before every figure; an exception from it stops the work.
    """
    figures: dict[str, Callable[[], Figure]] = {
        "crops.png": partial(draw_positions, volume, crops),
        "similarity.png": partial(_draw_bases, volume),
    }
    if sweep is not None:
        figures["errors.png"] = partial(draw_errors, volume, sweep)
    drawn: dict[str, bytes] = {}
    for name, draw in figures.items():
        progress(len(drawn), len(figures), "drawing")
        drawn[name] = to_png(draw())
    return drawn


def _draw_bases(volume: OpenVolume) -> Figure:
    matrix = np.array(volume.bases.similarity, dtype=np.float32)
    source = "the volume's own" if volume.bases.source == "own" else "the model's reference"
    title = f"Similarity of {source} bases (L_reg {volume.bases.regularisation:.3f})"
    return draw_similarity({title: matrix}, "cosine similarity")


def draw_positions(volume: OpenVolume, crops: Sequence[CropPosition]) -> Figure:
    """A row a crop: three cuts with the bases, the crop and the predicted place, and its overlaps.

    Args:
        volume: Where the crops lie.
        crops: The crops; the first ``ROWS`` are shown.
    """
    shown = crops[:ROWS]
    sides = np.array(volume.grid.size) * volume.frame.spacing
    widths = [float(sides[plane.across]) for plane in PLANES]
    heights = [float(sides[plane.up]) for plane in PLANES]
    unit = 6.2 / sum(widths)
    row_height = max(2.4, unit * max(heights) + 0.5)
    with styled():
        figure = new_figure(6.4 + 4.4, 0.45 + row_height * len(shown))
        ratios = [*widths, 4.0 / unit]
        rows = figure.subplots(len(shown), 4, width_ratios=ratios, squeeze=False)
        for number, (row, crop) in enumerate(zip(rows, shown, strict=True), start=1):
            for axes, plane in zip(row[:3], PLANES, strict=True):
                draw_cut(axes, volume, crop, plane)
                axes.set_anchor("N")
            row[0].text(0, 1.08, f"Crop {number}", transform=row[0].transAxes, weight="bold")
            draw_overlaps(
                row[3],
                np.array(crop.overlaps, dtype=np.float32),
                np.array(crop.predicted, dtype=np.float32),
            )
            row[3].text(
                1, 1.04, _distance(crop), transform=row[3].transAxes, ha="right", color=FAINT
            )
        handles, labels = rows[0, 3].get_legend_handles_labels()
        for place in [line for axes in rows[:, 0] for line in axes.lines][:1]:
            handles, labels = [*handles, place], [*labels, "predicted place"]
        figure.legend(handles, labels, loc="outside upper right", ncols=3)
        if len(crops) > len(shown):
            note = f"the first {len(shown)} of {len(crops)} crops"
            figure.supxlabel(note, x=0.995, ha="right", fontsize=8, color=FAINT)
        return figure


def draw_cut(axes: Axes, volume: OpenVolume, crop: CropPosition, plane: Plane) -> None:
    """A cut through a crop's centre; data coordinates are mm from the volume's first corner."""
    spacing = volume.frame.spacing
    centre = volume.frame.to_voxels(crop.centre)
    show_cut(axes, volume, plane, int(centre[plane.through]))
    sides = np.array(volume.grid.crop) * spacing
    i, j = plane.across, plane.up
    for number, (start, box) in enumerate(
        zip(volume.grid.starts(), volume.grid.boxes(), strict=True)
    ):
        if not box[0, plane.through] <= centre[plane.through] < box[1, plane.through]:
            continue
        corner = start * spacing
        place = ((corner[i], corner[j]), sides[i], sides[j])
        share = crop.predicted[number]
        axes.add_patch(Rectangle(*place, facecolor=PREDICTED, edgecolor="none", alpha=0.6 * share))
        axes.add_patch(Rectangle(*place, fill=False, edgecolor="white", linewidth=0.6, alpha=0.7))
        axes.annotate(
            str(number + 1),
            (corner[i] + sides[i], corner[j] + sides[j]),
            xytext=(3, -3),
            textcoords="offset points",
            ha="left",
            va="top",
            fontsize=6.5,
            color="white",
            path_effects=HALO,
        )
    start = centre * spacing - sides / 2
    axes.add_patch(
        Rectangle(
            (start[i], start[j]),
            sides[i],
            sides[j],
            fill=False,
            edgecolor=TRUE,
            linewidth=2,
            gid="crop",
        )
    )
    if crop.place is not None:
        place_mm = volume.frame.to_voxels(crop.place) * spacing
        axes.plot(
            place_mm[i],
            place_mm[j],
            "o",
            color=PREDICTED,
            markersize=6,
            markeredgecolor="white",
            markeredgewidth=1.2,
            linestyle="none",
        )


def draw_errors(volume: OpenVolume, sweep: Sweep) -> Figure:
    """Distance of predicted and true place, mapped: as cells, and as lines from true to predicted.

    Args:
        volume: Where the crops lie.
        sweep: Crops all over it; of many layers some are shown, the uppermost first.
    """
    errors = sweep.errors()
    layers = np.unique(np.rint(np.linspace(0, sweep.shape[2] - 1, LAYERS)).astype(int))[::-1]
    sides = np.array(volume.grid.size) * volume.frame.spacing
    width = 4.6
    height = width * sides[1] / sides[0]
    with styled():
        figure = new_figure(2 * width + 1.4, 0.6 + (height + 0.4) * len(layers))
        rows = figure.subplots(len(layers), 2, squeeze=False)
        for row, layer in zip(rows, layers, strict=True):
            image = draw_layer(row[0], volume, sweep, errors, int(layer))
            draw_arrows(row[1], volume, sweep, int(layer))
        median = np.nanmedian(errors) if np.isfinite(errors).any() else np.nan
        rows[0, 0].set_title(f"Position error by crop centre (median {median:.0f} mm)", pad=18)
        rows[0, 1].set_title("From true to predicted centre", pad=18)
        rows[0, 1].legend(
            loc="lower right",
            bbox_to_anchor=(1.03, 1.05),
            ncols=2,
            columnspacing=1,
            handletextpad=0.2,
        )
        bar = figure.colorbar(image, ax=rows[:, 0].tolist(), shrink=0.85, aspect=30, pad=0.02)
        bar.set_label("mm")
        bar.outline.set_visible(False)
        return figure


def draw_layer(
    axes: Axes, volume: OpenVolume, sweep: Sweep, errors: Floats, layer: int
) -> AxesImage:
    """The errors of one layer of a sweep over the axial cut through it."""
    show_cut(axes, volume, PLANES[0], _through(volume, sweep, layer))
    frame = sweep.frame()
    corner = volume.frame.to_voxels(frame.corner) * volume.frame.spacing
    ends = corner + np.array(sweep.shape) * frame.spacing
    top = np.nanmax(errors) if np.isfinite(errors).any() else 1.0
    image = axes.imshow(
        errors[:, :, layer].T,
        cmap=ERRORS,
        vmin=0,
        vmax=top,
        origin="lower",
        extent=(corner[0], ends[0], corner[1], ends[1]),
        interpolation="nearest",
        zorder=2,
    )
    _limits(axes, volume, PLANES[0])
    if max(sweep.shape[:2]) <= 12:
        for i, j in np.ndindex(*sweep.shape[:2]):
            value = errors[i, j, layer]
            says = "?" if np.isnan(value) else f"{value:.0f}"
            x, y = corner[:2] + (np.array([i, j]) + 0.5) * frame.spacing[:2]
            axes.text(
                x,
                y,
                says,
                ha="center",
                va="center",
                fontsize=7.5,
                color="white",
                path_effects=HALO,
                zorder=3,
            )
    return image


def draw_arrows(axes: Axes, volume: OpenVolume, sweep: Sweep, layer: int) -> None:
    """A dot at each crop's predicted centre, and a line to it from the true one."""
    show_cut(axes, volume, PLANES[0], _through(volume, sweep, layer))
    crops = np.arange(len(sweep.crops)).reshape(sweep.shape)[:, :, layer].ravel()
    spacing = volume.frame.spacing
    lines = [
        volume.frame.to_voxels([crop.centre, crop.place])[:, :2] * spacing[:2]
        for crop in (sweep.crops[index] for index in crops)
        if crop.place is not None
    ]
    axes.add_collection(LineCollection(lines, colors="white", linewidths=1.1, alpha=0.9))
    ends = np.array(lines).reshape(-1, 2, 2)
    look: dict[str, Any] = {"linestyle": "none", "markeredgecolor": "white", "markeredgewidth": 0.6}
    axes.plot(*ends[:, 0].T, "s", color=TRUE, markersize=4.5, label="true centre", **look)
    axes.plot(*ends[:, 1].T, "o", color=PREDICTED, markersize=5, label="predicted", **look)
    _limits(axes, volume, PLANES[0])


def show_cut(axes: Axes, volume: CropVolume, plane: Plane, number: int) -> None:
    """A slice of a volume's first channel; data coordinates are mm from its first corner."""
    array = volume.array[0]
    picture = np.take(array, min(number, array.shape[plane.through] - 1), axis=plane.through)
    sides = np.array(volume.grid.size) * volume.frame.spacing
    low, high = min(0.0, float(array.min())), max(1.0, float(array.max()))
    axes.imshow(
        picture.T,
        cmap="gray",
        vmin=low,
        vmax=high,
        origin="lower",
        extent=(0, sides[plane.across], 0, sides[plane.up]),
        interpolation="bilinear",
    )
    _limits(axes, volume, plane)
    show_sides(axes, plane.letters)


def _limits(axes: Axes, volume: CropVolume, plane: Plane) -> None:
    sides = np.array(volume.grid.size) * volume.frame.spacing
    axes.set_xlim(sides[plane.across], 0)
    axes.set_ylim(0, sides[plane.up])
    axes.set_aspect("equal")


def _through(volume: OpenVolume, sweep: Sweep, layer: int) -> int:
    return int(volume.frame.to_voxels(sweep.crops[layer].centre)[2])


def _distance(crop: CropPosition) -> str:
    return "no place predicted" if crop.distance is None else f"{crop.distance:.0f} mm off"
