"""A small synthetic result, written by hand the way Slicer reads it, and scenes to put it in."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "VoCoSlicer"))

from VoCoSlicerLib.pictures.layout import fit_views
from VoCoSlicerLib.scene.bundle import save_bundle
from VoCoSlicerLib.scene.ct import load_ct
from VoCoSlicerLib.scene.headless import HeadlessApplication
from VoCoSlicerLib.scene.import_result import apply_to_new_segmentation, show_3d

Array = NDArray[np.float64]

IMAGE_CENTER = np.array([-10.0, 20.0, 30.0])  # RAS, mm


@dataclass(frozen=True)
class Structure:
    """An ellipsoid in the patient, in RAS and mm."""

    name: str
    color: tuple[float, float, float]
    terminology: str
    center: tuple[float, float, float]
    radii: tuple[float, float, float]


def terminology(code: str, meaning: str, modifier: str = "^^") -> str:
    return (
        "Segmentation category and type - 3D Slicer General Anatomy list"
        f"~SCT^123037004^Anatomical Structure~SCT^{code}^{meaning}~{modifier}"
        "~Anatomic codes - DICOM master list~^^~^^"
    )


STRUCTURES = (
    Structure(
        name="Right parotid gland",
        color=(0.25, 0.5, 1.0),
        terminology=terminology("45289007", "Parotid gland", "SCT^24028007^Right"),
        center=(14.0, 24.0, 36.0),
        radii=(7.0, 9.0, 12.0),
    ),
    Structure(
        name="Left parotid gland",
        color=(0.25, 0.75, 0.25),
        terminology=terminology("45289007", "Parotid gland", "SCT^7771000^Left"),
        center=(-34.0, 24.0, 36.0),
        radii=(7.0, 9.0, 12.0),
    ),
    Structure(
        name="Mandible",
        color=(1.0, 0.75, 0.5),
        terminology=terminology("91609006", "Mandible"),
        center=(-10.0, 42.0, 24.0),
        radii=(16.0, 8.0, 12.0),
    ),
)


def rotation() -> Array:
    transform = sitk.Euler3DTransform()
    transform.SetRotation(0.15, -0.2, 0.3)
    return np.reshape(transform.GetMatrix(), (3, 3))


DIRECTIONS = {
    "LPS": np.eye(3),
    "RAS": np.diag([-1.0, -1.0, 1.0]),
    "RPS, left-handed": np.diag([-1.0, 1.0, 1.0]),
    "PSL, permuted": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    "oblique": rotation(),
    "oblique, left-handed": rotation() @ np.diag([1.0, 1.0, -1.0]),
}


@dataclass(frozen=True)
class Result:
    """A CT and its segmentation on disk; label n is structure n - 1."""

    ct: Path
    segmentation: Path
    labels: sitk.Image
    intensities: sitk.Image

    def points(self) -> Array:
        """Every voxel's place in RAS in mm, shape (voxels, 3), in the order of the arrays."""
        size = np.array(self.labels.GetSize())
        indices = np.stack(np.indices(size[::-1])[::-1], axis=-1).reshape(-1, 3)
        axes = np.reshape(self.labels.GetDirection(), (3, 3)) * self.labels.GetSpacing()
        return (indices @ axes.T + self.labels.GetOrigin()) * [-1, -1, 1]


def grid(direction: Array) -> sitk.Image:
    image = sitk.Image((48, 40, 36), sitk.sitkUInt8)
    image.SetSpacing((2.0, 2.25, 2.5))
    image.SetDirection(direction.flatten().tolist())
    middle = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
    image.SetOrigin((IMAGE_CENTER * [-1, -1, 1] - middle).tolist())
    return image


def write_result(folder: Path, direction: Array) -> Result:
    empty = grid(direction)
    result = Result(folder / "ct.nii.gz", folder / "result.seg.nrrd", empty, empty)
    points = result.points()
    labels = np.zeros(len(points), dtype=np.int16)
    for label, structure in enumerate(STRUCTURES, 1):
        labels[np.square((points - structure.center) / structure.radii).sum(axis=1) <= 1] = label
    body = np.square((points - IMAGE_CENTER)[:, :2] / (40.0, 36.0)).sum(axis=1) <= 1
    intensities = np.where(body, 40 + 100 * labels, -1000).astype(np.int16)

    shape = empty.GetSize()[::-1]
    label_image = sitk.GetImageFromArray(labels.reshape(shape).astype(np.uint8))
    label_image.CopyInformation(empty)
    ct = sitk.GetImageFromArray(intensities.reshape(shape))
    ct.CopyInformation(empty)
    sitk.WriteImage(ct, str(result.ct))
    write_segmentation(label_image, result.segmentation)
    return Result(result.ct, result.segmentation, label_image, ct)


