"""What every network offers: segmentation, pooled encoder features, and its encoder's keys."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
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
        decoder_width: Channels of the decoder's last feature map.
        divisor: Every side of the input must be a multiple of it, and one side at least twice
            as long (instance normalisation needs two voxels at the lowest level).
        encoder_blocks: The blocks of the encoder, by the prefix of their state-dict keys, with
            their level: 0 sees the image, each deeper block has a higher one.
        input_keys: State-dict keys of the weights that see the input's channels.
        monai_class: MONAI's name of the network.
        monai_arguments: What MONAI's class is called with.
    """

    config: NetworkConfig
    feature_width: int
    decoder_width: int
    divisor: int
    encoder_blocks: Mapping[str, int]
    input_keys: ClassVar[tuple[str, ...]]
    monai_class: ClassVar[str]
    monai_arguments: dict[str, Any]

    @abstractmethod
    def encoder_maps(self, image: Tensor) -> list[Tensor]:
        """Return all feature maps that the decoder reads, the finest first.

        Args:
            image: ``(batch, channel, x, y, z)``.

        Returns:
            Maps ``(batch, channel, x, y, z)``, each at most as large as the one before.
        """

    @abstractmethod
    def decoder_blocks(self) -> list[nn.Module]:
        """Return the blocks of the decoder in the order in which they are run.

        The first reads the last of ``encoder_maps`` and the one before it; each next one what
        came out, and a finer map.
        """

    @property
    @abstractmethod
    def head(self) -> nn.Module:
        """What makes logits of the decoder's last feature map."""

    def stages(self, maps: list[Tensor]) -> list[Tensor]:
        """Return those of ``encoder_maps`` that VoCo compares: all, if not said otherwise."""
        return maps

    def encoder_stages(self, image: Tensor) -> list[Tensor]:
        """Return the encoder's feature maps ``(batch, channel, x, y, z)``, the finest first.

        Args:
            image: ``(batch, channel, x, y, z)``.
        """
        return self.stages(self.encoder_maps(image))

    def decode(self, maps: list[Tensor]) -> Tensor:
        """Return the feature map that the segmentation head reads.

        Args:
            maps: What ``encoder_maps`` returned.

        Returns:
            ``(batch, decoder_width, x, y, z)`` of the image's size.
        """
        *skips, decoded = maps
        for block, skip in zip(self.decoder_blocks(), reversed(skips), strict=True):
            decoded = block(decoded, skip)
        return decoded

    def features(self, image: Tensor) -> Tensor:
        """Return what VoCo compares: every encoder stage, averaged over space, side by side.

        Args:
            image: ``(batch, channel, x, y, z)``.

        Returns:
            ``(batch, feature_width)``, the finest stage first.
        """
        return torch.cat([stage.mean(dim=(2, 3, 4)) for stage in self.encoder_stages(image)], dim=1)

    @property
    def encoder_levels(self) -> int:
        """How many levels the encoder has."""
        return 1 + max(self.encoder_blocks.values())

    def encoder_level(self, key: str) -> int | None:
        """How deep in the encoder a tensor lies.

        Args:
            key: Its key in the network's state dict.

        Returns:
            0 for what sees the image, up to ``encoder_levels - 1``; None outside the encoder.
        """
        return next(
            (level for prefix, level in self.encoder_blocks.items() if key.startswith(prefix)), None
        )

    def is_encoder_key(self, key: str) -> bool:
        """Whether a state-dict key, of this network or of a larger one, belongs to the encoder."""
        return key.partition(".")[0] in {block.partition(".")[0] for block in self.encoder_blocks}

    def encoder_keys(self) -> list[str]:
        """Return the encoder's state-dict keys, in the order of the state dict."""
        return [key for key in self.state_dict() if self.is_encoder_key(key)]
