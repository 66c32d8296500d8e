"""From cases to batches on the device."""

from collections.abc import Sequence
from typing import Any, Protocol

import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset

from voco3d.training.draws import DrawBatches, Share
from voco3d.training.options import Compute
from voco3d.training.stopping import leave_signals_to_the_trainer


class Batches(Protocol):
    """The options of an optimisation that say how much is drawn."""

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""

    @property
    def batch(self) -> int:
        """Draws of a process in each batch."""

    @property
    def accumulate(self) -> int:
        """Batches to a step."""


class DrawnBatches(pl.LightningDataModule):
    """Batches of what is drawn from cases, from the step on at which the trainer stands.

    Args:
        samples: Gives the sample of a draw.
        cases: Indices of the cases to draw from; one that is there twice is drawn twice as often.
        options: How many draws make a batch, and batches a run.
        compute: Where it is computed.
        seed: Of the order.
    """

    def __init__(
        self,
        samples: Dataset[Any],
        cases: Sequence[int],
        options: Batches,
        compute: Compute,
        seed: int,
    ) -> None:
        super().__init__()
        self.samples, self.cases = samples, cases
        self.options, self.compute, self.seed = options, compute, seed

    def train_dataloader(self) -> "DataLoader[Any]":
        """The batches of this process."""
        assert self.trainer is not None
        options = self.options
        batches = DrawBatches(
            self.cases,
            self.seed,
            options.batch,
            count=options.steps * options.accumulate,
            first=self.trainer.global_step * options.accumulate,
            share=Share(self.trainer.global_rank, self.trainer.world_size),
        )
        workers = self.compute.workers
        return DataLoader(
            self.samples,
            batch_sampler=batches,
            num_workers=workers,
            persistent_workers=workers > 0,
            worker_init_fn=leave_signals_to_the_trainer,
            pin_memory=self.trainer.strategy.root_device.type == "cuda",
        )
