"""A small model that predicts positions."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from Testing.conftest import STRUCTURES
from voco3d.data import Preprocessing
from voco3d.data.volume import VolumeSettings
from voco3d.geometry import BaseGrid
from voco3d.models import Card, Model, Positions, write_model
from voco3d.networks import NetworkConfig, PositionNetwork, Projector, build_network

POSITIONS = Positions(
    "paper", BaseGrid((2, 2, 1), (16, 16, 16)), VolumeSettings(size=(32, 32, 16)), 6
)
CARD = Card(
    "Encoder for position prediction",
    data="Phantoms",
    results={"phantoms, validation": {"top-1 base": 0.71, "chance": 0.25}},
)


def position_network(seed: int = 0, width: int = 6) -> PositionNetwork:
    """A network whose projector has statistics of its own."""
    torch.manual_seed(seed)
    backbone = build_network(NetworkConfig("unet", 1, 3, {"filters": [4, 8, 12]}))
    network = PositionNetwork(backbone, Projector(backbone.feature_width, width))
    with torch.no_grad():
        network(torch.rand(6, 1, 16, 16, 16))
    return network


def position_model(
    folder: Path, segments: bool = False, dtype: torch.dtype = torch.float32, **changes: object
) -> tuple[Model, PositionNetwork, Tensor]:
    """A model folder; returns what was written."""
    network = position_network()
    bases = torch.nn.functional.normalize(torch.randn(4, 6), dim=1) * 0.9
    model = Model(
        name=folder.name,
        network=network.backbone.config,
        preprocessing=Preprocessing((1.5, 1.5, 3.0), (-175.0, 250.0)),
        window=(16, 16, 16),
        overlap=0.5,
        structures=STRUCTURES if segments else (),
        weights=folder / "models/model.safetensors",
        card=CARD,
        positions=POSITIONS,
    )
    model = replace(model, **changes)
    write_model(folder, model, network, dtype, reference_bases=bases)
    return model, network, bases
