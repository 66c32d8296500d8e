"""Voxels and places in the patient."""

import numpy as np
import pytest

from Testing.training.positions.pictures import noise, place_of
from voco3d.positions.frame import Frame


@pytest.mark.parametrize("oblique", [False, True])
def test_voxel_centres_lie_where_simpleitk_says(oblique):
    image = noise(oblique=oblique)
    frame = Frame.of(image)
    for index in ((0, 0, 0), (19, 0, 0), (0, 21, 0), (0, 0, 17), (7, 3, 11)):
        voxel = np.array(index) + 0.5
        np.testing.assert_allclose(frame.to_ras(voxel), place_of(image, index), atol=1e-9)
        np.testing.assert_allclose(frame.to_voxels(place_of(image, index)), voxel, atol=1e-9)


def test_a_moved_frame_is_that_of_the_part():
    image = noise(oblique=True)
    part = image[4:15, 6:20, 2:10]
    frame = Frame.of(image).moved([4, 6, 2])
    np.testing.assert_allclose(frame.corner, Frame.of(part).corner, atol=1e-9)


def test_its_grid_is_an_image_there():
    image = noise(oblique=True)
    grid = Frame.of(image).grid(image.GetSize())
    assert grid.GetSize() == image.GetSize()
    for name in ("GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(grid, name)(), getattr(image, name)(), atol=1e-9)
