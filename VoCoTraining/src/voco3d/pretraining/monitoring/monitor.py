"""Everything that one watches during pre-training."""

import math
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytorch_lightning as pl
import torch
from rich.console import Console
from torch.optim import Optimizer
from torch.utils.tensorboard import SummaryWriter

from voco3d.pretraining.monitoring.collapse import judge, warnings_of
from voco3d.pretraining.monitoring.columns import PROBE_COLUMNS, TRAINING_COLUMNS
from voco3d.pretraining.monitoring.display import Status, make_display
from voco3d.pretraining.monitoring.examples import make_examples, write_examples
from voco3d.pretraining.monitoring.probe import Floats, Probe, ProbeResult
from voco3d.pretraining.monitoring.window import Window
from voco3d.training.record import (
    Row,
    append_row,
    drop_arrays,
    keep_rows,
    read_rows,
    step_file,
    write_array,
)
from voco3d.writing import write_aside

if TYPE_CHECKING:
    from voco3d.pretraining.module import VoCoModule

TERMS = ("prediction", "regularisation", "inter_volume")
"""What a training step returns beside the loss."""


class Monitor(pl.Callback):
    """Writes down what happens in a run, shows it on the terminal, and warns of a collapse.

    In ``RUN/logs``: ``training.csv``, a row every ``log_every`` steps (losses and gradient norm
    are means since the last row); ``probe.csv``, a row a probe, the first for the untrained
    network; ``similarity/STEP.npy`` ``(base, base)`` and ``logits/STEP.npy``
    ``(volume, crop, base)`` of each probe; ``examples.npz``, pictures of the probe's crops;
    ``warnings.txt``; ``tensorboard/``, the same figures. A resumed run continues all of them;
    what was written after the step it resumes from is dropped. Only the first process writes.

    The module that is trained has ``network``, ``recipe`` and ``gradient_norm``, and its
    ``training_step`` returns the terms of the loss.

    Args:
        run: The run's folder.
        probe: The fixed crops to measure the network on.
        log_every: Steps between rows of the training record.
        probe_every: Steps between probes.
        warmup: Steps during which nothing counts as a collapse.
        console: Where to show the run; by default standard output.
    """

    def __init__(
        self,
        run: Path,
        probe: Probe,
        log_every: int = 10,
        probe_every: int = 500,
        warmup: int = 5_000,
        console: Console | None = None,
    ) -> None:
        self.logs = run / "logs"
        self.probe = probe
        self.log_every, self.probe_every, self.warmup = log_every, probe_every, warmup
        self._display = make_display(console or Console())
        self._window = Window()
        self._board: SummaryWriter | None = None
        self._training: list[dict[str, float]] = []
        self._probes: list[dict[str, float]] = []
        self._learning_rate = math.nan

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Continue or begin the records, and probe the untrained network."""
        if not trainer.is_global_zero:
            return
        self._first_step = self._step = trainer.global_step
        self._continue_records(self._step)
        self._began = time.monotonic()
        self._seconds_before = max(
            (rows[-1]["seconds"] for rows in (self._training, self._probes) if rows), default=0.0
        )
        if self._step == 0:
            self._measure(trainer, pl_module)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Take note that the batch is there."""
        self._window.started()

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """Take note of the learning rate that this step uses."""
        self._learning_rate = optimizer.param_groups[0]["lr"]

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Write a row, and probe, when it is time."""
        if not trainer.is_global_zero:
            return
        terms = {name: outputs[name] for name in TERMS}
        # Lightning divides the loss by the number of batches whose gradients are accumulated
        terms["loss"] = outputs["loss"] * trainer.accumulate_grad_batches
        terms["gradient_norm"] = pl_module.gradient_norm
        self._window.ended(terms, len(batch["bases"]) * trainer.world_size)
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        if self._step % self.log_every == 0:
            self._log(trainer)
        if self._step % self.probe_every == 0:
            self._measure(trainer, pl_module)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Saving is not waiting for data."""
        self._window.interrupt()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the last rows of a finished run; one that was told to stop leaves at once."""
        if not trainer.is_global_zero:
            return
        if self._step >= trainer.max_steps:
            if self._window:
                self._log(trainer)
            if not self._probes or self._probes[-1]["step"] != self._step:
                self._measure(trainer, pl_module)
        self._close()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Leave the terminal and the files in order."""
        self._close()

    def _continue_records(self, step: int) -> None:
        for name in ("similarity", "logits"):
            (self.logs / name).mkdir(parents=True, exist_ok=True)
            drop_arrays(self.logs / name, step)
        keep_rows(self.logs / "training.csv", TRAINING_COLUMNS, step)
        keep_rows(self.logs / "probe.csv", PROBE_COLUMNS, step)
        self._training = read_rows(self.logs / "training.csv")[-1:]
        self._probes = read_rows(self.logs / "probe.csv")
        self._write_warnings()
        samples = (self.probe.dataset[draw] for draw in self.probe.draws)
        examples = make_examples(samples, self.probe.dataset.grid)
        write_aside(self.logs / "examples.npz", partial(write_examples, examples=examples))
        self._board = SummaryWriter(str(self.logs / "tensorboard"), purge_step=step + 1)

    def _log(self, trainer: pl.Trainer) -> None:
        row = {
            "step": self._step,
            "seconds": self._seconds(),
            "learning_rate": self._learning_rate,
            "gpu_memory_gib": gpu_memory(trainer.strategy.root_device),
            **self._window.row(),
        }
        row = {name: row[name] for name in TRAINING_COLUMNS}
        append_row(self.logs / "training.csv", row)
        self._training = [row]
        self._add_scalars("training", row)
        self._display.logged(self._status(trainer))

    def _measure(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        module = cast("VoCoModule", pl_module)
        result = self.probe.measure(module.network, module.recipe)
        write_array(step_file(self.logs / "similarity", self._step), result.similarity)
        write_array(step_file(self.logs / "logits", self._step), result.logits)
        row = self._probe_row(result, trainer.max_steps)
        append_row(self.logs / "probe.csv", row)
        self._probes.append(row)
        self._add_scalars("probe", row)
        self._add_similarity(result)
        warnings = self._write_warnings()
        self._display.probed(self._status(trainer))
        if self._step in warnings:
            self._display.warn(warnings[self._step])
        self._window.interrupt()

    def _probe_row(self, result: ProbeResult, total: int) -> dict[str, float]:
        volumes, crops, n = result.logits.shape
        untrained = self._probes[0]["untrained"] if self._probes else math.nan
        return {
            "step": self._step,
            "seconds": self._seconds(),
            "total_steps": total,
            "warmup_steps": self.warmup,
            "crops": volumes * crops,
            "chance": 1 / n,
            "untrained": result.top1 if self._step == 0 else untrained,
            "top1": result.top1,
            "overlap_error": result.overlap_error,
            "reference_top1": result.reference_top1,
            "reference_overlap_error": result.reference_overlap_error,
            "prediction": result.prediction,
            "regularisation": result.regularisation,
            "similarity": off_diagonal_mean(result.similarity),
            "effective_rank": result.effective_rank,
            "deviation": result.deviation,
            "channels": result.channels,
        }

    def _write_warnings(self) -> dict[int, str]:
        warnings = warnings_of(self._probes)
        text = "".join(f"{warning}\n" for warning in warnings.values())
        write_aside(self.logs / "warnings.txt", partial(_write_text, text=text))
        return warnings

    def _status(self, trainer: pl.Trainer) -> Status:
        done = self._step - self._first_step
        left = trainer.max_steps - self._step
        pace = (time.monotonic() - self._began) / done if done else math.nan
        probe = self._probes[-1] if self._probes else {}
        return Status(
            step=self._step,
            total=trainer.max_steps,
            seconds_left=pace * left,
            training=self._training[-1] if self._training else {},
            probe=probe,
            verdict=judge(probe) if probe else None,
        )

    def _seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._began

    def _add_scalars(self, group: str, row: Row) -> None:
        for name, value in row.items():
            if self._board and name != "step" and math.isfinite(value):
                self._board.add_scalar(f"{group}/{name}", value, self._step)

    def _add_similarity(self, result: ProbeResult) -> None:
        if self._board:
            grey = np.clip((result.similarity + 1) / 2, 0, 1)
            large = grey.repeat(16, axis=0).repeat(16, axis=1)
            self._board.add_image("probe/similarity", large, self._step, dataformats="HW")

    def _close(self) -> None:
        self._display.close()
        if self._board:
            self._board.close()
            self._board = None


def off_diagonal_mean(matrix: Floats) -> float:
    """The mean of a square matrix without its diagonal; NaN where there is nothing else."""
    rest = matrix[~np.eye(len(matrix), dtype=bool)]
    return float(rest.mean()) if rest.size else math.nan


def gpu_memory(device: torch.device) -> float:
    """The most memory that tensors held on a GPU, in GiB; NaN for another device."""
    if device.type != "cuda":
        return math.nan
    return torch.cuda.max_memory_allocated(device) / 2**30


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
