"""A small pre-training, and volumes whose every place looks different."""

from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from voco3d.geometry import BaseGrid, overlap_shares, random_starts
from voco3d.losses import RECIPES, Embeddings, objective
from voco3d.networks import NetworkConfig, PositionNetwork, Projector, build_network
from voco3d.pretraining.monitoring.probe import Probe

GRID = BaseGrid((2, 2, 1), (8, 8, 8))


def place_volume(volume: int, grid: BaseGrid = GRID) -> np.ndarray:
    """A volume (x, y, z) whose intensity and texture tell the place; volumes differ a little."""
    x, y, z = np.meshgrid(*(np.linspace(0, 1, s) for s in grid.size), indexing="ij")
    wave = 0.1 * np.sin(20 * x * (1 + y)) + 0.05 * np.cos(9 * z)
    return np.clip(0.2 + 0.45 * x + 0.25 * y + wave + 0.01 * volume, 0, 1)


class PlaceCrops:
    """Crops of place volumes, as VolumeCrops gives them."""

    def __init__(self, grid: BaseGrid = GRID, crops: int = 2) -> None:
        self.grid, self.crops = grid, crops

    def __getitem__(self, draw: tuple[int, int]) -> dict[str, Tensor]:
        number, volume = draw
        starts = random_starts(self.grid, self.crops, np.random.default_rng((0, number)))
        voxels = place_volume(volume, self.grid)
        return {
            "bases": cut(voxels, self.grid.starts(), self.grid),
            "crops": cut(voxels, starts, self.grid),
            "overlaps": torch.from_numpy(
                overlap_shares(self.grid.boxes_at(starts), self.grid.boxes()).astype(np.float32)
            ),
            "volume": volume,
        }


def cut(voxels: np.ndarray, starts: np.ndarray, grid: BaseGrid) -> Tensor:
    boxes = [
        tuple(slice(s, s + w) for s, w in zip(start, grid.crop, strict=True)) for start in starts
    ]
    return torch.from_numpy(np.stack([voxels[box] for box in boxes])[:, None].astype(np.float32))


def small_network(width: int = 32, filters: tuple[int, ...] = (4, 8, 12)) -> PositionNetwork:
    torch.manual_seed(0)
    backbone = build_network(NetworkConfig("unet", 1, 2, {"filters": list(filters)}))
    return PositionNetwork(backbone, Projector(backbone.feature_width, width))


def small_probe(crops: int = 2) -> Probe:
    return Probe(PlaceCrops(crops=crops), [(0, 0), (1, 1)], [(2, 2), (3, 3), (4, 4)])


class SmallModule(pl.LightningModule):
    """As much of the training module as the monitor sees."""

    def __init__(self, learning_rate: float = 3e-3, recipe: str = "paper") -> None:
        super().__init__()
        self.network, self.recipe = small_network(), RECIPES[recipe]
        self.learning_rate, self.gradient_norm = learning_rate, 0.0

    def training_step(self, batch, index):
        volumes, n = batch["bases"].shape[:2]
        bases = self.network(batch["bases"].flatten(0, 1)).unflatten(0, (volumes, n))
        crops = self.network(batch["crops"].flatten(0, 1)).unflatten(0, (volumes, -1))
        loss = objective(self.recipe, Embeddings(crops, bases), None, batch["overlaps"])
        return {
            "loss": loss.prediction + loss.regularisation,
            "prediction": loss.prediction.detach(),
            "regularisation": loss.regularisation.detach(),
            "inter_volume": loss.inter_volume.detach(),
        }

    def configure_gradient_clipping(self, optimizer, *_, **__):
        norms = [p.grad.norm() for p in self.parameters() if p.grad is not None]
        self.gradient_norm = float(torch.stack(norms).norm())

    def configure_optimizers(self):
        return torch.optim.AdamW(self.network.parameters(), lr=self.learning_rate)


def loader(batches: int, batch: int = 2) -> DataLoader:
    draws = [(100 + i, 2 + i % 5) for i in range(batches * batch)]
    return DataLoader(PlaceCrops(), batch_size=batch, sampler=draws)


def train(
    run: Path, callbacks: list[pl.Callback], steps: int, module=None, checkpoint=None, **settings
) -> pl.Trainer:
    trainer = pl.Trainer(
        accelerator="cpu",
        max_steps=steps,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=run,
        **settings,
    )
    trainer.fit(module or SmallModule(), loader(200), ckpt_path=checkpoint, weights_only=True)
    return trainer
