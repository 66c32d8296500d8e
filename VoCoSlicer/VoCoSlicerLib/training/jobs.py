"""Training jobs that go on when Slicer is closed, and are found again."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.training.job_files import (
    CHECKPOINTS,
    CONFIG,
    LOG,
    MODEL,
    PLAN,
    STATE,
    STOP,
    Plan,
    State,
    Step,
    read_plan,
    read_state,
    write_plan,
)
from VoCoSlicerLib.training.presets import Preset
from VoCoSlicerLib.training.processes import beginning, is_same
from VoCoSlicerLib.training.standing import Standing, failure, progress

LIBRARY = Path(__file__).resolve().parents[2]
"""The folder that holds VoCoSlicerLib."""

CACHE = "cache"
"""Where, in its run's folder, a pre-training keeps the volumes that it reads."""

_launched: "list[subprocess.Popen[bytes]]" = []
"""Kept so that Python takes note of their end."""


class Interpreter(Protocol):
    """A Python that has ``voco3d``: a ``PythonEnvironment``."""

    @property
    def executable(self) -> str:
        """Its program."""

    def variables(self) -> dict[str, str]:
        """All environment variables of a process that runs in it."""


@dataclass(frozen=True)
class Training:
    """What the user asks for.

    Attributes:
        preset: The configuration.
        data: Folder of images or ``dataset.json``; for pre-training also a cache made before.
        out: Folder for the run and its model; one without a run.
        init: Initial weights: name of a model, model folder or checkpoint; None for random ones.
        device: auto, cpu, cuda or mps.
        options: Further options of ``voco pretrain`` or ``voco finetune``.
    """

    preset: Preset
    data: Path
    out: Path
    init: str | None = None
    device: str = "auto"
    options: tuple[str, ...] = ()

    def reason_against(self, has_data: bool = True) -> str | None:
        """Why it cannot be started, in a sentence; None where it can.

        Args:
            has_data: Whether the data are there already, and not written first.
        """
        if has_data and not self.data.exists():
            return _("The data folder does not exist: choose another.")
        if self.preset.config is None and not self.init:
            return _("Choose initial weights: this preset takes their network.")
        if (self.out / CONFIG).exists():
            return _(
                "The output folder holds a training already: resume it, or choose another folder."
            )
        if self.out.exists() and not self.out.is_dir():
            return _("The output folder is a file: choose a folder.")
        return None

    def steps(self) -> tuple[Step, ...]:
        """The commands of ``voco`` that do it."""
        command = self.preset.kind
        config = () if self.preset.config is None else ("--config", self.preset.config)
        if command == "finetune":
            start = ("--init", self.init) if self.init else ()
            return (Step(command, (*config, *self._common(self.data), *start, *self.options)),)
        start = ("--network.init", self.init) if self.init else ()
        if (self.data / "index.json").is_file():
            return (Step(command, (*config, *self._common(self.data), *start, *self.options)),)
        cache = self.out / CACHE
        build = ("build", str(self.data), str(cache), *self.preset.cache, "--progress", "json")
        return (
            Step("cache", build),
            Step(command, (*config, *self._common(cache), *start, *self.options)),
        )

    def _common(self, data: Path) -> tuple[str, ...]:
        return ("--data", str(data), "--out", str(self.out), "--compute.device", self.device)


