"""A 3-D U-Net of the nnU-Net kind (MONAI's DynUNet)."""

from typing import Any

from monai.networks.nets import DynUNet
from torch import Tensor, nn

from voco3d.errors import VoCoError
from voco3d.networks.backbone import Backbone
from voco3d.networks.config import JsonValue, NetworkConfig, is_count
from voco3d.networks.small_maps import guard_small_maps

DEFAULTS: dict[str, JsonValue] = {"filters": [32, 64, 128, 256, 320]}


class UNet(DynUNet, Backbone):  # type: ignore[misc]
    """3-D U-Net: two 3^3 convolutions a level, instance norm, leaky ReLU, stride 2 between.

    Setting ``filters``: channels of each level, the finest first, at least three. The features
    are the outputs of all levels, so their width is the sum of the filters.

    MONAI registers each block a second time under ``skip_layers``: those keys are aliases of the
    same tensors.

    Source: Isensee et al., nnU-Net, Nature Methods 2021.

    Args:
        config: The network's description.

    Raises:
        VoCoError: If a setting is unknown or out of range.
    """

    input_block: nn.Module
    downsamples: nn.ModuleList
    bottleneck: nn.Module
    upsamples: nn.ModuleList
    output_block: nn.Module
    monai_class = "DynUNet"
    input_keys = ("input_block.conv1.conv.weight",)

    def __init__(self, config: NetworkConfig) -> None:
        filters = _filters(config.settings(DEFAULTS)["filters"])
        levels = len(filters)
        arguments: dict[str, Any] = {
            "spatial_dims": 3,
            "in_channels": config.in_channels,
            "out_channels": config.out_channels,
            "kernel_size": [3] * levels,
            "strides": [1] + [2] * (levels - 1),
            "upsample_kernel_size": [2] * (levels - 1),
            "filters": filters,
        }
        super().__init__(**arguments)
        guard_small_maps(self)
        self.monai_arguments = arguments
        self.config = config
        names = ["input_block", *(f"downsamples.{i}" for i in range(levels - 2)), "bottleneck"]
        self.encoder_blocks = {f"{name}.": level for level, name in enumerate(names)}
        self.feature_width, self.decoder_width = sum(filters), filters[0]
        self.divisor = 2 ** (levels - 1)

    def encoder_maps(self, image: Tensor) -> list[Tensor]:
        """Return the outputs of all levels, the finest first; see ``Backbone``."""
        maps: list[Tensor] = []
        for block in [self.input_block, *self.downsamples, self.bottleneck]:
            image = block(image)
            maps.append(image)
        return maps

    def decoder_blocks(self) -> list[nn.Module]:
        """Return the blocks of all levels but the deepest, that one's neighbour first."""
        return list(self.upsamples)

    @property
    def head(self) -> nn.Module:
        """The last convolution; see ``Backbone``."""
        return self.output_block


def _filters(value: JsonValue) -> list[int]:
    counts = [count for count in value if is_count(count)] if isinstance(value, list) else []
    if len(counts) < 3 or counts != value:
        raise VoCoError(
            f"The network setting filters must list three or more channel counts, one a level, "
            f"but it is {value!r}."
        )
    return counts
