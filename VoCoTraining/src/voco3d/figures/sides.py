"""A slice's axes: no ticks, and the sides of the patient around it."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from voco3d.figures.style import FAINT

PLACES = ((0.0, 0.5), (1.0, 0.5), (0.5, 0.0), (0.5, 1.0))
"""Left, right, below and above, as shares of the axes."""


def show_sides(axes: Axes, letters: Sequence[str]) -> None:
    """Take away ticks and frame, and name the sides.

    Args:
        axes: That show a slice.
        letters: What lies on the left, on the right, below and above.
    """
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    for letter, (x, y) in zip(letters, PLACES, strict=True):
        axes.annotate(
            letter,
            (x, y),
            xycoords="axes fraction",
            xytext=((x - 0.5) * 16, (y - 0.5) * 15),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=8,
            color=FAINT,
        )
