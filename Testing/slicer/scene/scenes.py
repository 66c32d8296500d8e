"""Volumes on any grid, results for them, and all that can be seen of a scene."""

from collections.abc import Mapping
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from voco3d.models import Code, Structure
from voco3d.outputs.seg_nrrd import write_seg_nrrd
from VoCoSlicerLib.scene.transfer import write_volume

ORIENTATIONS = [
    np.eye(3)[:, list(order)] * signs
    for order in permutations(range(3))
    for signs in product((1.0, -1.0), repeat=3)
]
SPACING = (0.7, 1.3, 2.9)
ORIGIN = (-11.5, 23.25, -101.0)
SIZE = (7, 6, 5)

ANATOMY = Code("SCT", "123037004", "Anatomical Structure")
STRUCTURES = {
    "mandible": Structure("mandible", (255, 128, 0), ANATOMY, Code("SCT", "91609006", "Mandible")),
    "right parotid gland": Structure(
        "right parotid gland",
        (0, 128, 255),
        ANATOMY,
        Code("SCT", "45289007", "Parotid gland"),
        Code("SCT", "24028007", "Right"),
    ),
    "brainstem": Structure("brainstem", (255, 0, 0), ANATOMY, Code("SCT", "15926001", "Brainstem")),
}
PROVENANCE = {
    "model": "headneck: a|b",
    "hash": "0" * 64,
    "versions": {"voco3d": "1.0", "torch": "2.13.0+cpu"},
    "date": "2026-11-26T19:00:00+00:00",
    "device": "cpu",
    "overlap": 0.5,
}


def rotation(a: float, b: float, c: float) -> np.ndarray:
    transform = sitk.Euler3DTransform()
    transform.SetRotation(a, b, c)
    return np.reshape(transform.GetMatrix(), (3, 3))


OBLIQUE = rotation(0.3, -0.5, 0.9) @ ORIENTATIONS[13]


def affine(linear: np.ndarray, translation=(0.0, 0.0, 0.0)) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = translation
    return matrix


def vtk_matrix(array: np.ndarray) -> vtk.vtkMatrix4x4:
    matrix = vtk.vtkMatrix4x4()
    for row in range(4):
        for column in range(4):
            matrix.SetElement(row, column, array[row, column])
    return matrix


def some_values(size=SIZE, dtype=np.int16) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 100, size).astype(dtype) + np.arange(
        np.prod(size)
    ).reshape(size).astype(dtype)


def image_data(values: np.ndarray) -> vtk.vtkImageData:
    image = vtk.vtkImageData()
    image.SetDimensions(values.shape)
    kinds = {
        np.int8: vtk.VTK_SIGNED_CHAR, np.uint8: vtk.VTK_UNSIGNED_CHAR, np.int16: vtk.VTK_SHORT,
        np.uint16: vtk.VTK_UNSIGNED_SHORT, np.int32: vtk.VTK_INT, np.uint32: vtk.VTK_UNSIGNED_INT,
        np.int64: vtk.VTK_LONG_LONG, np.float32: vtk.VTK_FLOAT, np.float64: vtk.VTK_DOUBLE,
    }  # fmt: skip
    image.AllocateScalars(kinds[values.dtype.type], 1)
    vtk_to_numpy(image.GetPointData().GetScalars())[:] = values.ravel(order="F")
    return image


def set_grid(node, direction=ORIENTATIONS[0], spacing=SPACING, origin=ORIGIN) -> None:
    """Place a volume: direction and origin in RAS."""
    node.SetIJKToRASMatrix(vtk_matrix(affine(direction * np.asarray(spacing), origin)))


def add_volume(scene, direction=ORIENTATIONS[0], *, values=None, name="CT", **grid):
    node = slicer.vtkMRMLScalarVolumeNode()
    node.SetName(name)
    node.SetAndObserveImageData(image_data(some_values() if values is None else values))
    set_grid(node, direction, **grid)
    return scene.AddNode(node)


