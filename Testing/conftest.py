"""What the tests share: real CTs where they are there, small phantoms, a small model."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
import torch
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from voco3d.data import Preprocessing
from voco3d.models import Card, Code, Model, Structure, write_model
from voco3d.networks import NetworkConfig, build_network
from voco3d.phantom import Phantom, make_phantom

ANATOMY = Code("SCT", "123037004", "Anatomical Structure")
STRUCTURES = (
    Structure("brainstem", (255, 0, 0), ANATOMY, Code("SCT", "15926001", "Brainstem")),
    Structure(
        "right parotid gland",
        (0, 128, 255),
        ANATOMY,
        Code("SCT", "45289007", "Parotid gland"),
        Code("SCT", "24028007", "Right"),
    ),
)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(__file__).resolve().parents[1] / "../shared/data"
    if not folder.is_dir():
        pytest.skip("the real CTs (shared/data beside the project) are not on this machine")
    return folder.resolve()


@pytest.fixture(scope="session")
def phantom() -> Phantom:
    """A coarse head and neck: 40 x 44 x 48 voxels of 6 x 6 x 6 mm."""
    return make_phantom("headneck", 3, (40, 44, 48), 6.0)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output folder with nothing in it."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def small_model(folder: Path, **changes: object) -> Model:
    """A model folder with a small random network, whose label maps hold all classes."""
    torch.manual_seed(2)
    network = NetworkConfig("unet", 1, 3, {"filters": [8, 8, 16]})
    values = {
        "name": folder.name,
        "network": network,
        "preprocessing": Preprocessing((8.0, 7.0, 6.0), (-200.0, 500.0)),
        "window": (24, 24, 24),
        "overlap": 0.25,
        "structures": STRUCTURES,
        "weights": folder / "models/model.safetensors",
        "card": Card("Tests the software"),
    }
    model = Model(**{**values, **changes})
    write_model(folder, model, build_network(model.network))
    return model


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "small"
    small_model(folder)
    return folder


def write_dicom_series(image: sitk.Image, folder: Path, skip: tuple[int, ...] = ()) -> str:
    """Write a CT as a DICOM series, slice by slice, and return its series instance UID."""
    folder.mkdir(parents=True, exist_ok=True)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    voxels = sitk.GetArrayFromImage(image).astype(np.int16)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    for index in set(range(len(voxels))) - set(skip):
        slice_ = pydicom.Dataset()
        slice_.file_meta = pydicom.dataset.FileMetaDataset()
        slice_.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        slice_.SOPClassUID = CTImageStorage
        slice_.SOPInstanceUID = generate_uid()
        slice_.file_meta.MediaStorageSOPClassUID = CTImageStorage
        slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID
        slice_.StudyInstanceUID, slice_.SeriesInstanceUID = study, series
        slice_.FrameOfReferenceUID = frame
        slice_.Modality = "CT"
        slice_.PatientID, slice_.PatientName = "phantom", "Phantom"
        slice_.PatientBirthDate = slice_.PatientSex = slice_.StudyID = ""
        slice_.AccessionNumber = slice_.ReferringPhysicianName = ""
        slice_.StudyDate, slice_.StudyTime = "20240101", "120000"
        slice_.SeriesNumber, slice_.InstanceNumber = 1, index + 1
        slice_.ImagePositionPatient = list(image.TransformIndexToPhysicalPoint((0, 0, index)))
        slice_.ImageOrientationPatient = [*direction[:, 0], *direction[:, 1]]
        slice_.PixelSpacing = [image.GetSpacing()[1], image.GetSpacing()[0]]
        slice_.SliceThickness = image.GetSpacing()[2]
        slice_.Rows, slice_.Columns = voxels.shape[1:]
        slice_.SamplesPerPixel, slice_.PhotometricInterpretation = 1, "MONOCHROME2"
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit = 16, 16, 15
        slice_.PixelRepresentation = 1
        slice_.RescaleSlope, slice_.RescaleIntercept = 1, 0
        slice_.PixelData = voxels[index].tobytes()
        slice_.save_as(folder / f"{index:04d}.dcm", enforce_file_format=True)
    return series
