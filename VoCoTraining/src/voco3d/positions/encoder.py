"""A model's network as that which embeds crops, with a projector or without."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from voco3d.data.volume import VolumeSettings
from voco3d.geometry import BaseGrid
from voco3d.models import Model
from voco3d.positions.results import Embedding
from voco3d.progress import Progress, silent

AT_ONCE = 16
"""Crops that are encoded at a time: more are not faster."""

COUNTS = (4, 4, 1)
"""Bases of a model that was not made for positions: the paper's."""
LARGEST = 64
"""Side of the crops of such a model in voxels, at most: the paper's."""


class CropEncoder:
    """Embeds crops of volumes.

    Args:
        model: Any model; without a projector the pooled features of its encoder are the embedding.
        device: Where it is computed.

    Attributes:
        grid: The bases that the model knows.
        volume: What is done to an image before crops are cut from it; None for the z-score of
            each channel, spread over the grid.
        embedding: What is compared.
        reference: Reference bases ``(n, width)``; None where the model has none.

    Raises:
        VoCoError: If the model's weights cannot be read or lack a part.
    """

    def __init__(self, model: Model, device: torch.device) -> None:
        self.device = device
        self.reference: Tensor | None = None
        self.embedding: Embedding
        self._embed: nn.Module
        if model.positions is not None:
            self._embed, reference = model.load_positions()
            self.reference = reference.to(device)
            self.embedding = "projector"
            self.grid = model.positions.grid
            self.volume: VolumeSettings | None = model.positions.volume
        else:
            self._embed = _Pooled(model)
            self.embedding = "encoder"
            x, y, z = (min(side, LARGEST) for side in model.window)
            self.grid = BaseGrid(COUNTS, (x, y, z))
            intensity = model.preprocessing.intensity
            self.volume = intensity and VolumeSettings(intensity, size=self.grid.size, bits=16)
        self._embed.to(device).eval()

    @torch.inference_mode()
    def __call__(
        self,
        array: npt.NDArray[np.float32],
        starts: npt.NDArray[np.int64],
        crop: tuple[int, int, int],
        progress: Progress = silent,
        what: str = "embedding crops",
    ) -> Tensor:
        """Embeddings ``(crop, width)`` of crops of a volume.

        Args:
            array: The volume ``(channel, x, y, z)``.
            starts: First voxels ``(crop, 3)``.
            crop: Sides of every crop.
            progress: Told after every batch; an exception from it stops the work.
            what: What is reported to be done.
        """
        parts = []
        for first in range(0, len(starts), AT_ONCE):
            crops = np.stack([_cut(array, s, crop) for s in starts[first : first + AT_ONCE]])
            parts.append(self._embed(torch.from_numpy(crops).to(self.device)).float())
            progress(min(first + AT_ONCE, len(starts)), len(starts), what)
        return torch.cat(parts)


class _Pooled(nn.Module):
    """The pooled encoder features of a model."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.backbone = model.load_classifier().backbone if model.categories else model.load()[0]

    def forward(self, crops: Tensor) -> Tensor:
        return self.backbone.features(crops)


def _cut(
    array: npt.NDArray[np.float32], start: npt.NDArray[np.int64], crop: tuple[int, int, int]
) -> npt.NDArray[np.float32]:
    x, y, z = (slice(a, a + n) for a, n in zip(start.tolist(), crop, strict=True))
    return array[:, x, y, z]