def add_transform(scene, matrix: np.ndarray, parent=None):
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "T")
    node.SetMatrixTransformToParent(vtk_matrix(matrix))
    if parent is not None:
        node.SetAndObserveTransformNodeID(parent.GetID())
    return node


def put_under(node, transform_node) -> None:
    node.SetAndObserveTransformNodeID(transform_node.GetID())


def array_of(volume_node) -> np.ndarray:
    image = volume_node.GetImageData()
    values = vtk_to_numpy(image.GetPointData().GetScalars())
    return values.reshape(image.GetDimensions(), order="F")


def to_world_points(node, points) -> np.ndarray:
    """Points in a node's coordinates, one by one through the transforms above it."""
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        node.GetParentTransformNode(), None, transform
    )
    return np.array([transform.TransformPoint(*map(float, point)) for point in points])


def voxel_points(volume_node, indices) -> np.ndarray:
    """World RAS places of voxels, one by one through the volume's own matrix."""
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    places = [matrix.MultiplyPoint((*map(float, index), 1.0))[:3] for index in indices]
    return to_world_points(volume_node, places)


def segment_points(segmentation_node, segment_id) -> np.ndarray:
    """World RAS places of a segment's voxels."""
    segment = segmentation_node.GetSegmentation().GetSegment(segment_id)
    labelmap = segment.GetRepresentation("Binary labelmap")
    if labelmap is None:
        return np.zeros((0, 3))
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    extent = labelmap.GetExtent()
    places = []
    for k in range(extent[4], extent[5] + 1):
        for j in range(extent[2], extent[3] + 1):
            for i in range(extent[0], extent[1] + 1):
                if labelmap.GetScalarComponentAsDouble(i, j, k, 0) == segment.GetLabelValue():
                    places.append(matrix.MultiplyPoint((i, j, k, 1.0))[:3])
    return to_world_points(segmentation_node, places)


def same_places(one: np.ndarray, other: np.ndarray, tolerance: float = 1e-3) -> bool:
    """Whether two sets of points are the same, in any order."""
    if len(one) != len(other) or len(one) == 0:
        return len(one) == len(other)
    distances = np.linalg.norm(one[:, None] - other, axis=2)
    return bool(max(distances.min(axis=0).max(), distances.min(axis=1).max()) < tolerance)


def some_masks(names=("mandible", "right parotid gland"), size=SIZE, seed=0):
    """A mask a structure, without overlap, of no symmetry."""
    random = np.random.default_rng(seed)
    drawn = random.integers(0, len(names) + 2, size)
    return {name: drawn == label for label, name in enumerate(names, 1)}


def write_result(
    volume_node, folder: Path, masks: Mapping[str, np.ndarray], *, model: str | None = None
) -> tuple[Path, dict[str, Any]]:
    """What the worker makes of the volume that it gets: the file and the answer."""
    folder.mkdir(exist_ok=True)
    write_volume(volume_node, folder / "volume.nrrd")
    image = sitk.ReadImage(str(folder / "volume.nrrd"))
    labels = np.zeros(image.GetSize(), np.uint8)
    for label, mask in enumerate(masks.values(), 1):
        labels[mask] = label
    label_image = sitk.GetImageFromArray(labels.transpose(2, 1, 0))
    label_image.CopyInformation(image)
    structures = {label: STRUCTURES[name] for label, name in enumerate(masks, 1)}
    path = folder / "result.seg.nrrd"
    write_seg_nrrd(path, label_image, structures)
    return path, answer(masks, path, model=model)


def answer(names, path, *, model: str | None = None) -> dict[str, Any]:
    return {
        "output": str(path),
        "structures": [{"label": label, "name": name} for label, name in enumerate(names, 1)],
        "provenance": {
            **PROVENANCE, "structures": list(names), "model": model or PROVENANCE["model"]
        },
        "notes": [],
    }  # fmt: skip


