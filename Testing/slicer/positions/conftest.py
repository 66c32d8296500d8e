"""The bundled position model, loaded once."""

import pytest

from voco3d.positions import Positioner


@pytest.fixture(scope="session")
def positioner() -> Positioner:
    return Positioner("headneck-voco", "cpu")
