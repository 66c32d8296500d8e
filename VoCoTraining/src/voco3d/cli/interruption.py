"""What a training command says when a signal ended it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def telling_how_to_go_on(
    command: str, folder: Path, step_of: str = "", makes_model: bool = False
) -> Iterator[None]:
    """Say that a run was saved, and how to go on; the exit code is the shell's for the signal.

    Args:
        command: That was stopped, and goes on with ``--resume``.
        folder: Of the run.
        step_of: What the step was of, where that is not the run itself.
        makes_model: Whether ``--finish`` makes a model of what was trained so far.
    """
    from voco3d.training.stopping import Interrupted
    from voco3d.training.trainer import is_first_process

    try:
        yield
    except Interrupted as stopped:
        if is_first_process():
            finish = f", or make the model of it with `{command} --finish {folder}`"
            print(
                f"voco: stopped after step {stopped.step}{step_of} and saved; go on with "
                f"`{command} --resume {folder}`{finish if makes_model else ''}."
            )
        raise SystemExit(128 + stopped.signal_number) from stopped
