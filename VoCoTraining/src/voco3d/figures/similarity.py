"""How alike the bases are, as a matrix."""

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from voco3d.figures.style import INK, new_figure, styled

Floats = npt.NDArray[np.float32]


def draw_similarity(matrices: dict[str, Floats], label: str = "mean cosine similarity") -> Figure:
    """Base-similarity matrices ``(base, base)`` side by side, by title; bases count from 1.

    Args:
        matrices: The matrices.
        label: What the colours mean.
    """
    with styled():
        figure = new_figure(10.4 if len(matrices) > 1 else 6.2, 5.2)
        panels = np.atleast_1d(figure.subplots(1, len(matrices)))
        for axes, (title, matrix) in zip(panels, matrices.items(), strict=True):
            image = axes.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
            axes.set_title(title)
            numbers = np.arange(len(matrix))
            shown = numbers[:: max(1, len(matrix) // 16)]
            axes.set_xticks(shown, [str(number + 1) for number in shown])
            axes.set_yticks(shown, [str(number + 1) for number in shown])
            axes.set_xlabel("base")
            axes.grid(visible=False)
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
            if len(matrix) <= 16:
                _write_values(axes, matrix)
        panels[0].set_ylabel("base")
        bar = figure.colorbar(image, ax=list(panels), shrink=0.85, aspect=30, pad=0.02)
        bar.set_label(label)
        bar.outline.set_visible(False)
        return figure


def _write_values(axes: Axes, matrix: Floats) -> None:
    for (i, j), value in np.ndenumerate(matrix):
        colour = "white" if abs(value) > 0.65 else INK
        rounded = round(float(value), 1) + 0.0  # so that there is no -0.0
        axes.text(j, i, f"{rounded:.1f}", ha="center", va="center", fontsize=6.5, color=colour)
