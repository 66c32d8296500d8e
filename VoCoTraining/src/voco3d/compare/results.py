"""What came of a run: read from its folder, or written there."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from voco3d.compare.plan import PlannedRun
from voco3d.errors import VoCoError
from voco3d.metrics import Evaluation, write_evaluation
from voco3d.metrics.summary import OVERALL
from voco3d.metrics.tables import JSON
from voco3d.training.checkpoints import newest_checkpoint, read_checkpoint
from voco3d.training.record import read_rows
from voco3d.training.run_folder import CHECKPOINTS

TEST = "test"
"""Folder, in a run's, of its evaluation."""


@dataclass(frozen=True)
class RunResult:
    """A finished run.

    Attributes:
        run: Which one.
        dice: Mean over the cases of the mean over a case's structures, 0..1.
        structures: Mean Dice over the cases by structure; NaN where no case has it.
        cases: How many cases it was judged on.
        part: Part of the data list that they are from.
        leak: Why the initialisation is not known to be new to them; empty if it is.
        minutes: That training took.
        steps: Optimiser steps done.
    """

    run: PlannedRun
    dice: float
    structures: Mapping[str, float]
    cases: int
    part: str
    leak: str
    minutes: float
    steps: int


def write_result(
    folder: Path, run: PlannedRun, evaluation: Evaluation, part: str, leak: str
) -> None:
    """Write a trained run's evaluation into its folder, with what the training took.

    Raises:
        VoCoError: If it cannot be written.
    """
    checkpoint = newest_checkpoint(folder / CHECKPOINTS)
    about = {
        **asdict(run),
        "part": part,
        "leak": leak,
        "minutes": read_rows(folder / "logs" / "training.csv")[-1]["seconds"] / 60,
        "steps": checkpoint and read_checkpoint(checkpoint)["global_step"],
    }
    write_evaluation(folder / TEST, evaluation, about)


def is_finished(folder: Path) -> bool:
    """Whether a run's folder holds its evaluation."""
    return (folder / TEST / JSON).is_file()


def read_result(folder: Path, run: PlannedRun) -> RunResult:
    """Read a finished run.

    Raises:
        VoCoError: If its evaluation is damaged.
    """
    file = folder / TEST / JSON
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        lines = {line["structure"]: line for line in content["summary"]}
        overall = lines.pop(OVERALL)
        return RunResult(
            run,
            _number(overall["dice"]),
            {name: _number(line["dice"]) for name, line in lines.items()},
            int(overall["n"]),
            str(content["part"]),
            str(content["leak"]),
            float(content["minutes"]),
            int(content["steps"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VoCoError(
            f"{file} is damaged: remove it, and `voco compare --resume` judges the run again."
        ) from error


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
