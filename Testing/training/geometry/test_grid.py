import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voco3d.errors import VoCoError
from voco3d.geometry import BaseGrid

quick = settings(deadline=None, max_examples=50)
TRIPLES = st.tuples(*[st.integers(1, 4)] * 3)
GRIDS = st.builds(BaseGrid, TRIPLES, TRIPLES)


@quick
@given(GRIDS)
def test_size_and_number_of_bases_are_products(grid):
    assert grid.size == tuple(c * s for c, s in zip(grid.counts, grid.crop, strict=True))
    assert grid.n == grid.counts[0] * grid.counts[1] * grid.counts[2]


def test_the_default_grid_of_the_paper_covers_256_x_256_x_64():
    grid = BaseGrid((4, 4, 1), (64, 64, 64))
    assert grid.n == 16
    assert grid.size == (256, 256, 64)


@quick
@given(GRIDS)
def test_bases_tile_the_volume_each_voxel_in_exactly_one(grid):
    painted = np.zeros(grid.size, dtype=int)
    for first, last in grid.boxes().astype(int):
        assert (first >= 0).all()
        assert (last <= grid.size).all()
        painted[tuple(map(slice, first, last))] += 1
    assert (painted == 1).all()


@quick
@given(GRIDS)
def test_reshape_to_counts_puts_the_value_of_a_base_in_its_place(grid):
    numbers = np.arange(grid.n).reshape(grid.counts)
    starts = grid.starts()
    for place in np.ndindex(grid.counts):
        assert (starts[numbers[place]] == np.multiply(place, grid.crop)).all()


def test_bases_are_numbered_with_z_running_fastest_and_x_slowest():
    starts = BaseGrid((2, 3, 2), (10, 20, 30)).starts()
    assert starts[1].tolist() == [0, 0, 30]
    assert starts[2].tolist() == [0, 20, 0]
    assert starts[6].tolist() == [10, 0, 0]
    assert np.issubdtype(starts.dtype, np.integer)


def test_boxes_run_from_the_first_voxel_to_the_one_after_the_last():
    boxes = BaseGrid((2, 2, 1), (4, 5, 6)).boxes_at([[1, 2, 0], [0, 0, 0]])
    assert boxes.tolist() == [[[1, 2, 0], [5, 7, 6]], [[0, 0, 0], [4, 5, 6]]]


@pytest.mark.parametrize("wrong", [(0, 4, 1), (4, -1, 1), (4, 4), (4, 4, 1, 1), (4, 1.5, 1)])
def test_refuses_counts_and_sides_that_are_not_three_whole_numbers_from_1_up(wrong):
    with pytest.raises(VoCoError, match="counts must be three whole numbers from 1 up"):
        BaseGrid(wrong, (8, 8, 8))
    with pytest.raises(VoCoError, match="crop must be three whole numbers from 1 up"):
        BaseGrid((4, 4, 1), wrong)
