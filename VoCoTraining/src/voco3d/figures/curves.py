"""Curves of a run over its steps."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogFormatter, MaxNLocator, PercentFormatter

from voco3d.figures.style import (
    FAINT,
    PREDICTED,
    REFERENCE,
    legend_above,
    new_figure,
    styled,
)
from voco3d.training.record import Row, column

Values = npt.NDArray[np.float64]
SMOOTH_FROM = 100
"""Rows from which on a curve is drawn pale, with its running mean over it."""


def draw_losses(training: Sequence[Row], probes: Sequence[Row]) -> Figure:
    """L_pred and L_reg, apart: in training, and on the probe."""
    with styled():
        figure = new_figure(10.4, 3.0)
        for axes, name, title in zip(
            figure.subplots(1, 2),
            ("prediction", "regularisation"),
            (r"Prediction loss $L_\mathrm{pred}$", r"Regularisation loss $L_\mathrm{reg}$"),
            strict=True,
        ):
            axes.set_title(title)
            draw_noisy(axes, training, name, PREDICTED, "training crops")
            draw_probes(axes, probes, name, REFERENCE, "validation probe")
            axes.set_ylim(bottom=0)
            legend_above(axes)
            step_axis(axes)
        return figure


def draw_accuracy(probes: Sequence[Row]) -> Figure:
    """Position accuracy on the probe beside chance and the untrained network."""
    with styled():
        figure = new_figure(5.1, 3.2)
        axes = figure.subplots()
        axes.set_title("Position accuracy (top-1 base)")
        draw_probes(axes, probes, "top1", PREDICTED, "own bases")
        draw_probes(axes, probes, "reference_top1", REFERENCE, "reference bases")
        level(axes, probes[-1]["untrained"], "untrained", ":")
        level(axes, probes[-1]["chance"], "chance", "--")
        axes.set_ylim(0, 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        legend_above(axes)
        step_axis(axes)
        return figure


def draw_overlap_error(probes: Sequence[Row]) -> Figure:
    """The mean absolute overlap error beside that of the best constant prediction."""
    with styled():
        figure = new_figure(5.1, 3.2)
        axes = figure.subplots()
        axes.set_title("Mean absolute overlap error")
        draw_probes(axes, probes, "overlap_error", PREDICTED, "own bases")
        draw_probes(axes, probes, "reference_overlap_error", REFERENCE, "reference bases")
        level(axes, probes[-1]["chance"], "always 0", "--")
        axes.set_ylim(bottom=0)
        legend_above(axes)
        step_axis(axes)
        return figure


def draw_spread(probes: Sequence[Row]) -> Figure:
    """How far the embeddings spread: effective rank and standard deviation."""
    with styled():
        figure = new_figure(10.4, 3.0)
        rank, deviation = figure.subplots(1, 2)
        rank.set_title("Effective rank of the embeddings")
        draw_probes(rank, probes, "effective_rank", PREDICTED, "probe")
        level(rank, 1.0, "collapsed", "--")
        deviation.set_title("Mean standard deviation a channel")
        draw_probes(deviation, probes, "deviation", PREDICTED, "probe")
        level(deviation, probes[-1]["channels"] ** -0.5, "anywhere on the sphere", ":")
        for axes in (rank, deviation):
            axes.set_ylim(bottom=0)
            legend_above(axes)
            step_axis(axes)
        return figure


def draw_optimisation(training: Sequence[Row]) -> Figure:
    """Gradient norm and learning rate."""
    with styled():
        figure = new_figure(10.4, 2.7)
        gradient, rate = figure.subplots(1, 2)
        gradient.set_title("Gradient norm")
        draw_noisy(gradient, training, "gradient_norm", PREDICTED)
        if (column(training, "gradient_norm") > 0).any():
            gradient.set_yscale("log")
            for axis in (gradient.yaxis.set_major_formatter, gradient.yaxis.set_minor_formatter):
                axis(LogFormatter(minor_thresholds=(1.5, 0.5)))
        rate.set_title("Learning rate")
        rate.plot(column(training, "step"), column(training, "learning_rate"), color=PREDICTED)
        rate.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.2g}"))
        rate.set_ylim(bottom=0)
        for axes in (gradient, rate):
            step_axis(axes)
        return figure


def draw_pace(training: Sequence[Row]) -> Figure:
    """Volumes a second, and the share of time spent waiting for data."""
    with styled():
        figure = new_figure(10.4, 2.7)
        pace, waiting = figure.subplots(1, 2)
        pace.set_title("Volumes a second")
        draw_noisy(pace, training, "volumes_per_second", PREDICTED)
        pace.set_ylim(bottom=0)
        waiting.set_title("Time spent waiting for data")
        draw_noisy(waiting, training, "waiting_share", PREDICTED)
        waiting.set_ylim(0, 1)
        waiting.yaxis.set_major_formatter(PercentFormatter(1.0))
        for axes in (pace, waiting):
            step_axis(axes)
        return figure


def draw_noisy(
    axes: Axes, rows: Sequence[Row], name: str, colour: str, label: str | None = None
) -> None:
    """A curve of the training record; many rows are drawn pale under their running mean."""
    steps, values = column(rows, "step"), column(rows, name)
    many = len(values) >= SMOOTH_FROM
    axes.plot(
        steps,
        values,
        color=colour,
        alpha=0.3 if many else 1.0,
        linewidth=1.0 if many else None,
        label=None if many else label,
    )
    if many:
        axes.plot(steps, running_mean(values, len(values) // 50), color=colour, label=label)


def draw_probes(axes: Axes, rows: Sequence[Row], name: str, colour: str, label: str) -> None:
    """A curve of the probe's record, with a dot for each of a few probes."""
    marker = "o" if len(rows) <= 40 else None
    axes.plot(column(rows, "step"), column(rows, name), color=colour, marker=marker, label=label)


def level(axes: Axes, value: float, label: str, style: str) -> None:
    """A horizontal line to compare with, where its value is known."""
    if np.isfinite(value):
        axes.axhline(value, color=FAINT, linestyle=style, linewidth=1.4, label=label)


def running_mean(values: Values, reach: int) -> Values:
    """The mean of each value and ``reach`` neighbours on either side, as far as there are any."""
    kernel = np.ones(2 * reach + 1)
    inside = np.convolve(np.ones(len(values)), kernel, mode="full")[reach : reach + len(values)]
    total = np.convolve(values, kernel, mode="full")[reach : reach + len(values)]
    return total / inside


def step_axis(axes: Axes) -> None:
    """Whole steps along x, as 20k where there are thousands."""
    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda step, _: f"{step / 1000:g}k" if step >= 10_000 else f"{step:g}")
    )
    axes.grid(visible=False, axis="x")
