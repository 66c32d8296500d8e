from types import SimpleNamespace

import pytest
import SimpleITK as sitk

from Testing.training.models.position_model import position_model
from Testing.training.positions.pictures import noise
from Testing.training.worker.client import Client


@pytest.fixture(scope="session")
def worker(tmp_path_factory):
    """A worker that has imported what it needs; it lets its model go after 4 s without work."""
    client = Client(tmp_path_factory.mktemp("worker"), arguments=("--idle", "4"))
    client.result("hello")
    yield client
    client.close()


@pytest.fixture(scope="session")
def ct(tmp_path_factory, phantom):
    file = tmp_path_factory.mktemp("Doe") / "Doe.nrrd"
    sitk.WriteImage(phantom.image, str(file))
    return file


@pytest.fixture(scope="session")
def positions_model(tmp_path_factory):
    """A small model that predicts positions: its folder."""
    folder = tmp_path_factory.mktemp("models") / "positions"
    position_model(folder)
    return SimpleNamespace(folder=folder)


@pytest.fixture(scope="session")
def image():
    """A small oblique image without air."""
    return noise((30, 26, 22), oblique=True)


@pytest.fixture(scope="session")
def image_file(tmp_path_factory, image):
    file = tmp_path_factory.mktemp("Doe") / "Doe.nrrd"
    sitk.WriteImage(image, str(file))
    return str(file)
