"""Surfaces made in short steps against Slicer's own conversion of the whole."""

import time

import numpy as np
import pytest
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from VoCoSlicerLib.scene import surfaces
from VoCoSlicerLib.scene.geometry import as_matrix
from VoCoSlicerLib.scene.steps import finish
from VoCoSlicerLib.scene.surfaces import LABELMAP, SURFACE, making_surface

LONGEST_STEP = 0.15  # seconds of the processor; 0.08 was measured on a machine that is free

OBLIQUE = np.array(
    [[0.6, -0.5, 0.9, 10], [0.5, 0.6, 0.4, -20], [-0.3, 0.1, 2.2, 30], [0, 0, 0, 1.0]]
)
LEFT_HANDED = np.diag([-0.7, 0.8, 2.0, 1.0])


def label_map(labels, matrix=None, start=(0, 0, 0)):
    """Labels (k, j, i) as a label map."""
    image = slicer.vtkOrientedImageData()
    ends = [(low, low + side - 1) for low, side in zip(start, labels.shape[::-1], strict=True)]
    image.SetExtent(*(number for end in ends for number in end))
    image.GetPointData().SetScalars(numpy_to_vtk(labels.ravel(), deep=True))
    image.SetImageToWorldMatrix(as_matrix(np.eye(4) if matrix is None else matrix))
    return image


@pytest.fixture
def segmentation(application):
    return application.scene.AddNewNodeByClass("vtkMRMLSegmentationNode").GetSegmentation()


def slicers_own(segmentation, image, label):
    segment = slicer.vtkSegment()
    segment.SetLabelValue(label)
    segment.AddRepresentation(LABELMAP, image)
    segmentation.SetSourceRepresentationName(LABELMAP)
    segmentation.AddSegment(segment, "own")
    segmentation.CreateRepresentation(SURFACE)
    surface = segment.GetRepresentation(SURFACE)
    segmentation.RemoveSegment("own")
    return surface


def branched(seed=0):
    """A thick structure with a hole, an arm to the border of the image, and crumbs; label 2."""
    z, y, x = np.ogrid[:60, :50, :40]
    thick = ((z - 30) / 25) ** 2 + ((y - 25) / 18) ** 2 + ((x - 20) / 15) ** 2 < 1
    hole = (z - 30) ** 2 + (y - 25) ** 2 + (x - 20) ** 2 < 60
    labels = np.where(thick & ~hole, 2, 0).astype(np.uint8)
    labels[20:24, 24:27, :] = 2
    labels[:, :4, :4] = 2
    labels[np.random.default_rng(seed).random(labels.shape) < 0.002] = 2
    labels[40:45, 20:30, 10:20] = 5
    return labels


def points_of(surface):
    return vtk_to_numpy(surface.GetPoints().GetData()).astype(np.float64)


def corners_of(surface):
    return vtk_to_numpy(surface.GetPolys().GetConnectivityArray()).reshape(-1, 3)


def enclosed(surface):
    a, b, c = (points_of(surface)[corners_of(surface)[:, corner]] for corner in range(3))
    return np.einsum("tx,tx->", a, np.cross(b, c)) / 6


def open_edges(surface):
    edges = vtk.vtkFeatureEdges()
    edges.SetInputData(surface)
    edges.FeatureEdgesOff()
    edges.ManifoldEdgesOff()
    edges.NonManifoldEdgesOff()
    edges.BoundaryEdgesOn()
    edges.Update()
    return edges.GetOutput().GetNumberOfCells()


def normals_of(surface):
    return vtk_to_numpy(surface.GetPointData().GetNormals())


def nearest(surface, other):
    """For each point of a surface the number of the nearest point of another."""
    locator = vtk.vtkPointLocator()
    locator.SetDataSet(other)
    locator.BuildLocator()
    return np.array([locator.FindClosestPoint(point) for point in points_of(surface)])


@pytest.fixture
def in_slabs(monkeypatch):
    """Small structures, too, are made of many slabs."""
    monkeypatch.setattr(surfaces, "SHORT", 0)
    monkeypatch.setattr(surfaces, "SLAB", 500)
    monkeypatch.setattr(surfaces, "SCANNED", 10_000)


