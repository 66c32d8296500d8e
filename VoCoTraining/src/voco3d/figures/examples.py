"""Where crops lie, and where the network says that they lie: Figure 4 of the paper."""

import numpy as np
import numpy.typing as npt
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from voco3d.figures.sides import show_sides
from voco3d.figures.style import FAINT, PREDICTED, TRUE, new_figure, styled
from voco3d.geometry import BaseGrid
from voco3d.pretraining.monitoring.examples import Examples

Floats = npt.NDArray[np.float32]
ROW_HEIGHT = 2.5
HALO = [patheffects.withStroke(linewidth=2, foreground="black", alpha=0.6)]


def draw_examples(examples: Examples, logits: Floats) -> Figure:
    """A row a crop: its place in the volume, the crop, and its true and predicted overlaps.

    Args:
        examples: The crops.
        logits: Their predicted overlaps ``(volume, base)``.
    """
    with styled():
        count = len(logits)
        figure = new_figure(10.4, ROW_HEIGHT * count)
        rows = figure.subplots(count, 3, width_ratios=(1, 1, 2.4), squeeze=False)
        for row, (place, crop, bars) in enumerate(rows):
            chosen = int(logits[row].argmax())
            draw_place(place, examples.slices[row], examples.grid, examples.starts[row], chosen)
            draw_crop(crop, examples.crops[row])
            draw_overlaps(bars, examples.overlaps[row], logits[row])
        rows[0, 0].set_title("Volume, bases, crop", pad=18)
        rows[0, 1].set_title("Crop", pad=18)
        rows[0, 2].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
        return figure


def draw_place(
    axes: Axes,
    picture: npt.NDArray[np.uint8],
    grid: BaseGrid,
    start: npt.NDArray[np.int64],
    chosen: int,
) -> None:
    """The axial slice with the bases of its layer, the crop's box, and the base chosen.

    Data coordinates are voxels of the volume.

    Args:
        axes: To draw on.
        picture: The slice ``(x, y)``.
        grid: The bases.
        start: The crop's first voxel.
        chosen: The base with the highest predicted overlap.
    """
    show_axial(axes, picture)
    width, depth, height = grid.crop
    layer = (int(start[2]) + height // 2) // height
    for number, (x, y, z) in enumerate(grid.starts()):
        if z // height != layer:
            continue
        axes.add_patch(
            Rectangle((x, y), width, depth, fill=False, edgecolor="white", linewidth=0.6, alpha=0.7)
        )
        axes.annotate(
            str(number + 1),
            (x + width, y + depth),
            xytext=(3, -3),
            textcoords="offset points",
            ha="left",
            va="top",
            fontsize=7,
            color="white",
            path_effects=HALO,
        )
        if number == chosen:
            axes.add_patch(
                Rectangle((x, y), width, depth, facecolor=PREDICTED, edgecolor="none", alpha=0.35)
            )
    x, y, _ = start
    axes.add_patch(
        Rectangle((x, y), width, depth, fill=False, edgecolor=TRUE, linewidth=2, gid="crop")
    )


def draw_crop(axes: Axes, picture: npt.NDArray[np.uint8]) -> None:
    """The crop's own slice ``(x, y)``."""
    show_axial(axes, picture)
    axes.spines[:].set(visible=True, color=TRUE, linewidth=2)


def draw_overlaps(axes: Axes, overlaps: Floats, logits: Floats) -> None:
    """True and predicted overlaps of a crop with every base, both ``(base,)``."""
    numbers = np.arange(1, len(overlaps) + 1)
    axes.bar(numbers, overlaps, width=0.84, color=TRUE, alpha=0.75, label="true overlap y")
    axes.bar(numbers, logits, width=0.42, color=PREDICTED, label="predicted overlap l")
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1])
    axes.set_xticks(numbers[:: max(1, len(numbers) // 16)])
    axes.set_xlabel("base", labelpad=1)
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", length=0)
    chosen, most = int(logits.argmax()), int(overlaps.argmax())
    if overlaps[chosen] == overlaps[most]:
        says, colour = f"✓ base {chosen + 1}", PREDICTED
    else:
        says, colour = f"✗ base {chosen + 1} instead of {most + 1}", FAINT
    axes.text(0, 1.04, says, transform=axes.transAxes, color=colour, weight="bold")


def show_axial(axes: Axes, picture: npt.NDArray[np.uint8]) -> None:
    """Show an axial slice ``(x, y)`` of an RAS volume as radiologists do.

    The patient's right is on the left of the picture and anterior is on top; the sides are
    labelled. Data coordinates are voxels.
    """
    width, depth = picture.shape
    axes.imshow(
        picture.T,
        cmap="gray",
        vmin=0,
        vmax=255,
        origin="lower",
        extent=(0, width, 0, depth),
        interpolation="nearest",
    )
    axes.set_xlim(width, 0)
    axes.set_ylim(0, depth)
    show_sides(axes, "RLPA")
