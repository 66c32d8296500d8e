"""What is written down, validated and kept on the way."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from voco3d.finetuning.config import Validation
from voco3d.progress import Progress, silent
from voco3d.training.module import TrainingModule
from voco3d.training.record import append_row, keep_rows, read_rows
from voco3d.weights.saving import distinct_tensors

TRAINING_COLUMNS = ("step", "seconds", "loss", "gradient_norm", "learning_rate")


def column_means(scores: np.ndarray) -> np.ndarray:
    """The mean of each column of ``(case, column)`` over the cases that have a score."""
    known = ~np.isnan(scores)
    counts = known.sum(axis=0)
    sums = np.where(known, scores, 0).sum(axis=0)
    return np.where(counts, sums / np.maximum(counts, 1), np.nan)


@dataclass(frozen=True)
class Judgement:
    """How a network is judged on the validation cases.

    Attributes:
        columns: Names of the figures; the best weights have the highest mean of them.
        cases: How many cases there are.
        values: How many values ``score`` gives for a case.
        score: The values of a network on a case, by index; NaN where there is none.
        figures: From the values of all cases ``(case, value)`` to the figures, NaN where there is
            none; by default each value's mean over the cases.
    """

    columns: Sequence[str]
    cases: int
    values: int
    score: Callable[[nn.Module, int], Sequence[float]]
    figures: Callable[[np.ndarray], np.ndarray] = column_means


class Monitor(pl.Callback):
    """Records the training, validates, keeps the best weights and ends a run that gains no more.

    In ``RUN/logs``: ``training.csv``, a row every ``log_every`` steps, and ``validation.csv``, a
    row a validation: the figures of the cases, and their mean. A resumed run continues both. The
    processes share the cases of a validation. The best weights are part of the checkpoints: they
    are those of the records, wherever a run was cut off.

    Args:
        run: The run's folder.
        options: How the run is watched.
        judgement: How the network is judged.
        progress: Told after every step.

    Attributes:
        best: The weights of the best validation, by key; None before the first.
    """

    def __init__(
        self,
        run: Path,
        options: Validation,
        judgement: Judgement,
        progress: Progress = silent,
    ) -> None:
        self.logs = run / "logs"
        self.best: dict[str, Tensor] | None = None
        self.options, self.judgement, self.progress = options, judgement, progress
        self.columns = ("step", "seconds", "mean", *judgement.columns)
        self._losses: list[float] = []
        self._means: list[float] = []
        self._learning_rate = math.nan

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Continue or begin the records; a run that had ended early does not go on."""
        self._began = time.monotonic()
        self._step = trainer.global_step
        self._seconds_before = 0.0
        if trainer.is_global_zero:
            self._continue_records()
        self._means = trainer.strategy.broadcast(self._means)
        trainer.should_stop = trainer.should_stop or self._has_ended()

    def _continue_records(self) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        keep_rows(self.logs / "training.csv", TRAINING_COLUMNS, self._step)
        keep_rows(self.logs / "validation.csv", self.columns, self._step)
        training = read_rows(self.logs / "training.csv")
        validation = read_rows(self.logs / "validation.csv")
        self._means = [row["mean"] for row in validation]
        last = [rows[-1]["seconds"] for rows in (training, validation) if rows]
        self._seconds_before = max(last, default=0.0)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds: the best weights, and the losses that no row has yet."""
        return {"best": self.best, "losses": self._losses}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.best, self._losses = state_dict["best"], list(state_dict["losses"])

    @torch.no_grad()
    def restore_best(self, network: nn.Module) -> None:
        """Give a network the best weights, where there are any."""
        if self.best is not None:
            for key, tensor in distinct_tensors(network).items():
                tensor.copy_(self.best[key])

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """Take note of the decoder's learning rate in this step."""
        self._learning_rate = optimizer.param_groups[-1]["lr"]

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Write a row and validate, when it is time."""
        assert isinstance(pl_module, TrainingModule)
        loss = trainer.strategy.reduce(outputs["loss"].detach().clone(), reduce_op="mean")
        # Lightning divides the loss by the number of batches whose gradients are accumulated
        self._losses.append(float(loss) * trainer.accumulate_grad_batches)
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        if self._step % self.options.log_every == 0 or self._step == trainer.max_steps:
            self._log(trainer, pl_module)
        if self.options.every and (
            self._step % self.options.every == 0 or self._step == trainer.max_steps
        ):
            self._validate(trainer, pl_module)

    def _log(self, trainer: pl.Trainer, module: TrainingModule) -> None:
        loss = float(np.mean(self._losses))
        self._losses = []
        if trainer.is_global_zero:
            rate, norm = self._learning_rate, module.gradient_norm
            values = (self._step, self._seconds(), loss, norm, rate)
            row = dict(zip(TRAINING_COLUMNS, values, strict=True))
            append_row(self.logs / "training.csv", row)
            best = highest(self._means)
            said = "" if best is None else f", best validation {best:.3f}"
            self.progress(self._step, int(trainer.max_steps), f"training, loss {loss:.3f}{said}")

    def _validate(self, trainer: pl.Trainer, module: TrainingModule) -> None:
        network = module.result
        training = network.training
        network.eval()
        figures = self.judgement.figures(self._scores(trainer, network))
        network.train(training)
        mean = float(np.nanmean(figures)) if np.isfinite(figures).any() else math.nan
        self._means.append(mean)
        if trainer.is_global_zero:
            if since_best(self._means) == 0:
                best = distinct_tensors(network)
                self.best = {key: tensor.cpu().clone() for key, tensor in best.items()}
            values = (self._step, self._seconds(), mean, *figures)
            append_row(self.logs / "validation.csv", dict(zip(self.columns, values, strict=True)))
        trainer.should_stop = trainer.should_stop or self._has_ended()

    def _has_ended(self) -> bool:
        patience = self.options.patience
        return patience is not None and bool(self._means) and since_best(self._means) >= patience

    def _scores(self, trainer: pl.Trainer, network: nn.Module) -> np.ndarray:
        """Scores ``(case, value)``, the cases shared among the processes."""
        cases, shape = self.judgement.cases, (self.judgement.cases, self.judgement.values)
        device = trainer.strategy.root_device
        scores = torch.zeros(shape, device=device)
        for case in range(trainer.global_rank, cases, trainer.world_size):
            own = torch.tensor(self.judgement.score(network, case), dtype=scores.dtype)
            scores[case] = torch.where(own.isnan(), torch.inf, own).to(device)
            self.progress(case + 1, cases, "validating")
        summed = trainer.strategy.reduce(scores, reduce_op="sum")
        array = summed.cpu().numpy()
        return np.where(np.isinf(array), np.nan, array)

    def _seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._began


def highest(means: Sequence[float]) -> float | None:
    """The best of some validations; NaN is no good one."""
    return max((mean for mean in means if not math.isnan(mean)), default=None)


def since_best(means: Sequence[float]) -> int:
    """Validations after the best one, the first of equals; all of them where all are NaN."""
    best = highest(means)
    return len(means) if best is None else len(means) - 1 - means.index(best)


def best_row(run: Path, until: float = math.inf) -> dict[str, float] | None:
    """The row of the best validation of a run, the first of equals; None before the first.

    Args:
        run: The run's folder.
        until: The last step to look at: a run that was cut off may have rows that are younger than
            its last checkpoint.
    """
    rows = read_rows(run / "logs" / "validation.csv")
    judged = [row for row in rows if row["step"] <= until and not math.isnan(row["mean"])]
    return max(judged, key=lambda row: row["mean"], default=None)
