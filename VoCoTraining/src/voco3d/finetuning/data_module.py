"""From the prepared cases to batches on the device."""

from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset

from voco3d.finetuning.config import FinetuneConfig
from voco3d.training.draws import DrawBatches, Share
from voco3d.training.stopping import leave_signals_to_the_trainer


class CaseBatches(pl.LightningDataModule):
    """Batches of what is drawn from cases, from the step on at which the trainer stands.

    Args:
        samples: Gives the sample of a draw.
        cases: Indices of the cases to draw from; one that is there twice is drawn twice as often.
        config: All options of the run.
    """

    def __init__(self, samples: Dataset[Any], cases: Sequence[int], config: FinetuneConfig) -> None:
        super().__init__()
        self.samples, self.cases, self.config = samples, cases, config

    def train_dataloader(self) -> "DataLoader[Any]":
        """The batches of this process."""
        assert self.trainer is not None
        options = self.config.optimisation
        batches = DrawBatches(
            self.cases,
            self.config.seed,
            options.batch,
            count=options.steps * options.accumulate,
            first=self.trainer.global_step * options.accumulate,
            share=Share(self.trainer.global_rank, self.trainer.world_size),
        )
        workers = self.config.compute.workers
        return DataLoader(
            self.samples,
            batch_sampler=batches,
            num_workers=workers,
            persistent_workers=workers > 0,
            worker_init_fn=leave_signals_to_the_trainer,
            pin_memory=self.trainer.strategy.root_device.type == "cuda",
        )