def ids_by_name(segmentation_node) -> dict[str, str]:
    segmentation = segmentation_node.GetSegmentation()
    return {segmentation.GetSegment(i).GetName(): i for i in segmentation.GetSegmentIDs()}


def tags_of(segment) -> dict[str, str]:
    keys = [f"VoCo.{key}" for key in ("model", "structure", "hash", "versions", "date", "device",
                                      "overlap", "segment")]  # fmt: skip
    keys += ["TerminologyEntry", "DICOM.SegmentAlgorithmType", "DICOM.SegmentAlgorithmName", "own"]
    tags = {}
    for key in keys:
        value = vtk.reference("")
        if segment.GetTag(key, value):
            tags[key] = str(value)
    return tags


def describe_segmentation(node) -> dict[str, Any]:
    """Everything of a segmentation that a user can see or a file can hold."""
    segmentation, display = node.GetSegmentation(), node.GetDisplayNode()
    described = {}
    for segment_id in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(segment_id)
        surface = segment.GetRepresentation("Closed surface")
        described[segment_id] = {
            "name": segment.GetName(),
            "color": segment.GetColor(),
            "tags": tags_of(segment),
            "points": np.round(segment_points(node, segment_id), 6).tolist(),
            "surface": surface.GetNumberOfPoints() if surface else None,
            "opacity": display and display.GetSegmentOpacity3D(segment_id),
            "visible": display and display.GetSegmentVisibility(segment_id),
        }
    return described


def describe(scene) -> dict[str, Any]:
    described = {}
    for node in scene.GetNodes():
        about = {"name": node.GetName(), "attributes": {
            key: node.GetAttribute(key) for key in node.GetAttributeNames()
        }}  # fmt: skip
        if node.IsA("vtkMRMLSegmentationNode"):
            about["segments"] = describe_segmentation(node)
            about["transform"] = node.GetTransformNodeID()
            about["reference"] = node.GetNodeReferenceID("referenceImageGeometryRef")
        described[node.GetID()] = about
    return described


MASKS = some_masks()
OTHER_MASKS = some_masks(seed=8)


def own_segment(node, name="mine", matrix=None, label=1):
    """A segment drawn by the user, on another grid than any volume's."""
    labelmap = slicer.vtkOrientedImageData()
    values = np.zeros((3, 4, 5), np.uint8)
    values[1:, 2:, 1:3] = label
    labelmap.ShallowCopy(image_data(values))
    labelmap.SetImageToWorldMatrix(
        vtk_matrix(affine(rotation(0.2, 0.1, 0.4) * 2.2, (9, 8, 7)) if matrix is None else matrix)
    )
    segment = slicer.vtkSegment()
    segment.SetName(name)
    segment.SetColor(0.1, 0.2, 0.3)
    segment.SetTag("own", "kept")
    segment.SetLabelValue(label)
    segment.AddRepresentation("Binary labelmap", labelmap)
    assert node.GetSegmentation().AddSegment(segment, "Segment_1")
    return "Segment_1"


def paint_into(node, segment_id, name="painted"):
    """A segment that shares the label map of another, as the Segment Editor makes it."""
    other = node.GetSegmentation().GetSegment(segment_id)
    labelmap = other.GetRepresentation("Binary labelmap")
    free = [
        (i, j, k)
        for i, j, k in np.ndindex(labelmap.GetDimensions())
        if labelmap.GetScalarComponentAsDouble(i, j, k, 0) == 0
    ]
    for i, j, k in free[:5]:
        labelmap.SetScalarComponentFromDouble(i, j, k, 0, 77)
    segment = slicer.vtkSegment()
    segment.SetName(name)
    segment.SetLabelValue(77)
    segment.AddRepresentation("Binary labelmap", labelmap)
    painted = node.GetSegmentation().GenerateUniqueSegmentID(name)
    node.GetSegmentation().AddSegment(segment, painted)
    return painted
