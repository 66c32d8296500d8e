"""Dice of fine-tuning runs against the number of labelled cases, by what they started from."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from voco3d.compare.results import RunResult
from voco3d.compare.table import dice_by_seed, gain_by_seed
from voco3d.figures.style import FAINT, PREDICTED, REFERENCE, TRUE, new_figure, styled

COLOURS = (PREDICTED, TRUE, REFERENCE, "#cc79a7", "#56b4e9", "#d55e00")
"""Of Okabe and Ito: colour-blind people can tell them apart."""
MARKERS = "os^Dvp"
APART = 0.022
"""Share of the axis by which neighbouring initialisations are set apart, so that none hides."""

LEGEND_COLUMNS = 6

Look = dict[str, Any]
Values = Mapping[int, Sequence[float]]


def draw_comparison(
    results: Sequence[RunResult], initialisations: Sequence[str], baseline: str | None
) -> Figure:
    """Mean Dice and, where there is a baseline, the gains over it; each seed is a small dot.

    Args:
        results: The finished runs.
        initialisations: Names in the order of the legend.
        baseline: The initialisation with random weights.
    """
    counts = sorted({result.run.labels for result in results})
    others = [name for name in initialisations if name != baseline]
    looks = {name: _look(index) for index, name in enumerate(others)}
    if baseline is not None:
        looks = {baseline: {"color": FAINT, "marker": "o", "linestyle": "--"}, **looks}
    dice = {
        name: {n: [100 * d for d in dice_by_seed(results, name, n).values()] for n in counts}
        for name in initialisations
    }
    with styled():
        gains = baseline is not None and bool(others)
        figure = new_figure(10.4 if gains else 5.6, 4.0)
        panels = figure.subplots(1, 1 + gains, squeeze=False)[0]
        panels[0].set_title("Mean Dice (%)")
        draw_spread(panels[0], dice, looks)
        if baseline is not None and others:
            panels[1].set_title(f"Gain over {baseline} (Dice points, paired by seed)")
            panels[1].axhline(0, color=FAINT, linestyle="--", linewidth=1.4)
            gain = {
                name: {n: [*gain_by_seed(results, name, baseline, n).values()] for n in counts}
                for name in others
            }
            draw_spread(panels[1], gain, looks)
            panels[1].yaxis.set_major_formatter(FuncFormatter(lambda y, _: signed(y)))
        for axes in panels:
            label_axis(axes, counts)
        note = "large: mean over the seeds, small: each seed"
        figure.supxlabel(note, x=0.995, ha="right", fontsize=8, color=FAINT)
        handles, labels = panels[0].get_legend_handles_labels()
        rows = math.ceil(len(labels) / LEGEND_COLUMNS)
        columns = math.ceil(len(labels) / rows)
        figure.legend(handles, labels, loc="outside upper left", ncols=columns, handlelength=2.6)
        return figure


def draw_spread(axes: Axes, table: Mapping[str, Values], looks: Mapping[str, Look]) -> None:
    """A line through the means of each initialisation, and a small dot for each of several values.

    Args:
        axes: To draw on; x becomes logarithmic.
        table: Values by number of labelled cases, by initialisation.
        looks: How each is drawn, in the order in which they stand side by side.
    """
    counts = sorted({n for values in table.values() for n in values})
    reach = math.log(max(counts) / min(counts)) or 1.0
    axes.set_xscale("log")
    for place, (name, look) in enumerate(looks.items()):
        aside = math.exp((place - (len(looks) - 1) / 2) * APART * reach)
        known = {n: ys for n, ys in table.get(name, {}).items() if ys}
        means = [sum(ys) / len(ys) for ys in known.values()]
        edge: Look = {"markeredgecolor": "white", "markeredgewidth": 0.9}
        axes.plot([n * aside for n in known], means, **look, **edge, markersize=8, label=name)
        dots = [(n * aside, y) for n, ys in known.items() if len(ys) > 1 for y in ys]
        seeds: Look = {**look, **edge, "linestyle": "none", "markersize": 4, "markeredgewidth": 0.6}
        axes.plot([x for x, _ in dots], [y for _, y in dots], **seeds, zorder=3)
    axes.set_xlim(min(counts) * math.exp(-0.1 * reach), max(counts) * math.exp(0.1 * reach))
    axes.margins(y=0.1)


def signed(value: float) -> str:
    """A number with its sign, as typesetters write it; 0 has none."""
    return f"{value:+g}".replace("-", "\N{MINUS SIGN}") if value else "0"


def label_axis(axes: Axes, counts: Sequence[int]) -> None:
    """Tick the numbers of labelled cases that there are, and no others."""
    axes.set_xlabel("labelled training cases")
    axes.xaxis.set_major_locator(FixedLocator(list(counts)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    axes.grid(visible=False, axis="x")


def _look(index: int) -> Look:
    return {
        "color": COLOURS[index % len(COLOURS)],
        "marker": MARKERS[index % len(MARKERS)],
        "linestyle": ("-", ":")[index // len(COLOURS) % 2],
    }
