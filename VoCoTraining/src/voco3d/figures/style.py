"""How all figures look: one font, one unit, colours that colour-blind people can tell apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

TRUE, PREDICTED, REFERENCE = "#e69f00", "#0072b2", "#009e73"
"""What is true, what the network says, and what it says against the reference bases."""
INK, FAINT, GRID = "#2b2f36", "#7a828e", "#e8eaee"

SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlepad": 10,
    "axes.labelsize": 9,
    "axes.labelcolor": FAINT,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "lines.linewidth": 1.8,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.handlelength": 1.6,
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw with the style of all figures inside the block, and leave matplotlib as it was."""
    with mpl.rc_context(SETTINGS):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure; one unit is 100 pixels on a page."""
    layout = ConstrainedLayoutEngine(wspace=0.05)
    figure = Figure(figsize=(width, height), layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def to_png(figure: Figure) -> bytes:
    """The figure as a PNG, at twice the pixels of the page."""
    file = BytesIO()
    figure.savefig(file, format="png", dpi=200)
    return file.getvalue()


def legend_above(axes: Axes) -> None:
    """Put the legend between the title and the curves, where it covers nothing."""
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=len(labels),
        borderaxespad=0,
        columnspacing=1.4,
    )
    axes.set_title(axes.get_title(loc="left"), loc="left", pad=26)
