"""Swin UNETR, version 2: the network of the VoCo releases."""

from typing import Any

from monai.networks.nets import SwinUNETR as MonaiSwinUNETR
from torch import Tensor, nn

from voco3d.errors import VoCoError
from voco3d.networks.backbone import Backbone
from voco3d.networks.config import JsonValue, NetworkConfig, is_count
from voco3d.networks.small_maps import guard_small_maps
from voco3d.networks.window_attention import WindowLayer

SWIN_SIZES = {"B": 48, "L": 96, "H": 192}
"""Feature size of the released sizes by name."""

DEFAULTS: dict[str, JsonValue] = {"feature_size": "B"}

ENCODER_BLOCKS = {
    "swinViT.patch_embed.": 0,
    **{f"swinViT.layers{level}{kind}.": level for level in (1, 2, 3, 4) for kind in ("c", "")},
    **{"encoder1.": 0, "encoder2.": 0, "encoder3.": 1, "encoder4.": 2, "encoder10.": 4},
}
"""The patch embedding, its four stages, and each block on the way to the decoder at the level of
what it reads."""


class SwinUNETR(MonaiSwinUNETR, Backbone):  # type: ignore[misc]
    """Swin transformer encoder with a convolution before each stage, and a U-Net decoder.

    Setting ``feature_size``: "B", "L", "H" or a multiple of 12. The features are the outputs of
    encoder1, 2, 3, 4 and 10, with 1, 1, 2, 4 and 16 times the feature size channels: 24 times the
    feature size together.

    Sources: He et al., SwinUNETR-V2, MICCAI 2023; the pooled stages follow VoCo's released code.

    Args:
        config: The network's description.

    Raises:
        VoCoError: If a setting is unknown or out of range.
    """

    swinViT: nn.Module  # noqa: N815
    encoder1: nn.Module
    encoder2: nn.Module
    encoder3: nn.Module
    encoder4: nn.Module
    encoder10: nn.Module
    out: nn.Module
    decoder5: nn.Module
    decoder4: nn.Module
    decoder3: nn.Module
    decoder2: nn.Module
    decoder1: nn.Module
    encoder_blocks = ENCODER_BLOCKS
    monai_class = "SwinUNETR"
    input_keys = (
        "swinViT.patch_embed.proj.weight",
        "encoder1.layer.conv1.conv.weight",
        "encoder1.layer.conv3.conv.weight",
    )

    def __init__(self, config: NetworkConfig) -> None:
        size = _feature_size(config.settings(DEFAULTS)["feature_size"])
        arguments: dict[str, Any] = {
            "in_channels": config.in_channels,
            "out_channels": config.out_channels,
            "feature_size": size,
            "use_v2": True,
        }
        super().__init__(**arguments)
        for name in ("layers1", "layers2", "layers3", "layers4"):
            layer = self.swinViT.get_submodule(f"{name}.0")
            setattr(self.swinViT, name, nn.ModuleList([WindowLayer(layer)]))
        guard_small_maps(self)
        self.monai_arguments = arguments
        self.config = config
        self.feature_width, self.decoder_width = 24 * size, size
        self.divisor = 32

    def encoder_maps(self, image: Tensor) -> list[Tensor]:
        """Return the outputs of encoder1, 2, 3, 4, of the third stage, and of encoder10."""
        hidden = self.swinViT(image, self.normalize)
        return [
            self.encoder1(image),
            self.encoder2(hidden[0]),
            self.encoder3(hidden[1]),
            self.encoder4(hidden[2]),
            hidden[3],
            self.encoder10(hidden[4]),
        ]

    def stages(self, maps: list[Tensor]) -> list[Tensor]:
        """Return the outputs of encoder1, 2, 3, 4 and 10; see ``Backbone``."""
        *finer, _, deepest = maps
        return [*finer, deepest]

    @property
    def head(self) -> nn.Module:
        """The last convolution; see ``Backbone``."""
        return self.out

    def decoder_blocks(self) -> list[nn.Module]:
        """Return decoder5, 4, 3, 2 and 1; see ``Backbone``."""
        return [self.decoder5, self.decoder4, self.decoder3, self.decoder2, self.decoder1]


def _feature_size(value: JsonValue) -> int:
    size = SWIN_SIZES.get(value) if isinstance(value, str) else value
    if not is_count(size) or size % 12:
        raise VoCoError(
            f"The network setting feature_size must be one of {', '.join(SWIN_SIZES)} or a "
            f"multiple of 12, but it is {value!r}."
        )
    return size
