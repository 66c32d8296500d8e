"""What lies in a job's folder: its plan, how far it is, what it said, and the wish to stop.

Needs nothing but Python's library, since the job reads and writes it without Slicer.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

PLAN, STATE, LOG, STOP = "job.json", "job_state.json", "job.log", "job.stop"
CONFIG, CHECKPOINTS, LOGS, MODEL = "config.yaml", "checkpoints", "logs", "model"
"""What ``voco pretrain`` and ``voco finetune`` write into a run's folder."""

FORMAT = 1
TRIES, PAUSE = 40, 0.05


@dataclass(frozen=True)
class Step:
    """A command of a job.

    Attributes:
        command: Of ``voco``: cache, pretrain or finetune.
        arguments: What follows the command.
    """

    command: str
    arguments: tuple[str, ...]

    @property
    def trains(self) -> bool:
        """Whether the command makes a run, which it can go on with."""
        return self.command != "cache"


@dataclass(frozen=True)
class Plan:
    """What a job is to do; ``job.json``.

    Attributes:
        kind: "pretrain" or "finetune".
        title: What the window calls its preset.
        created: When it was first started, ISO 8601, UTC.
        steps: Its commands.
        attempt: How often it was started.
        pid: The process that the last start made, and when that began.
        began: See ``processes.beginning``.
        finishing: Whether a run that is there is to be made a model of as it is, in place of going
            on with it.
    """

    kind: str
    title: str
    created: str
    steps: tuple[Step, ...]
    attempt: int = 1
    pid: int = 0
    began: str | None = None
    finishing: bool = False


@dataclass(frozen=True)
class State:
    """How far a job is; ``job_state.json``, which the job's process alone writes.

    Attributes:
        attempt: Which start this is of.
        pid: The process that does the steps, and when it began.
        began: See ``processes.beginning``.
        step: Index of the step at hand; the number of steps when all are done.
        log_start: Bytes of the log that are older than this start.
        child: The process of the step at hand, and when it began.
        child_began: See ``processes.beginning``.
        exit_code: Of the last step; None while it runs.
        stopping: Whether the step was told to stop.
    """

    attempt: int
    pid: int
    began: str | None
    step: int = 0
    log_start: int = 0
    child: int = 0
    child_began: str | None = None
    exit_code: int | None = None
    stopping: bool = False


def read_plan(folder: Path) -> Plan:
    """Read a job's plan.

    Raises:
        OSError: There is none.
        ValueError: It is not one.
    """
    content = _read(folder / PLAN)
    if content.pop("format", None) != FORMAT:
        raise ValueError("another format")
    try:
        steps = [Step(step["command"], tuple(step["arguments"])) for step in content["steps"]]
        return replace(Plan(**content), steps=tuple(steps))
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from error


def write_plan(folder: Path, plan: Plan) -> None:
    """Write what ``read_plan`` reads.

    Raises:
        OSError: It cannot be written.
    """
    _write(folder / PLAN, {"format": FORMAT, **asdict(plan)})


def read_state(folder: Path) -> State | None:
    """Read how far a job is; None before it has begun, or where the file is damaged."""
    try:
        return State(**_read(folder / STATE))
    except (OSError, ValueError, TypeError):
        return None


def write_state(folder: Path, state: State) -> None:
    """Write what ``read_state`` reads.

    Raises:
        OSError: It cannot be written.
    """
    _write(folder / STATE, asdict(state))


def _read(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError("not an object")
    return content


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Write beside the place and move there: a reader sees the old file or the new one."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    for attempt in range(TRIES):
        try:
            part.replace(path)
            return
        except PermissionError:  # on Windows while somebody reads it
            if attempt == TRIES - 1:
                part.unlink()
                raise
            time.sleep(PAUSE)
