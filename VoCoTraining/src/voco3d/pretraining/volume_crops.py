"""What one volume gives to one training step: its bases, random crops, and their overlaps."""

from typing import TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from voco3d.data.cache import Cache
from voco3d.data.volume import Voxels
from voco3d.errors import VoCoError
from voco3d.geometry import BaseGrid, overlap_shares, random_starts
from voco3d.pretraining.augmentation import Augmentation, Changes, draw_changes, turned
from voco3d.training.draws import Draw

__all__ = ["Augmentation", "Sample", "VolumeCrops"]


class Sample(TypedDict):
    """The crops of one volume.

    Attributes:
        bases: float32 (n, channel, x, y, z), intensities in 0..1 (and a shift).
        crops: float32 (k, channel, x, y, z), the random crops.
        overlaps: float32 (k, n), the share of each random crop in each base; sums to 1.
        volume: Index into the cache.
    """

    bases: Tensor
    crops: Tensor
    overlaps: Tensor
    volume: int


class VolumeCrops(Dataset[Sample]):
    """Cuts bases and random crops from the volumes of a cache.

    A volume that is larger than the grid gives a random window of its size, and one that is
    smaller is padded with 0 on both sides. The augmentation acts on each crop alone and leaves the
    overlaps as they are.

    Args:
        cache: The volumes.
        grid: Where the bases lie.
        crops: Random crops a volume.
        augmentation: What happens to each crop.
        seed: With a draw's number it decides everything random, whichever process draws.

    Raises:
        VoCoError: If ``crops`` is below 1.
    """

    def __init__(
        self, cache: Cache, grid: BaseGrid, crops: int, augmentation: Augmentation, seed: int
    ) -> None:
        if crops < 1:
            raise VoCoError(f"A volume gives 1 random crop or more, not {crops}.")
        self.cache = cache
        self.grid = grid
        self.crops = crops
        self.augmentation = augmentation
        self.seed = seed

    def __len__(self) -> int:
        return len(self.cache.volumes)

    @property
    def padded(self) -> tuple[str, ...]:
        """Names of the volumes that are smaller than the grid along an axis."""
        size = self.grid.size
        return tuple(
            volume.name
            for volume in self.cache.volumes
            if any(n < m for n, m in zip(volume.shape[1:], size, strict=True))
        )

    def __getitem__(self, draw: Draw) -> Sample:
        number, index = draw
        random = np.random.default_rng((self.seed, number))
        volume = self._window(index, random)
        starts = random_starts(self.grid, self.crops, random)
        everything = np.concatenate([self.grid.starts(), starts])
        changes = draw_changes(self.augmentation, len(everything), self.grid.crop, random)
        crops = cut(volume, everything, self.grid.crop, changes, self.cache.scale)
        overlaps = overlap_shares(self.grid.boxes_at(starts), self.grid.boxes())
        return {
            "bases": crops[: self.grid.n],
            "crops": crops[self.grid.n :],
            "overlaps": torch.from_numpy(overlaps.astype(np.float32)),
            "volume": index,
        }

    def _window(self, index: int, random: np.random.Generator) -> Voxels:
        """A random part of a volume, of the grid's size."""
        shape, size = np.array(self.cache.volumes[index].shape[1:]), np.array(self.grid.size)
        first = random.integers(np.maximum(shape - size, 0) + 1)
        if (shape == size).all():
            return self.cache.read(index)
        x, y, z = map(slice, first.tolist(), np.minimum(first + size, shape).tolist())
        part = self.cache.read(index, (x, y, z))
        missing = size - part.shape[1:]
        return np.pad(part, [(0, 0), *zip(missing // 2, missing - missing // 2, strict=True)])


def cut(
    volume: Voxels,
    starts: npt.NDArray[np.int64],
    crop: tuple[int, int, int],
    changes: Changes,
    scale: float,
) -> Tensor:
    """Cut crops out of a volume (channel, x, y, z) and change each on its own.

    Args:
        volume: Stored numbers.
        starts: First voxels ``(crop, 3)``.
        crop: Sides of every crop.
        changes: What happens to each crop.
        scale: What the stored numbers are multiplied with.

    Returns:
        float32 (crop, channel, x, y, z).
    """
    crops = torch.empty((len(starts), len(volume), *crop))
    for out, start, flips, turns, shift in zip(
        crops.numpy(), starts, changes.flips, changes.turns, changes.shifts, strict=True
    ):
        box = tuple(slice(a, a + n) for a, n in zip(start.tolist(), crop, strict=True))
        out[...] = turned(volume[(slice(None), *box)], flips, int(turns))
        out *= np.float32(scale)
        if shift:
            out += shift
    return crops
