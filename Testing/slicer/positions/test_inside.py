"""Whether a place lies in a volume, against SimpleITK, on oblique and flipped grids."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import vtk

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.positions.inside import is_inside
from VoCoSlicerLib.scene.ct import load_ct
from VoCoSlicerLib.scene.headless import HeadlessApplication

OBLIQUE = sitk.Euler3DTransform((0, 0, 0), 0.15, -0.2, 0.3).GetMatrix()
FLIPPED = (-1.0, 0, 0, 0, 1.0, 0, 0, 0, -1.0)


@pytest.mark.parametrize("direction", [FLIPPED, OBLIQUE], ids=["flipped", "oblique"])
def test_it_agrees_with_the_index(
    application: HeadlessApplication, tmp_path: Path, direction: tuple[float, ...]
) -> None:
    image = sitk.Image((9, 7, 5), sitk.sitkInt16)
    image.SetSpacing((2.0, 3.0, 4.0))
    image.SetOrigin((10.0, -20.0, 30.0))
    image.SetDirection(direction)
    sitk.WriteImage(image, str(tmp_path / "ct.nrrd"))
    node = load_ct(application.scene, tmp_path / "ct.nrrd", "CT")
    middle = np.array(image.TransformContinuousIndexToPhysicalPoint((4.0, 3.0, 2.0)))
    inside = 0
    for step in np.random.default_rng(0).uniform(-20, 20, (200, 3)):
        place = middle + step
        index = np.array(image.TransformPhysicalPointToContinuousIndex(place.tolist()))
        expected = bool((index >= -0.5).all() and (index <= np.array((8.5, 6.5, 4.5))).all())
        x, y, z = place * [-1, -1, 1]
        assert is_inside((x, y, z), node) == expected
        inside += expected
    assert 10 < inside < 190


def test_the_transform_above_the_volume_counts(
    application: HeadlessApplication, tmp_path: Path
) -> None:
    sitk.WriteImage(sitk.Image((5, 5, 5), sitk.sitkInt16), str(tmp_path / "ct.nrrd"))
    node = load_ct(application.scene, tmp_path / "ct.nrrd", "CT")
    transform = application.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 100.0)
    transform.SetMatrixTransformToParent(matrix)
    assert is_inside((0.0, 0.0, 0.0), node)
    node.SetAndObserveTransformNodeID(transform.GetID())
    assert not is_inside((0.0, 0.0, 0.0), node)
    assert is_inside((100.0, 0.0, 0.0), node)
    bent = application.scene.AddNewNodeByClass("vtkMRMLTransformNode")
    bent.SetAndObserveTransformToParent(vtk.vtkThinPlateSplineTransform())
    node.SetAndObserveTransformNodeID(bent.GetID())
    with pytest.raises(VoCoSlicerError, match="not linear"):
        is_inside((0.0, 0.0, 0.0), node)
