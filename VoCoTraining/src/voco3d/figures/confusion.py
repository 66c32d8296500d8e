"""Which categories are taken for which."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
import numpy.typing as npt
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from voco3d.figures.style import FAINT, GRID, INK, PREDICTED, new_figure, styled

SHADES = LinearSegmentedColormap.from_list("shades", [GRID, PREDICTED])
LINE = 14
"""Letters of a category's name on a line."""


def draw_confusion(counts: npt.NDArray[np.integer], categories: Sequence[str]) -> Figure:
    """A confusion matrix, shaded by the share of each row.

    Args:
        counts: How many cases of each category (row) were taken for which (column).
        categories: Their names.
    """
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    side = len(categories)
    with styled():
        figure = new_figure(1.6 + 1.1 * side, 1.3 + 0.8 * side)
        axes = figure.subplots()
        axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1, interpolation="nearest", aspect="auto")
        axes.set_title("Confusion matrix")
        names = [fill(name, LINE) for name in categories]
        axes.set_xticks(range(side), names)
        axes.set_yticks(
            range(side), [f"{n}\n({t})" for n, t in zip(names, totals[:, 0], strict=True)]
        )
        axes.set_ylabel("reference (cases)")
        axes.set_xlabel("predicted")
        axes.grid(visible=False)
        axes.tick_params(length=0, labelcolor=INK)
        axes.spines[:].set_visible(False)
        axes.set_xticks(np.arange(1, side) - 0.5, minor=True)
        axes.set_yticks(np.arange(1, side) - 0.5, minor=True)
        axes.tick_params(which="minor", length=0)
        axes.grid(which="minor", color="white", linewidth=3)
        for (row, column), count in np.ndenumerate(counts):
            light = shares[row, column] > 0.55
            text = f"{count}\n{shares[row, column]:.0%}" if totals[row, 0] else "no case"
            colour = "white" if light else INK if totals[row, 0] else FAINT
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8.5)
        return figure
