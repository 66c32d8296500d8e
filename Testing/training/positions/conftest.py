"""A small model that predicts positions, and an image that is open with it."""

from types import SimpleNamespace

import pytest

from Testing.training.models.position_model import position_model
from Testing.training.positions.pictures import noise
from voco3d.positions import Positioner


@pytest.fixture(scope="session")
def positions_model(tmp_path_factory):
    """Grid 2 x 2 x 1 of 16 x 16 x 16 voxels; its folder, network and reference bases."""
    folder = tmp_path_factory.mktemp("models") / "positions"
    model, network, bases = position_model(folder)
    return SimpleNamespace(folder=folder, model=model, network=network.eval(), bases=bases)


@pytest.fixture(scope="session")
def positioner(positions_model):
    return Positioner(positions_model.folder, "cpu")


@pytest.fixture(scope="session")
def opened(positioner):
    """An oblique, flipped image."""
    return positioner.open(noise(oblique=True))
