"""The sample CT is a phantom of this project, and Slicer's Sample Data module is told so."""

import hashlib
import sys
from types import ModuleType
from urllib.request import urlretrieve

import numpy as np
import pytest
import SimpleITK as sitk

from voco3d.phantom import make_phantom
from VoCoSlicerLib.sample_data import (
    SAMPLE_CHECKSUM,
    SAMPLE_FILE,
    SAMPLE_NAME,
    THUMBNAIL,
    register_sample_data,
)

ARGUMENTS = {
    "category",
    "sampleName",
    "uris",
    "fileNames",
    "nodeNames",
    "customDownloader",
    "thumbnailFileName",
    "loadFileType",
    "loadFiles",
    "loadFileProperties",
    "checksums",
}
"""Of SampleDataLogic.registerCustomSampleDataSource (Modules/Scripted/SampleData/SampleData.py)."""


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What a stand-in of Slicer's module was asked to register."""
    sources: list[dict[str, str]] = []

    class SampleDataLogic:
        @staticmethod
        def registerCustomSampleDataSource(**arguments: str) -> None:  # noqa: N802
            assert set(arguments) <= ARGUMENTS
            sources.append(arguments)

    module = ModuleType("SampleData")
    module.SampleDataLogic = SampleDataLogic
    monkeypatch.setitem(sys.modules, "SampleData", module)
    register_sample_data()
    return sources


def test_the_file_is_the_phantom_that_the_script_makes():
    """So it is nobody's data."""
    image = sitk.ReadImage(str(SAMPLE_FILE))
    made = make_phantom("headneck", 4000, (128, 128, 128), 3.0).image

    assert image.GetSize() == made.GetSize()
    assert image.GetSpacing() == pytest.approx(made.GetSpacing())
    assert image.GetOrigin() == pytest.approx(made.GetOrigin())
    assert image.GetDirection() == pytest.approx(made.GetDirection())
    difference = np.abs(sitk.GetArrayFromImage(image - made))
    assert difference.max() <= 1  # a voxel may round the other way on another processor


def test_the_header_says_nothing_but_the_grid():
    image = sitk.ReadImage(str(SAMPLE_FILE))

    assert {key for key in image.GetMetaDataKeys() if not key.startswith("NRRD_")} <= {
        "ITK_original_direction",
        "ITK_original_spacing",
        "ITK_InputFilterName",
    }


def test_slicer_is_told_where_it_lies(registered, tmp_path):
    """Slicer fetches the address with `urlretrieve`, and compares the checksum."""
    (source,) = registered
    copy = tmp_path / source["fileNames"]

    urlretrieve(source["uris"], copy)

    algorithm, digest = source["checksums"].split(":")
    assert algorithm == "SHA256"
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == digest
    assert source["uris"].startswith("file:")


def test_it_is_shown_with_name_and_thumbnail(registered):
    (source,) = registered

    assert source["sampleName"] == source["nodeNames"] == SAMPLE_NAME
    assert source["loadFileType"] == "VolumeFile"
    assert source["thumbnailFileName"] == str(THUMBNAIL)
    assert THUMBNAIL.is_file()
    assert source["checksums"] == SAMPLE_CHECKSUM
