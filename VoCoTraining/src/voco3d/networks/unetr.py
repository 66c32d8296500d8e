"""UNETR: a vision transformer as encoder of a U-Net."""

from collections.abc import Callable
from typing import Any

from monai.networks.nets import UNETR as MonaiUNETR  # noqa: N811
from torch import Tensor, nn

from voco3d.errors import VoCoError
from voco3d.networks.backbone import Backbone
from voco3d.networks.config import JsonValue, NetworkConfig, is_count
from voco3d.networks.small_maps import guard_small_maps

DEFAULTS: dict[str, JsonValue] = {
    "img_size": [96, 96, 96],
    "feature_size": 16,
    "hidden_size": 768,
    "mlp_dim": 3072,
    "num_heads": 12,
}
PATCH = 16
BLOCKS = 12
SKIPS = {"encoder2": 3, "encoder3": 6, "encoder4": 9}
"""Which transformer block's output each block on the way to the decoder reads."""

ENCODER_BLOCKS = {
    "vit.patch_embedding.": 0,
    "encoder1.": 0,
    **{f"vit.blocks.{block}.": block + 1 for block in range(BLOCKS)},
    **{f"{name}.": block + 1 for name, block in SKIPS.items()},
    "vit.norm.": BLOCKS,
}


class UNETR(MonaiUNETR, Backbone):  # type: ignore[misc]
    """Twelve transformer blocks on patches of 16^3 voxels, and a U-Net decoder.

    Settings: ``img_size``, the only input size (x, y, z) that the position embedding fits, in
    voxels, multiples of 16; ``feature_size``; ``hidden_size``, a multiple of ``num_heads``;
    ``mlp_dim``. The features are the outputs of encoder1, 2, 3 and 4 (1, 2, 4 and 8 times the
    feature size channels) and of the transformer itself (hidden size).

    Source: Hatamizadeh et al., UNETR, WACV 2022.

    Args:
        config: The network's description.

    Raises:
        VoCoError: If a setting is unknown or out of range.
    """

    vit: nn.Module
    encoder1: nn.Module
    encoder2: nn.Module
    encoder3: nn.Module
    encoder4: nn.Module
    out: nn.Module
    decoder5: nn.Module
    decoder4: nn.Module
    decoder3: nn.Module
    decoder2: nn.Module
    proj_feat: Callable[[Tensor], Tensor]
    encoder_blocks = ENCODER_BLOCKS
    monai_class = "UNETR"
    input_keys = (
        "vit.patch_embedding.patch_embeddings.weight",
        "encoder1.layer.conv1.conv.weight",
        "encoder1.layer.conv3.conv.weight",
    )

    def __init__(self, config: NetworkConfig) -> None:
        settings = config.settings(DEFAULTS)
        img_size = _image_size(settings.pop("img_size"))
        counts = {key: value for key, value in settings.items() if is_count(value)}
        for key in settings.keys() - counts.keys():
            raise VoCoError(
                f"The network setting {key} must be a whole number from 1 up, but it is "
                f"{settings[key]!r}."
            )
        if counts["hidden_size"] % counts["num_heads"]:
            raise VoCoError(
                f"The network setting hidden_size must be a multiple of num_heads, but "
                f"{counts['hidden_size']} is no multiple of {counts['num_heads']}."
            )
        arguments: dict[str, Any] = {
            "in_channels": config.in_channels,
            "out_channels": config.out_channels,
            "img_size": img_size,
            **counts,
        }
        super().__init__(**arguments)
        guard_small_maps(self)
        for key, module in self.vit.named_modules():
            if key.endswith("norm_cross_attn"):  # MONAI makes it, but has no cross-attention here
                module.requires_grad_(False)
        self.monai_arguments = arguments
        self.config = config
        self.feature_width = 15 * counts["feature_size"] + counts["hidden_size"]
        self.decoder_width = counts["feature_size"]
        self.divisor = PATCH
        self.img_size = img_size

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits ``(batch, class, x, y, z)`` of an image of the network's size.

        Raises:
            VoCoError: If the image has another size.
        """
        self._check_size(image)
        return super().forward(image)

    def encoder_maps(self, image: Tensor) -> list[Tensor]:
        """Return the outputs of encoder1, 2, 3, 4 and of the transformer; see ``Backbone``."""
        self._check_size(image)
        tokens, hidden = self.vit(image)
        return [
            self.encoder1(image),
            self.encoder2(self.proj_feat(hidden[3])),
            self.encoder3(self.proj_feat(hidden[6])),
            self.encoder4(self.proj_feat(hidden[9])),
            self.proj_feat(tokens),
        ]

    @property
    def head(self) -> nn.Module:
        """The last convolution; see ``Backbone``."""
        return self.out

    def decoder_blocks(self) -> list[nn.Module]:
        """Return decoder5, 4, 3 and 2; see ``Backbone``."""
        return [self.decoder5, self.decoder4, self.decoder3, self.decoder2]

    def _check_size(self, image: Tensor) -> None:
        if tuple(image.shape[2:]) != self.img_size:
            raise VoCoError(
                f"This UNETR takes windows of {_by(self.img_size)} voxels only, but was given "
                f"{_by(image.shape[2:])}; set the window to the network's img_size."
            )


def _image_size(value: JsonValue) -> tuple[int, int, int]:
    sides = [side for side in value if is_count(side)] if isinstance(value, list) else []
    if len(sides) != 3 or sides != value or any(side % PATCH for side in sides):
        raise VoCoError(
            f"The network setting img_size must list three multiples of {PATCH}, but it is "
            f"{value!r}."
        )
    x, y, z = sides
    return x, y, z


def _by(sides: tuple[int, ...]) -> str:
    return " x ".join(map(str, sides))
