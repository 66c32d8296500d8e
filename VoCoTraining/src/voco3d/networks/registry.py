"""The networks by name."""

from collections.abc import Callable

from voco3d.errors import VoCoError
from voco3d.networks.backbone import Backbone
from voco3d.networks.config import NetworkConfig
from voco3d.networks.swin_unetr import SwinUNETR
from voco3d.networks.unet import UNet
from voco3d.networks.unetr import UNETR

NETWORKS: dict[str, Callable[[NetworkConfig], Backbone]] = {
    "swin_unetr": SwinUNETR,
    "unetr": UNETR,
    "unet": UNet,
}


def build_network(config: NetworkConfig) -> Backbone:
    """Build a network with random weights.

    Raises:
        VoCoError: If the name is not in the registry or a setting is out of range.
    """
    if config.name not in NETWORKS:
        raise VoCoError(
            f"There is no network {config.name!r}; the networks are {', '.join(NETWORKS)}."
        )
    return NETWORKS[config.name](config)
