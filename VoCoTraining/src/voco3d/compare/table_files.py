"""The table as CSV, Markdown and a picture."""

import csv
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from voco3d.compare.config import CompareConfig
from voco3d.compare.plan import PlannedRun
from voco3d.compare.results import RunResult
from voco3d.compare.table import Spread, dice_by_seed, gain_by_seed, spread
from voco3d.figures.comparison import draw_comparison
from voco3d.figures.style import to_png
from voco3d.writing import write_aside

TABLE, CSV, PICTURE = "table.md", "table.csv", "table.png"


def write_table(
    out: Path, config: CompareConfig, runs: Sequence[PlannedRun], results: Sequence[RunResult]
) -> None:
    """Write ``table.csv``, ``table.md`` and ``table.png`` into a folder.

    Args:
        out: The folder.
        config: All options.
        runs: All runs of the table.
        results: Of those that are finished, one or more.

    Raises:
        VoCoError: If a file cannot be written.
    """
    write_aside(out / CSV, partial(_write_csv, results=results))
    text = markdown(config, runs, results)
    write_aside(out / TABLE, partial(_write, content=text.encode()))
    picture = to_png(draw_comparison(results, list(config.initialisations), config.baseline))
    write_aside(out / PICTURE, partial(_write, content=picture))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _write_csv(path: Path, results: Sequence[RunResult]) -> None:
    structures = list(dict.fromkeys(name for result in results for name in result.structures))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        names = [f"dice {name}" for name in structures]
        writer.writerow(["initialisation", "labels", "seed", "dice", *names, "minutes", "steps"])
        for result in results:
            run = result.run
            dice = [result.dice, *(result.structures.get(name, math.nan) for name in structures)]
            writer.writerow(
                [
                    run.initialisation,
                    run.labels,
                    run.seed,
                    *("" if math.isnan(value) else f"{value:.4f}" for value in dice),
                    f"{result.minutes:.1f}",
                    result.steps,
                ]
            )


def markdown(
    config: CompareConfig, runs: Sequence[PlannedRun], results: Sequence[RunResult]
) -> str:
    """The table in Markdown: Dice, gains over the baseline, and what was measured."""
    counts = sorted({run.labels for run in runs})
    names, baseline = list(config.initialisations), config.baseline
    lines = ["# Fine-tuning compared", "", f"Dice in %, {EXPLAINED}.", ""]
    lines += _grid(
        counts,
        {
            name: [
                _percent(spread([100 * d for d in dice_by_seed(results, name, n).values()]))
                for n in counts
            ]
            for name in names
        },
    )
    if baseline is not None and len(names) > 1:
        lines += ["", f"Gain over {baseline} in Dice points, seed by seed, {EXPLAINED}.", ""]
        lines += _grid(
            counts,
            {
                name: [
                    _percent(spread([*gain_by_seed(results, name, baseline, n).values()]), "+")
                    for n in counts
                ]
                for name in names
                if name != baseline
            },
        )
    lines += ["", _measured(runs, results)]
    leaks = dict.fromkeys(result.leak for result in results if result.leak)
    lines += [line for leak in leaks for line in ("", f"**Warning:** {leak}.")]
    return "\n".join(lines) + "\n"


EXPLAINED = "mean ± standard deviation over the seeds (number of seeds)"


def _grid(counts: Sequence[int], rows: dict[str, list[str]]) -> list[str]:
    heads = [f"{n} labelled case{'s' if n > 1 else ''}" for n in counts]
    return [
        f"| initialisation | {' | '.join(heads)} |",
        f"| --- |{' ---: |' * len(heads)}",
        *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()),
    ]


def _percent(value: Spread, sign: str = "") -> str:
    if not value.n:
        return "-"
    deviation = "" if math.isnan(value.deviation) else f" ± {value.deviation:.1f}"
    return f"{value.mean:{sign}.1f}{deviation} ({value.n})"


def _measured(runs: Sequence[PlannedRun], results: Sequence[RunResult]) -> str:
    """What the figures were measured on, in words."""
    first = results[0]
    steps = sorted({result.steps for result in results})
    length = f"{steps[0]}" if len(steps) == 1 else f"{steps[0]} to {steps[-1]}"
    structures = ", ".join(first.structures)
    return (
        f"Measured on the {first.cases} {first.part} cases, on the images' own grids: mean over "
        f"the cases of the mean over a case's structures ({structures}). {length} steps a run; "
        f"{len(results)} of {len(runs)} runs are finished."
    )
