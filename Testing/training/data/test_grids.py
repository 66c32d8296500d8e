"""Whether two images lie on one grid."""

import pytest
import SimpleITK as sitk

from voco3d.data.grids import on_one_grid


def image(spacing=(1.0, 2.0, 3.0), origin=(0.0, 0.0, 0.0), direction=None) -> sitk.Image:
    grid = sitk.Image([5, 6, 7], sitk.sitkUInt8)
    grid.SetSpacing(spacing)
    grid.SetOrigin(origin)
    grid.SetDirection(direction or (1, 0, 0, 0, 1, 0, 0, 0, 1))
    return grid


def test_the_same_grid():
    assert on_one_grid(image(), image(origin=(0.05, 0.0, 0.0)))


@pytest.mark.parametrize(
    "other",
    [
        image(spacing=(1.1, 2.0, 3.0)),
        image(origin=(0.0, 0.0, 1.0)),
        image(direction=(-1, 0, 0, 0, -1, 0, 0, 0, 1)),
        image()[:4],
    ],
    ids=["spacing", "origin", "direction", "size"],
)
def test_another_grid(other):
    assert not on_one_grid(image(), other)
    assert not on_one_grid(other, image())
