"""How far a job is, and what went wrong, from the files in its folder."""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from slicer.i18n import tr as _

from VoCoSlicerLib.training.job_files import CONFIG, LOG, LOGS, Plan, State
from VoCoSlicerLib.training.records import last_row

Phase = Literal["running", "stopping", "stopped", "finished", "failed"]

TAIL = 1 << 16
"""Bytes of the log that are looked at."""

STEPS = re.compile(r"^optimisation:\n(?:[ ].*\n)*?  steps: (\d+)$", re.MULTILINE)
"""The steps of a whole run in its ``config.yaml``; Slicer has no reader for YAML."""


@dataclass(frozen=True)
class Standing:
    """How a job stands.

    Attributes:
        phase: running, stopping, stopped, finished or failed.
        what: The step at hand, for people; empty where none is.
        done: Of ``total``: volumes of a cache, or steps of a training.
        total: 0 where it is not known yet.
        seconds_left: Of the step at hand; None where it is not known.
        sentence: What went wrong and what to do; empty unless it failed.
    """

    phase: Phase
    what: str = ""
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    sentence: str = ""

    @property
    def is_alive(self) -> bool:
        """Whether a process works on it."""
        return self.phase in ("running", "stopping")


def progress(folder: Path, plan: Plan, state: State | None, phase: Phase) -> Standing:
    """How far a job at work is."""
    if state is None or state.step >= len(plan.steps):
        return Standing(phase, _("Starting"))
    if not plan.steps[state.step].trains:
        done, total = _of_cache(_said(folder, state))
        return Standing(phase, _("Preparing the volumes"), done, total)
    if plan.finishing:
        return Standing(phase, _("Making the model"))
    row = last_row(folder / LOGS / "training.csv")
    step, seconds = row.get("step", math.nan), row.get("seconds", math.nan)
    total = total_steps(folder)
    if not total or not math.isfinite(step + seconds) or step < 1:
        return Standing(phase, _("Preparing the training"), 0, total)
    return Standing(phase, _("Training"), round(step), total, seconds / step * (total - step))


def total_steps(run: Path) -> int:
    """The steps of a whole run, from its options; 0 before they are there."""
    try:
        found = STEPS.search((run / CONFIG).read_text(encoding="utf-8"))
    except OSError:
        return 0
    return int(found[1]) if found else 0


def failure(folder: Path, state: State | None) -> str:
    """What went wrong in a job that has ended, and what to do, in one sentence."""
    said = _said(folder, state)
    if "out of memory" in said or "OutOfMemoryError" in said or "MemoryError" in said:
        return _("Memory ran out: add --compute.at_once 1 to the options, or take another device.")
    if state is None:
        return _missing(said) or _("The job could not begin: {line}").format(line=_last_line(said))
    code = state.exit_code
    if code is None:
        return _(
            "The job ended without a word, as when the machine was switched off: resume it to go "
            "on from the last checkpoint."
        )
    if code == 2:
        sentences = [line for line in said.splitlines() if line.startswith("voco: ")]
        if sentences:
            return sentences[-1].removeprefix("voco: ")
    if code < 0 or code in (137, 143):
        return _(
            "The job was ended from outside, most often since memory ran out: close other "
            "programs and resume it."
        )
    return _missing(said) or _("voco3d failed ({line}): the log says more.").format(
        line=_last_line(said)
    )


def _missing(said: str) -> str | None:
    found = re.search(r"No module named '?([\w.]+)", said)
    if found is None:
        return None
    return _("The chosen Python lacks {name}: check the compute environment.").format(
        name=found[1].split(".")[0]
    )


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else _("it said nothing")


def _said(folder: Path, state: State | None) -> str:
    """The end of what the commands have said since the last start."""
    try:
        with (folder / LOG).open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(0 if state is None else state.log_start, end - TAIL))
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


def _of_cache(said: str) -> tuple[int, int]:
    for line in reversed(said.splitlines()):
        if line.startswith("{"):
            try:
                told = json.loads(line)
                return int(told["done"]), int(told["total"])
            except (ValueError, KeyError, TypeError):
                continue
    return 0, 0
