"""Backbones, and the one registry that builds them by name."""

from voco3d.networks.backbone import Backbone
from voco3d.networks.classifier import Classifier
from voco3d.networks.config import JsonValue, NetworkConfig
from voco3d.networks.position import PositionNetwork
from voco3d.networks.projector import Projector
from voco3d.networks.registry import NETWORKS, build_network
from voco3d.networks.swin_unetr import SWIN_SIZES, SwinUNETR
from voco3d.networks.unet import UNet
from voco3d.networks.unetr import UNETR

__all__ = [
    "NETWORKS",
    "SWIN_SIZES",
    "UNETR",
    "Backbone",
    "Classifier",
    "JsonValue",
    "NetworkConfig",
    "PositionNetwork",
    "Projector",
    "SwinUNETR",
    "UNet",
    "build_network",
]
