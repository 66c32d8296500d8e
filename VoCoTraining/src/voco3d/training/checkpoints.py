"""Checkpoints that are whole: written aside, read back, moved; the one before is kept."""

import os
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import CheckpointIO

from voco3d.errors import VoCoError
from voco3d.writing import write_aside

LAST, PREVIOUS = "last.ckpt", "previous.ckpt"


class SaveCheckpoints(pl.Callback):
    """Saves everything that a run needs to go on, every so many steps and at the end.

    Args:
        folder: For ``last.ckpt`` and ``previous.ckpt``.
        every: Steps between checkpoints.
    """

    def __init__(self, folder: Path, every: int) -> None:
        self.folder, self.every = folder, every
        self._saved = -1

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save after every so many whole steps."""
        whole = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        if whole and trainer.global_step % self.every == 0:
            self._save(trainer)

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Save after the last step."""
        if self._saved != trainer.global_step:
            self._save(trainer)

    def _save(self, trainer: pl.Trainer) -> None:
        self._saved = trainer.global_step
        trainer.save_checkpoint(self.folder / LAST)


class WholeFiles(CheckpointIO):
    """How checkpoints go to the disk and come back."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write a checkpoint and read it back; then only let the older one give way.

        Raises:
            VoCoError: If it cannot be written; the older ones are still there.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name("new.ckpt")
        write_aside(new, partial(_write, checkpoint=checkpoint))
        if path.exists():
            path.replace(path.with_name(PREVIOUS))
        new.replace(path)

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint; the other arguments say nothing that is not known here."""
        return read_checkpoint(Path(path))

    def remove_checkpoint(self, path: Any) -> None:
        """Remove a checkpoint."""
        Path(path).unlink(missing_ok=True)


def newest_checkpoint(folder: Path) -> Path | None:
    """The last checkpoint, or the one before if the last one is damaged; None before the first.

    Raises:
        VoCoError: If there are checkpoints, and none of them is whole.
    """
    there = [path for path in (folder / LAST, folder / PREVIOUS) if path.is_file()]
    whole = next(filter(is_whole, there), None)
    if there and whole is None:
        raise VoCoError(
            f"The checkpoints in {folder} are damaged ({', '.join(path.name for path in there)}): "
            "put copies in their place, or begin the run anew in another folder."
        )
    return whole


def is_whole(path: Path) -> bool:
    """Whether a file that ``torch.save`` wrote is as it was written, by its checksums."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; it can hold tensors and plain values, nothing that runs."""
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    return content


def _write(path: Path, checkpoint: dict[str, Any]) -> None:
    torch.save(checkpoint, path)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    if not is_whole(path):
        raise OSError("what was written cannot be read back")
