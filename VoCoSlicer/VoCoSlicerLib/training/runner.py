"""``python -m VoCoSlicerLib.training.runner FOLDER``: does the steps of a job, one after the other.

It is a process of its own, which goes on when Slicer is closed, and needs nothing but Python's
library. What becomes of the job is in ``job_state.json``, what the steps say in ``job.log``. A file
``job.stop``, or a signal, has the step at hand saved and ended.
"""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType

from VoCoSlicerLib.training.job_files import (
    CONFIG,
    LOG,
    STOP,
    State,
    Step,
    read_plan,
    read_state,
    write_state,
)
from VoCoSlicerLib.training.processes import beginning

LOOK_EVERY = 0.2
"""Seconds between two looks at whether to stop."""

STOPPED = 130
"""The exit code of a command that Ctrl-C has ended."""


class Runner:
    """Does what is left of a job.

    Args:
        folder: Where the job lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.plan = folder, read_plan(folder)
        before = read_state(folder)
        self.state = State(
            self.plan.attempt,
            os.getpid(),
            beginning(os.getpid()),
            step=0 if before is None else before.step,
            log_start=(folder / LOG).stat().st_size,
        )
        self._signalled = False

    def run(self) -> int:
        """Do the steps; return the exit code of the last one."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._note)
        self._write()
        while self.state.step < len(self.plan.steps):
            if self._is_to_stop():
                self.state = replace(self.state, stopping=True)
                return self._end(STOPPED)
            code = self._do(self.plan.steps[self.state.step])
            if code == 0:
                self.state = replace(self.state, step=self.state.step + 1)
            if code != 0:
                return self._end(code)
        return self._end(0)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signalled = True

    def _do(self, step: Step) -> int:
        arguments = step.arguments
        if step.trains and (self.folder / CONFIG).is_file():
            flag = "--finish" if self.plan.finishing else "--resume"
            arguments = (flag, str(self.folder))
        with (self.folder / LOG).open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "voco3d.cli", step.command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"},
            )
        self.state = replace(self.state, child=child.pid, child_began=beginning(child.pid))
        self._write()
        while True:
            try:
                return child.wait(LOOK_EVERY)
            except subprocess.TimeoutExpired:
                if not self.state.stopping and self._is_to_stop():
                    self.state = replace(self.state, stopping=True)
                    self._write()
                    _interrupt(child)

    def _is_to_stop(self) -> bool:
        return self._signalled or (self.folder / STOP).exists()

    def _end(self, code: int) -> int:
        self.state = replace(self.state, child=0, child_began=None, exit_code=code)
        self._write()
        return code

    def _write(self) -> None:
        write_state(self.folder, self.state)


def _interrupt(child: "subprocess.Popen[bytes]") -> None:
    """What Ctrl-C does: voco saves a checkpoint and ends."""
    if sys.platform == "win32":
        # To all of this console, which is the job's own; this process only takes note of it
        os.kill(0, signal.CTRL_C_EVENT)
    else:
        child.send_signal(signal.SIGINT)


if __name__ == "__main__":
    sys.exit(Runner(Path(sys.argv[1])).run())
