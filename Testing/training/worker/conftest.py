import pytest
import SimpleITK as sitk

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
