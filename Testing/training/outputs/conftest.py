"""Models whose results are written, label maps, and series that they belong to."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.training.models import region_model as regional
from Testing.training.outputs.dicom_series import Series
from Testing.training.outputs.orientations import DIRECTIONS
from voco3d.models import Model, read_model


@pytest.fixture(scope="module")
def model(model_folder: Path) -> Model:
    return read_model(model_folder)


@pytest.fixture(scope="module")
def tumor(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model whose structures overlap: label values 1, 2 and 4."""
    return regional.region_model(tmp_path_factory.mktemp("models") / "tumor")


@pytest.fixture(params=DIRECTIONS)
def labels(request: pytest.FixtureRequest) -> sitk.Image:
    """Labels 0, 1, 2 without any symmetry."""
    array = np.random.default_rng(4).integers(0, 3, size=(11, 10, 9), dtype=np.uint8)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.7, 1.3, 2.9))
    image.SetOrigin((-31.4, 15.9, 26.5))
    image.SetDirection(DIRECTIONS[request.param])
    return image


@pytest.fixture(scope="module")
def short_series(phantom, tmp_path_factory) -> Series:
    return Series(tmp_path_factory.mktemp("short"), phantom.image[:, :, 20:25])