def write_segmentation(labels: sitk.Image, path: Path) -> None:
    """Write a label map with the header fields that Slicer reads."""
    image = sitk.Image(labels)
    image.SetMetaData("Segmentation_MasterRepresentation", "Binary labelmap")
    image.SetMetaData("Segmentation_ContainedRepresentationNames", "Binary labelmap|")
    image.SetMetaData("Segmentation_ReferenceImageExtentOffset", "0 0 0")
    for n, structure in enumerate(STRUCTURES):
        fields = {
            "ID": structure.name.lower().replace(" ", "_"),
            "Name": structure.name,
            "NameAutoGenerated": "0",
            "Color": " ".join(map(str, structure.color)),
            "ColorAutoGenerated": "0",
            "LabelValue": str(n + 1),
            "Layer": "0",
            "Extent": " ".join(f"0 {size - 1}" for size in labels.GetSize()),
            "Tags": f"TerminologyEntry:{structure.terminology}|",
        }
        for key, value in fields.items():
            image.SetMetaData(f"Segment{n}_{key}", value)
    sitk.WriteImage(image, str(path), useCompression=True)


def put_into_scene(application: HeadlessApplication, result: Result) -> tuple:
    """Load a result: its volume node and its segmentation node."""
    volume_node = load_ct(application.scene, result.ct, "CT")
    names = [structure.name for structure in STRUCTURES]
    return volume_node, show(volume_node, result.segmentation, names)


def show(
    volume_node: slicer.vtkMRMLScalarVolumeNode, path: Path, names: Sequence[str]
) -> slicer.vtkMRMLSegmentationNode:
    """Take a file over as the module takes over the worker's, and show it in 3-D."""
    segmentation_node = apply_to_new_segmentation(volume_node, path, answer(names), "Segmentation")
    show_3d(segmentation_node, True)
    return segmentation_node


def answer(names: Sequence[str]) -> dict[str, Any]:
    """What the worker answers about a result, as far as the scene needs it."""
    provenance = {
        "model": "small",
        "hash": "0" * 64,
        "versions": {},
        "date": "2026-01-01T00:00:00+00:00",
        "device": "cpu",
        "overlap": 0.5,
    }
    return {"structures": [{"name": name} for name in names], "provenance": provenance}


def open_bundle(bundle: Path, folder: Path) -> HeadlessApplication:
    """Read a bundle from disk into a new scene."""
    application = HeadlessApplication()
    with ZipFile(bundle) as archive:
        archive.extractall(folder)
    (scene_file,) = folder.rglob("*.mrml")
    application.scene.SetURL(str(scene_file))
    assert application.scene.Import(None)
    return application


@pytest.fixture
def structures() -> tuple[Structure, ...]:
    return STRUCTURES


@pytest.fixture
def application() -> HeadlessApplication:
    return HeadlessApplication()


@pytest.fixture
def result(tmp_path: Path) -> Result:
    return write_result(tmp_path, DIRECTIONS["LPS"])


@pytest.fixture
def shown(application: HeadlessApplication, result: Result) -> tuple:
    """The nodes of the result in the application's scene."""
    return put_into_scene(application, result)


@pytest.fixture
def shown_empty(application: HeadlessApplication, result: Result) -> tuple:
    """The nodes of a result in which no structure was found."""
    nothing = sitk.Image(result.labels) * 0
    write_segmentation(nothing, result.segmentation)
    return put_into_scene(application, result)


@pytest.fixture(scope="session", params=DIRECTIONS.values(), ids=DIRECTIONS.keys())
def any_result(request: pytest.FixtureRequest, tmp_path_factory) -> Result:
    """A result on a grid of each orientation."""
    return write_result(tmp_path_factory.mktemp("result"), request.param)


@pytest.fixture(scope="session")
def fitted(any_result: Result) -> HeadlessApplication:
    """The scene of each orientation's result, with fitted views."""
    application = HeadlessApplication()
    fit_views(application.scene, *put_into_scene(application, any_result))
    return application


@pytest.fixture(scope="session")
def reopened(fitted: HeadlessApplication, tmp_path_factory) -> HeadlessApplication:
    """The same scene, written to a bundle and read again from disk."""
    folder = tmp_path_factory.mktemp("bundle")
    save_bundle(fitted.scene, folder / "scene.mrb")
    return open_bundle(folder / "scene.mrb", folder)


@pytest.fixture
def reopen(tmp_path: Path) -> Callable[[Path], HeadlessApplication]:
    return lambda bundle: open_bundle(bundle, tmp_path / "reopened")
