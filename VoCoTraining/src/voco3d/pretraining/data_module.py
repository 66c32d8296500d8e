"""From the cache to batches on the device."""

from collections.abc import Sequence

import pytorch_lightning as pl
from torch.utils.data import DataLoader

from voco3d.data.cache import Cache
from voco3d.errors import VoCoError
from voco3d.geometry import BaseGrid
from voco3d.pretraining.config import PretrainConfig
from voco3d.pretraining.volume_crops import Sample, VolumeCrops
from voco3d.training.draws import DrawBatches, Share
from voco3d.training.stopping import leave_signals_to_the_trainer


class CropBatches(pl.LightningDataModule):
    """Batches of crops, from the step on at which the trainer stands.

    Args:
        crops: Gives the crops of a draw.
        volumes: Indices of the training volumes.
        config: All options of the run.
    """

    def __init__(self, crops: VolumeCrops, volumes: Sequence[int], config: PretrainConfig) -> None:
        super().__init__()
        self.crops, self.volumes, self.config = crops, volumes, config

    def train_dataloader(self) -> "DataLoader[Sample]":
        """The batches of this process."""
        assert self.trainer is not None
        options = self.config.optimisation
        batches = DrawBatches(
            self.volumes,
            self.config.seed,
            options.batch,
            count=options.steps * options.accumulate,
            first=self.trainer.global_step * options.accumulate,
            share=Share(self.trainer.global_rank, self.trainer.world_size),
        )
        workers = self.config.compute.workers
        return DataLoader(
            self.crops,
            batch_sampler=batches,
            num_workers=workers,
            persistent_workers=workers > 0,
            worker_init_fn=leave_signals_to_the_trainer,
            pin_memory=self.trainer.strategy.root_device.type == "cuda",
        )


def check_cache(cache: Cache, grid: BaseGrid, channels: int) -> None:
    """Refuse a cache that was not made for these options.

    Raises:
        VoCoError: If it holds no training volumes, another number of channels, or volumes of one
            size that the grid does not fit into.
    """
    if not cache.part("training"):
        raise VoCoError(
            f"{cache.folder} holds no training volumes: add images and run `voco cache build` "
            "again."
        )
    for volume in cache.volumes:
        if volume.shape[0] != channels:
            raise VoCoError(
                f"The volume {volume.name} of {cache.folder} has {volume.shape[0]} channels, but "
                f"network.in_channels is {channels}: make them equal."
            )
    size = cache.settings.size
    if size is not None and any(n < m for n, m in zip(size, grid.size, strict=True)):
        raise VoCoError(
            f"{cache.folder} holds volumes of {_by(size)} voxels, but a grid of "
            f"{_by(grid.counts)} crops of {_by(grid.crop)} needs {_by(grid.size)}: build a cache "
            "of this size or change crops.counts and crops.size."
        )


def _by(sides: tuple[int, ...]) -> str:
    return " x ".join(map(str, sides))
