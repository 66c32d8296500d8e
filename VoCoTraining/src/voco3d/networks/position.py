"""The network that VoCo trains: a backbone's encoder and a projector."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from voco3d.networks.backbone import Backbone
from voco3d.networks.projector import Projector


class PositionNetwork(nn.Module):
    """Embeds crops so that the cosine between two embeddings tells how much they overlap.

    Args:
        backbone: Its encoder gives the features.
        projector: Takes features of the backbone's width.
    """

    def __init__(self, backbone: Backbone, projector: Projector) -> None:
        super().__init__()
        self.backbone, self.projector = backbone, projector

    def features(self, crops: Tensor, at_once: int | None = None) -> Tensor:
        """Pooled encoder features ``(crop, width)`` of crops ``(crop, channel, x, y, z)``.

        Args:
            crops: The crops.
            at_once: Encode so many crops at a time and, where gradients are wanted, compute each
                part a second time in the backward pass: the memory needed no longer grows with
                the number of crops. The values and gradients stay the same. By default all at
                once.
        """
        if at_once is None:
            return self.backbone.features(crops)
        parts = torch.split(crops, at_once)
        return torch.cat(
            [checkpoint(self.backbone.features, part, use_reentrant=False) for part in parts]
        )

    def forward(self, crops: Tensor) -> Tensor:
        """Embeddings ``(crop, channel)`` of crops ``(crop, channel, x, y, z)``."""
        return self.projector(self.features(crops))
