import csv
import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from voco3d.metrics import dice, measure, write_csv
from voco3d.models import Code, Structure

label_maps = arrays(np.uint8, (3, 4, 5), elements=st.integers(0, 2))
TISSUE = Code("SCT", "85756007", "Tissue")
A, B = (Structure(name, (1, 2, 3), TISSUE, TISSUE) for name in "ab")


@given(label_maps, label_maps)
def test_dice_equals_a_voxel_by_voxel_count(predicted, reference):
    both = either = 0
    for p, r in zip(predicted.ravel().tolist(), reference.ravel().tolist(), strict=True):
        both += p == 1 and r == 1
        either += (p == 1) + (r == 1)
    value = dice(predicted, reference, 1)
    assert math.isnan(value) if either == 0 else value == pytest.approx(2 * both / either)


def test_dice_of_a_class_absent_in_one_map_is_zero():
    assert dice(np.zeros((2, 2, 2), int), np.ones((2, 2, 2), int), 1) == 0


def test_volume_and_mean_intensity(tmp_path):
    labels = np.zeros((2, 3, 4), np.uint8)
    labels[0, 0, :3] = 1
    intensities = np.arange(24, dtype=np.int16).reshape(2, 3, 4) - 10
    label_image, image = sitk.GetImageFromArray(labels), sitk.GetImageFromArray(intensities)
    label_image.SetSpacing((2, 3, 5))
    first, second = measure(label_image, image, {1: A, 7: B})
    assert first.millilitres == pytest.approx(3 * 30 / 1000)
    assert first.mean_hu == pytest.approx(-9)
    assert (first.label, first.voxels, first.touches_border) == (1, 3, True)
    assert (second.voxels, second.touches_border) == (0, False)
    assert second.millilitres == 0
    assert math.isnan(second.mean_hu)
    write_csv(tmp_path / "volumes.csv", [first, second])
    rows = list(csv.reader((tmp_path / "volumes.csv").open()))
    assert rows == [["structure", "volume_ml", "mean_hu"], ["a", "0.09", "-9.0"], ["b", "0.00", ""]]