class Job:
    """A training job on the disk.

    Args:
        folder: The run's folder.

    Attributes:
        folder: The run's folder.
        plan: What it is to do.

    Raises:
        VoCoSlicerError: No job lies there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.plan = read_plan(folder)
        except (OSError, ValueError) as error:
            raise VoCoSlicerError(
                _("{folder} holds no training: choose the output folder of one.").format(
                    folder=folder
                )
            ) from error

    @property
    def model(self) -> Path | None:
        """The model that a finished job has left; None before."""
        model = self.folder / MODEL
        return model if model.is_dir() and self.standing().phase == "finished" else None

    @property
    def log(self) -> Path:
        """What the commands said."""
        return self.folder / LOG

    def standing(self) -> Standing:
        """How the job stands now; reads a few small files."""
        try:
            self.plan = read_plan(self.folder)
        except (OSError, ValueError):
            return Standing("failed", sentence=_("Its folder is gone: take it off the list."))
        state = self._state()
        if self._is_alive(state):
            asked = (self.folder / STOP).exists() or (state is not None and state.stopping)
            return progress(self.folder, self.plan, state, "stopping" if asked else "running")
        return self._ended(self._state())  # it may have ended since the state was read

    def _state(self) -> State | None:
        """How far this start is; None before it has begun."""
        state = read_state(self.folder)
        return state if state is not None and state.attempt == self.plan.attempt else None

    def _is_alive(self, state: State | None) -> bool:
        if state is None:
            return is_same(self.plan.pid, self.plan.began)
        if state.exit_code is not None:
            return False
        # The step goes on where only the process that watches it was killed
        return is_same(state.pid, state.began) or is_same(state.child, state.child_began)

    def _ended(self, state: State | None) -> Standing:
        complete = state is not None and state.step == len(self.plan.steps)
        unwatched = state is not None and state.exit_code is None
        if complete or (unwatched and self._has_new_model()):
            return Standing("finished")
        asked = (self.folder / STOP).exists() or (state is not None and state.stopping)
        # 2 is a sentence of voco's, for example that the checkpoint could not be saved
        if asked and (state is None or state.exit_code != 2):
            return Standing("stopped")
        return Standing("failed", sentence=failure(self.folder, state))

    def _has_new_model(self) -> bool:
        """Whether a model was made since the last start; one of ``--finish`` may be older."""
        model = self.folder / MODEL
        return model.is_dir() and model.stat().st_mtime >= (self.folder / PLAN).stat().st_mtime

    def stop(self) -> None:
        """Have a checkpoint saved and the job ended, after the step at hand; returns at once.

        Raises:
            VoCoSlicerError: The folder cannot be written to.
        """
        state = self._state()
        if not self._is_alive(state):
            return
        try:
            (self.folder / STOP).touch()
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        if state is not None and not is_same(state.pid, state.began):
            with suppress(ProcessLookupError):
                os.kill(state.child, signal.SIGINT)

    def resume(self, interpreter: Interpreter) -> None:
        """Go on from the last checkpoint, or with the step that failed; returns at once.

        Raises:
            VoCoSlicerError: It is at work or finished, or cannot be started.
        """
        self._launch_again(interpreter, finishing=False)

    @property
    def has_trained(self) -> bool:
        """Whether there is a checkpoint, which a model can be made of."""
        return any((self.folder / CHECKPOINTS).glob("*.ckpt"))

    def finish(self, interpreter: Interpreter) -> None:
        """Have the model made of what has been trained so far; returns at once.

        Raises:
            VoCoSlicerError: It is at work or finished, has no checkpoint yet, or cannot be started.
        """
        if not self.has_trained:
            raise VoCoSlicerError(
                _("This training has no checkpoint yet: resume it, and let it save one.")
            )
        self._launch_again(interpreter, finishing=True)

    def _launch_again(self, interpreter: Interpreter, finishing: bool) -> None:
        phase = self.standing().phase
        if phase in ("running", "stopping"):
            raise VoCoSlicerError(_("This training is at work: wait until it has ended."))
        if phase == "finished":
            raise VoCoSlicerError(_("This training is finished: start a new one."))
        attempt = self.plan.attempt + 1
        _launch(self.folder, replace(self.plan, attempt=attempt, finishing=finishing), interpreter)
        self.plan = read_plan(self.folder)


def start(training: Training, interpreter: Interpreter) -> Job:
    """Start a training as a process of its own; returns at once.

    Raises:
        VoCoSlicerError: Something is missing or at odds, or the folder cannot be written to.
    """
    reason = training.reason_against()
    if reason is not None:
        raise VoCoSlicerError(reason)
    # Absolute, but links as they are: the user knows the folders by these names
    training = replace(training, data=training.data.absolute(), out=training.out.absolute())
    out = training.out
    with suppress(OSError, ValueError):
        read_plan(out)  # a damaged one is replaced
        if Job(out).standing().is_alive:
            raise VoCoSlicerError(_("The output folder holds a training at work: choose another."))
    created = datetime.now(timezone.utc).isoformat(timespec="seconds")
    plan = Plan(training.preset.kind, training.preset.title, created, training.steps())
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / STATE).unlink(missing_ok=True)
        (out / LOG).unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(out, error) from error
    _launch(out, plan, interpreter)
    return Job(out)


def _launch(folder: Path, plan: Plan, interpreter: Interpreter) -> None:
    """Start the process that does the steps, apart from this one."""
    if shutil.which(interpreter.executable) is None:
        raise VoCoSlicerError(
            _("There is no Python program {program}: check the compute environment.").format(
                program=interpreter.executable
            )
        )
    command = [interpreter.executable, "-m", "VoCoSlicerLib.training.runner", str(folder)]
    try:
        (folder / STOP).unlink(missing_ok=True)
        write_plan(folder, replace(plan, pid=0, began=None))  # it can be found from here on
        with (folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=_variables(interpreter),
                **_apart(),
            )
        _launched.append(process)
        write_plan(folder, replace(plan, pid=process.pid, began=beginning(process.pid)))
    except OSError as error:
        raise _unwritable(folder, error) from error


def _variables(interpreter: Interpreter) -> dict[str, str]:
    variables = interpreter.variables()
    folders = [str(LIBRARY), *filter(None, [variables.get("PYTHONPATH")])]
    return {**variables, "PYTHONPATH": os.pathsep.join(folders)}


def _apart() -> Mapping[str, Any]:
    """What keeps the end of Slicer, and a Ctrl-C in its terminal, from the process."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _unwritable(folder: Path, error: OSError) -> VoCoSlicerError:
    return VoCoSlicerError(
        _("{folder} cannot be written to ({reason}): choose another output folder.").format(
            folder=folder, reason=error.strerror
        )
    )
