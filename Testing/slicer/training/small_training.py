"""Trainings that take seconds: data, options and the Python to run them in."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from VoCoSlicerLib.training.job_files import read_plan, read_state
from VoCoSlicerLib.training.jobs import Job
from VoCoSlicerLib.training.presets import Preset
from VoCoSlicerLib.training.processes import is_same

STAND_IN = str(Path(__file__).with_name("stand_in"))
"""A package voco3d that only writes what the real one writes."""

MANY = 100_000
"""Steps that no test sees the end of."""


@dataclass(frozen=True)
class ThisPython:
    """The Python of the tests, with the stand-in for voco3d or, without it, the real one."""

    executable: str = sys.executable
    first: str = STAND_IN

    def variables(self) -> dict[str, str]:
        return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": self.first}


REAL = ThisPython(first="")


def finetuning(folder: Path, steps: int = 4, **plan: Any) -> Preset:
    """A preset of the stand-in: steps, the pause of each, and how it ends."""
    return Preset("finetune", _written(folder, {"steps": steps, **plan}), "Small", "")


def pretraining(folder: Path, steps: int = 4, **plan: Any) -> Preset:
    """A preset of the stand-in, with a cache."""
    path = _written(folder, {"steps": steps, **plan})
    return Preset("pretrain", path, "Small", "", ("--size", "32", "32", "16"))


def _written(folder: Path, plan: dict[str, Any]) -> str:
    path = folder / "plan.json"
    path.write_text(json.dumps({"pause": 0.02, **plan}))
    return str(path)


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that comes."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.05)


def end(job: Job) -> None:
    """Kill what is left of a job."""
    if not job.folder.exists():
        return
    plan, state = read_plan(job.folder), read_state(job.folder)
    known = [(plan.pid, plan.began)]
    if state is not None:
        known += [(state.pid, state.began), (state.child, state.child_began)]
    for pid, began in known:
        if is_same(pid, began):
            os.kill(pid, signal.SIGKILL)
