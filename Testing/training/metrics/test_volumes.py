"""What a structure measures, and whether the border of the image cuts it."""

import math

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.conftest import STRUCTURES
from voco3d.metrics.volumes import measure
from voco3d.models.regions import Regions

NAMED = {1: STRUCTURES[0], 2: STRUCTURES[1]}


def image_of(array):
    """An image of an (x, y, z) array, voxels of 2 x 3 x 5 mm."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0)))
    image.SetSpacing((2.0, 3.0, 5.0))
    return image


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("end", [0, -1])
def test_each_face_of_the_image_is_a_border(axis, end):
    labels = np.zeros((6, 7, 8), np.uint8)
    labels[2:4, 2:4, 2:4] = 1
    place = [3, 3, 3]
    place[axis] = end
    labels[tuple(place)] = 2
    image = image_of(np.arange(labels.size, dtype=np.int16).reshape(labels.shape))
    inner, outer = measure(image_of(labels), image, NAMED)
    assert (inner.touches_border, outer.touches_border) == (False, True)


def test_voxels_volume_and_mean_against_masks():
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, (5, 6, 7)).astype(np.uint8)
    values = random.integers(-1000, 2000, labels.shape).astype(np.int16)
    for found in measure(image_of(labels), image_of(values), NAMED):
        mask = labels == found.label
        assert found.voxels == mask.sum()
        assert found.millilitres == pytest.approx(mask.sum() * 30 / 1000)
        assert found.mean_hu == pytest.approx(values[mask].mean())
        assert found.name == NAMED[found.label].name


def test_what_is_not_there_touches_nothing_and_has_no_mean():
    labels = np.zeros((5, 6, 7), np.uint8)
    empty, _ = measure(image_of(labels), image_of(labels.astype(np.int16)), NAMED)
    assert (empty.voxels, empty.touches_border) == (0, False)
    assert math.isnan(empty.mean_hu)


def test_a_region_consists_of_all_its_labels():
    labels = np.zeros((5, 6, 7), np.uint8)
    labels[2, 2, 2], labels[2, 2, 0] = 1, 2
    regions = Regions(((1, 2), (1,)), (2, 1))
    whole, core = measure(image_of(labels), image_of(labels.astype(np.int16)), NAMED, regions)
    assert (whole.voxels, whole.touches_border) == (2, True)
    assert (core.voxels, core.touches_border) == (1, False)
