"""A network that tells to which category a whole image belongs."""

import torch
from torch import Tensor, nn

from voco3d.networks.backbone import Backbone

CLASSIFIER = "classifier."
"""What the keys of the layer that classifies begin with."""


class Classifier(nn.Module):
    """A backbone's features, averaged over space, and a linear layer.

    The features are every encoder stage and what the segmentation head would read; that head is
    not used, and frozen.

    Args:
        backbone: Its encoder and decoder are run, once.
        categories: How many categories there are.
    """

    def __init__(self, backbone: Backbone, categories: int) -> None:
        super().__init__()
        self.backbone = backbone
        backbone.head.requires_grad_(False)
        self.classifier = nn.Linear(backbone.feature_width + backbone.decoder_width, categories)

    def forward(self, image: Tensor) -> Tensor:
        """Logits ``(batch, category)`` of images ``(batch, channel, x, y, z)``."""
        maps = self.backbone.encoder_maps(image)
        features = [*self.backbone.stages(maps), self.backbone.decode(maps)]
        logits: Tensor = self.classifier(
            torch.cat([feature.mean(dim=(2, 3, 4)) for feature in features], dim=1)
        )
        return logits

    @property
    def encoder_levels(self) -> int:
        """How many levels the encoder has."""
        return self.backbone.encoder_levels

    def encoder_level(self, key: str) -> int | None:
        """How deep in the encoder a tensor lies; see ``Backbone.encoder_level``."""
        return self.backbone.encoder_level(key.removeprefix("backbone."))