@pytest.mark.parametrize("matrix", [np.eye(4), OBLIQUE, LEFT_HANDED])
@pytest.mark.parametrize("smoothing", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("start", [(0, 0, 0), (-7, 5, 3)])
def test_slabs_fit_together_to_what_slicer_makes(segmentation, in_slabs, matrix, smoothing, start):
    segmentation.SetConversionParameter("Smoothing factor", str(smoothing))
    image = label_map(branched(), matrix, start)
    own = slicers_own(segmentation, image, 2)
    joined = finish(making_surface(image, 2, segmentation))
    assert joined.GetNumberOfPoints() == own.GetNumberOfPoints() > 5000
    assert joined.GetNumberOfPolys() == own.GetNumberOfPolys()
    assert open_edges(joined) == open_edges(own) == 0
    assert enclosed(joined) == pytest.approx(enclosed(own), rel=5e-3)
    voxel = np.linalg.norm(matrix[:3, :3], axis=0).max()
    for one, other in ((joined, own), (own, joined)):
        distances = np.linalg.norm(points_of(one) - points_of(other)[nearest(one, other)], axis=1)
        assert distances.max() < 0.1 * voxel
        assert distances.mean() < 0.02 * voxel
    directions, twins = normals_of(joined), normals_of(own)[nearest(joined, own)]
    assert np.median(np.einsum("px,px->p", directions, twins)) > 0.999


def test_a_small_structure_in_a_large_image_is_exactly_what_slicer_makes(segmentation):
    labels = np.zeros((90, 80, 70), dtype=np.uint8)
    labels[30:50, 20:44, 0:30] = branched()[20:40, 10:34, :30]
    image = label_map(labels, OBLIQUE)
    own = slicers_own(segmentation, image, 2)
    made = finish(making_surface(image, 2, segmentation))
    assert corners_of(made).tolist() == corners_of(own).tolist()
    assert points_of(made) == pytest.approx(points_of(own), abs=1e-4)


@pytest.mark.parametrize(
    ("parameter", "value"), [("Decimation factor", "0.5"), ("Conversion method", "1")]
)
def test_other_ways_of_conversion_are_left_to_slicer(segmentation, in_slabs, parameter, value):
    segmentation.SetConversionParameter(parameter, value)
    image = label_map(branched())
    own = slicers_own(segmentation, image, 2)
    made = finish(making_surface(image, 2, segmentation))
    assert made.GetNumberOfPolys() == own.GetNumberOfPolys()
    assert enclosed(made) == pytest.approx(enclosed(own), rel=0.01)


def test_without_normals(segmentation, in_slabs):
    segmentation.SetConversionParameter("Compute surface normals", "0")
    surface = finish(making_surface(label_map(branched()), 2, segmentation))
    assert surface.GetNumberOfPoints() > 0
    assert surface.GetPointData().GetNormals() is None


@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 1, 1)])
def test_nothing_has_an_empty_surface(segmentation, shape):
    image = label_map(np.zeros(shape, dtype=np.uint8))
    assert finish(making_surface(image, 1, segmentation)).GetNumberOfPoints() == 0
    empty = slicer.vtkOrientedImageData()
    assert finish(making_surface(empty, 1, segmentation)).GetNumberOfPoints() == 0


def test_no_step_is_long_for_a_liver_in_a_large_ct(segmentation):
    z, y, x = np.ogrid[:300, :512, :512]
    labels = np.zeros((300, 512, 512), dtype=np.uint8)
    labels[((z - 150) / 110) ** 2 + ((y - 256) / 130) ** 2 + ((x - 256) / 150) ** 2 < 1] = 1
    steps = making_surface(label_map(labels), 1, segmentation)
    pauses = []
    done = False
    while not done:
        start = time.thread_time()
        done = next(steps, None) is None
        pauses.append(time.thread_time() - start)
    assert len(pauses) > 60
    assert max(pauses) < LONGEST_STEP
