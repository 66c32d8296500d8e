"""A volume, and a result that was computed for it."""

import pytest

from Testing.slicer.scene.scenes import MASKS, OBLIQUE, add_volume, write_result


@pytest.fixture
def volume_node(application):
    return add_volume(application.scene, OBLIQUE)


@pytest.fixture
def computed(volume_node, tmp_path):
    """A result of two structures."""
    return write_result(volume_node, tmp_path / "first", MASKS)
