"""What every network offers: segmentation, pooled encoder features, and its encoder's keys."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from voco3d.networks.config import NetworkConfig


class Backbone(nn.Module, ABC):
    """A segmentation network whose encoder VoCo pre-trains.

    Calling it with an image ``(batch, channel, x, y, z)`` gives logits
    ``(batch, class, x, y, z)`` of the same size. Its state dict has MONAI's plain keys.

    Attributes:
        config: What the network was built from.
        feature_width: Width of what ``features`` returns.
        divisor: Every side of the input must be a multiple of it, and one side at least twice
            as long (instance normalisation needs two voxels at the lowest level).
        encoder_prefixes: State-dict keys that start with one of these belong to the encoder.
        input_keys: State-dict keys of the weights that see the input's channels.
        monai_class: MONAI's name of the network.
        monai_arguments: What MONAI's class is called with.
    """

    config: NetworkConfig
    feature_width: int
    divisor: int
    encoder_prefixes: ClassVar[tuple[str, ...]]
    input_keys: ClassVar[tuple[str, ...]]
    monai_class: ClassVar[str]
    monai_arguments: dict[str, Any]

    @abstractmethod
    def encoder_stages(self, image: Tensor) -> list[Tensor]:
        """Return the encoder's feature maps ``(batch, channel, x, y, z)``, the finest first.

        Args:
            image: ``(batch, channel, x, y, z)``.
        """

    def features(self, image: Tensor) -> Tensor:
        """Return what VoCo compares: every encoder stage, averaged over space, side by side.

        Args:
            image: ``(batch, channel, x, y, z)``.

        Returns:
            ``(batch, feature_width)``, the finest stage first.
        """
        return torch.cat([stage.mean(dim=(2, 3, 4)) for stage in self.encoder_stages(image)], dim=1)

    def is_encoder_key(self, key: str) -> bool:
        """Whether a state-dict key belongs to the encoder."""
        return key.startswith(self.encoder_prefixes)

    def encoder_keys(self) -> list[str]:
        """Return the encoder's state-dict keys, in the order of the state dict."""
        return [key for key in self.state_dict() if self.is_encoder_key(key)]
