from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voco3d.geometry import BaseGrid, overlap_shares

quick = settings(deadline=None, max_examples=40)
TABLE_7 = [(2, 2, 1), (3, 3, 1), (4, 4, 1), (5, 5, 1), (3, 3, 2), (4, 4, 2)]
COUNTS = st.sampled_from(TABLE_7) | st.tuples(*[st.integers(1, 4)] * 3)
CROPS = st.tuples(*[st.integers(1, 7)] * 3)
GRIDS = st.builds(BaseGrid, COUNTS, CROPS)


@st.composite
def grids_and_starts(draw, grids=GRIDS, beyond=0):
    """A grid and the first voxels of crops, at most ``beyond`` sides outside the volume."""
    grid = draw(grids)
    start = st.tuples(
        *(
            st.integers(-beyond * side, size - side + beyond * side)
            for size, side in zip(grid.size, grid.crop, strict=True)
        )
    )
    return grid, np.array(draw(st.lists(start, min_size=1, max_size=4)))


def labels(grid, starts):
    return overlap_shares(grid.boxes_at(starts), grid.boxes())


def counted(grid, starts):
    """The labels once more: paint each base's number into a volume and count inside the crop.

    The volume has a margin of a crop on every side, which belongs to no base.
    """
    numbers = np.full([size + 2 * side for size, side in zip(grid.size, grid.crop, strict=True)], 0)
    dx, dy, dz = grid.crop
    nx, ny, nz = grid.counts
    number = 0
    for x in range(nx):
        for y in range(ny):
            for z in range(nz):
                number += 1
                numbers[
                    (1 + x) * dx : (2 + x) * dx,
                    (1 + y) * dy : (2 + y) * dy,
                    (1 + z) * dz : (2 + z) * dz,
                ] = number
    rows = []
    for x, y, z in starts + grid.crop:
        inside = numbers[x : x + dx, y : y + dy, z : z + dz]
        assert inside.shape == grid.crop
        rows.append([(inside == base + 1).sum() / inside.size for base in range(number)])
    return np.array(rows)


@pytest.mark.parametrize("counts", TABLE_7)
@quick
@given(data=st.data())
def test_labels_sum_to_1_for_crops_inside_the_grids_of_table_7(counts, data):
    grids = CROPS.map(lambda crop: BaseGrid(counts, crop))
    grid, starts = data.draw(grids_and_starts(grids))
    assert labels(grid, starts).shape == (len(starts), np.prod(counts))
    np.testing.assert_allclose(labels(grid, starts).sum(axis=1), 1, rtol=0, atol=1e-12)


@quick
@given(GRIDS, st.tuples(*[st.floats(0, 1)] * 3))
def test_labels_sum_to_1_between_the_voxels_too(grid, place):
    start = np.multiply(place, np.subtract(grid.size, grid.crop))
    np.testing.assert_allclose(labels(grid, [start]).sum(axis=1), 1, rtol=0, atol=1e-9)


@quick
@given(grids_and_starts(beyond=1))
def test_labels_are_the_shares_of_voxels_counted_one_by_one(drawn):
    grid, starts = drawn
    np.testing.assert_allclose(labels(grid, starts), counted(grid, starts), rtol=0, atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
@quick
@given(drawn=grids_and_starts(beyond=1))
def test_mirrored_crops_get_mirrored_labels(axis, drawn):
    grid, starts = drawn
    mirrored = starts.copy()
    mirrored[:, axis] = grid.size[axis] - grid.crop[axis] - starts[:, axis]
    shape = (len(starts), *grid.counts)
    expected = np.flip(labels(grid, starts).reshape(shape), axis=axis + 1)
    np.testing.assert_allclose(labels(grid, mirrored).reshape(shape), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@quick
@given(drawn=grids_and_starts(beyond=1))
def test_swapping_axes_swaps_the_labels(order, drawn):
    grid, starts = drawn
    swapped = BaseGrid(
        tuple(grid.counts[axis] for axis in order), tuple(grid.crop[axis] for axis in order)
    )
    expected = labels(grid, starts).reshape(len(starts), *grid.counts)
    np.testing.assert_allclose(
        labels(swapped, starts[:, order]).reshape(len(starts), *swapped.counts),
        expected.transpose(0, *(1 + axis for axis in order)),
        rtol=0,
        atol=1e-12,
    )


@quick
@given(GRIDS)
def test_a_base_lies_in_itself_alone(grid):
    assert (overlap_shares(grid.boxes(), grid.boxes()) == np.eye(grid.n)).all()


@quick
@given(GRIDS, st.integers(0, 2), st.sampled_from([-1, 1]), st.integers(0, 9))
def test_boxes_outside_get_nothing_even_where_they_touch(grid, axis, direction, gap):
    start = np.zeros((1, 3))
    start[0, axis] = grid.size[axis] + gap if direction > 0 else -grid.crop[axis] - gap
    assert (labels(grid, start) == 0).all()


def test_boxes_outside_on_two_axes_get_nothing():
    """Two negative sides would multiply to a positive volume."""
    grid = BaseGrid((2, 2, 1), (4, 4, 4))
    assert (labels(grid, [[-9, -9, 0], [-9, -9, -9], [20, -9, 0]]) == 0).all()


@quick
@given(grids_and_starts(beyond=1))
def test_labels_sum_to_the_share_inside_the_volume(drawn):
    grid, starts = drawn
    inside = np.minimum(starts + grid.crop, grid.size) - np.maximum(starts, 0)
    expected = (inside / grid.crop).prod(axis=1)
    np.testing.assert_allclose(labels(grid, starts).sum(axis=1), expected, rtol=0, atol=1e-12)


def test_a_share_is_of_the_crop_whatever_the_size_of_the_base():
    crop = np.array([[[0.0, 0, 0], [4, 4, 4]]])
    bases = np.array([[[0.0, 0, 0], [1, 4, 4]], [[1, 0, 0], [9, 9, 9]]])
    assert overlap_shares(crop, bases).tolist() == [[0.25, 0.75]]


def test_figure_4_of_the_paper():
    """The paper draws a crop with 0.25, 0.1, 0.5 and 0.15 in bases 5, 6, 9 and 10 of 4 x 4.

    Equal boxes cannot have exactly these shares: with a share r in the upper row and c in the
    left column they are r c, r (1 - c), (1 - r) c and (1 - r)(1 - c), so the first times the
    fourth equals the second times the third, but 0.25 x 0.15 is not 0.1 x 0.5. The figure's row
    and column sums, r = 0.35 and c = 0.75, give 0.2625, 0.0875, 0.4875 and 0.1625, each 0.0125
    away: no place comes nearer.
    """
    figure = np.zeros(16)
    figure[[5, 6, 9, 10]] = 0.25, 0.1, 0.5, 0.15
    grid = BaseGrid((4, 4, 1), (20, 20, 20))

    drawn = labels(grid, [[33, 25, 0]])[0]
    expected = np.zeros(16)
    expected[[5, 6, 9, 10]] = 0.2625, 0.0875, 0.4875, 0.1625
    np.testing.assert_allclose(drawn, expected, rtol=0, atol=1e-12)
    assert np.abs(drawn - figure).max() == pytest.approx(0.0125)

    anywhere = np.array([(x, y, 0) for x in range(61) for y in range(61)])
    distances = np.abs(labels(grid, anywhere) - figure).max(axis=1)
    assert anywhere[distances.argmin()].tolist() == [33, 25, 0]
