import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from Testing.training.metrics import plain
from voco3d.metrics.surface import hausdorff95, joint_box, surface_dice

ANISOTROPIC = (0.7, 1.3, 4.0)
few = settings(max_examples=40, deadline=None)
masks = arrays(bool, (4, 3, 5))
spacings = st.tuples(*[st.sampled_from([0.5, 0.9765625, 1.3, 3.0, 5.0])] * 3)
cuboids = st.tuples(*map(st.sampled_from, plain.cuboids())).map(
    lambda ranges: plain.cuboid(*zip(*ranges, strict=True))
)


@few
@given(masks, masks, spacings)
def test_hausdorff95_equals_all_pairs_of_surface_voxels(predicted, reference, spacing):
    assume(predicted.any() and reference.any())
    expected = plain.hausdorff95(predicted, reference, spacing)
    assert hausdorff95(predicted, reference, spacing) == pytest.approx(expected, abs=1e-5)


@few
@given(cuboids, cuboids, spacings, st.floats(0.05, 8))
def test_surface_dice_of_cuboids_equals_all_pairs_of_pieces(predicted, reference, spacing, mm):
    # No distance lies within rounding of the tolerance.
    places = [[p for p, _ in plain.cuboid_surface(m, spacing)] for m in (predicted, reference)]
    distances = [np.linalg.norm(p - q) for p in places[0] for q in places[1]]
    assume(min(abs(d - mm) for d in distances) > 0.01)
    expected = plain.cuboid_surface_dice(predicted, reference, spacing, mm)
    assert surface_dice(predicted, reference, spacing, mm) == pytest.approx(expected, abs=1e-5)


@few
@given(masks, masks, st.floats(0, 5))
def test_the_measures_are_symmetric_and_the_surface_dice_grows_with_the_tolerance(one, two, mm):
    assume(one.any() and two.any())
    assert hausdorff95(one, two, ANISOTROPIC) == hausdorff95(two, one, ANISOTROPIC)
    share = surface_dice(one, two, ANISOTROPIC, mm)
    assert share == pytest.approx(surface_dice(two, one, ANISOTROPIC, mm))
    assert 0 <= share <= surface_dice(one, two, ANISOTROPIC, mm + 1) + 1e-6
    assert surface_dice(one, two, ANISOTROPIC, 100) == 1


@few
@given(masks)
def test_equal_masks_wherever_they_lie(mask):
    assume(mask.any())
    assert hausdorff95(mask, mask, ANISOTROPIC) == 0
    assert surface_dice(mask, mask, ANISOTROPIC, 0) == 1


@few
@given(masks, masks)
def test_background_around_the_masks_changes_nothing(predicted, reference):
    assume(predicted.any() and reference.any())
    wide = [np.pad(mask, ((2, 0), (1, 3), (0, 1))) for mask in (predicted, reference)]
    box = joint_box(*wide)
    tight = [mask[box] for mask in wide]
    for measure in (hausdorff95, lambda p, r, s: surface_dice(p, r, s, 1.0)):
        values = [measure(*pair, ANISOTROPIC) for pair in ((predicted, reference), wide, tight)]
        assert values == pytest.approx([values[0]] * 3)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_cube_shifted_by_two_voxels_along_an_axis(axis):
    cube = np.zeros((9, 9, 9), bool)
    cube[2:6, 2:6, 2:6] = True
    shifted = np.roll(cube, 2, axis)
    distance = 2 * ANISOTROPIC[axis]
    assert hausdorff95(cube, shifted, ANISOTROPIC) == pytest.approx(distance)
    assert surface_dice(cube, shifted, ANISOTROPIC, distance) == pytest.approx(1)
    assert surface_dice(cube, shifted, ANISOTROPIC, distance - 0.1) < 0.9


def test_single_precision_voxel_sizes_do_not_flip_a_distance_at_the_tolerance():
    slab = np.zeros((12, 4, 4), bool)
    slab[2:8] = True
    shifted = np.roll(slab, 3, 0)
    for side in (1.0, float(np.nextafter(np.float32(1), np.float32(2)))):
        assert surface_dice(slab, shifted, (side, 50.0, 50.0), 3.0) == 1


def test_one_far_voxel_hardly_counts_in_the_95_percentile():
    block = np.zeros((40, 8, 8), bool)
    block[:8] = True
    outlier = block.copy()
    outlier[39, 0, 0] = True
    assert hausdorff95(outlier, block, (1, 1, 1)) == 0


def test_empty_masks():
    empty, full = np.zeros((3, 3, 3), bool), np.ones((3, 3, 3), bool)
    for pair in ((empty, full), (full, empty)):
        assert hausdorff95(*pair, ANISOTROPIC) == math.inf
        assert surface_dice(*pair, ANISOTROPIC, 100.0) == 0
    assert math.isnan(hausdorff95(empty, empty, ANISOTROPIC))
    assert math.isnan(surface_dice(empty, empty, ANISOTROPIC, 3.0))
    assert joint_box(empty, empty) is None


def test_joint_box_holds_both_masks_and_no_more():
    one, two = np.zeros((5, 6, 7), bool), np.zeros((5, 6, 7), bool)
    one[1, 2, 3] = two[4, 0, 3] = True
    assert joint_box(one, two) == (slice(1, 5), slice(0, 3), slice(3, 4))
