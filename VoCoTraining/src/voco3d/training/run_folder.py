"""The folder of a training run: its options, checkpoints and model, whatever is trained."""

from collections.abc import Callable
from pathlib import Path

from voco3d.errors import VoCoError
from voco3d.training.checkpoints import LAST, newest_checkpoint, read_checkpoint
from voco3d.training.trainer import is_first_process

CONFIG, CHECKPOINTS, MODEL = "config.yaml", "checkpoints", "model"
"""What lies in it, besides its logs."""

Say = Callable[[str], None]


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run."""
    return (folder / CONFIG).is_file()


def check_new(folder: Path, command: str) -> None:
    """Refuse to begin a run where there is one already.

    Args:
        folder: For the run.
        command: That would go on with the run that is there.

    Raises:
        VoCoError: If there is one.
    """
    if is_run(folder) and is_first_process():
        raise VoCoError(
            f"{folder} holds a run already: go on with `{command} --resume {folder}` or name "
            "another folder."
        )


def make_folder(folder: Path) -> None:
    """Make the folder of a run.

    Raises:
        VoCoError: If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VoCoError(f"The folder {folder} cannot be made: {error.strerror}.") from error


def saved_checkpoint(folder: Path, say: Say) -> tuple[Path, int]:
    """The last checkpoint of a run that must have one, and the steps done by then.

    Raises:
        VoCoError: If there is none, or none of them is whole.
    """
    checkpoint, done = last_checkpoint(folder, say)
    if checkpoint is None:
        raise VoCoError(f"{folder} has no checkpoint yet: let it train until it has saved one.")
    return checkpoint, done


def last_checkpoint(folder: Path, say: Say) -> tuple[Path | None, int]:
    """The checkpoint that a run goes on from and the steps done by then; None before the first.

    Raises:
        VoCoError: If there are checkpoints, and none of them is whole.
    """
    checkpoint = newest_checkpoint(folder / CHECKPOINTS)
    if checkpoint is None:
        return None, 0
    if checkpoint.name != LAST and is_first_process():
        say(f"{LAST} is damaged or missing: going on from {checkpoint.name}.")
    return checkpoint, read_checkpoint(checkpoint)["global_step"]
